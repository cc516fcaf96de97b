"""Files of others: what is understood, and what is unknown."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.sources.keyfile import LONGEST, Outline, UnclearError, names_in, outline, sections, text_of

CLOUD = """\
#cloud-config
# The top level settings
users:
   - default
disable_root: true
datasource_list: [ AliYun, "None" ]
datasource:
  AliYun: {apply_full_imds_network_config: false}
updates:
  network:
    when:
    - boot      # every one
    - 'hotplug'
output: {all: '| tee -a /var/log/cloud-init-output.log'}
system_info:
   default_user:
     name: debian
     sudo: ["ALL=(ALL) NOPASSWD:ALL"]
   package_mirrors:
     - arches: [default]
       failsafe:
         primary: https://mirror.example.com/debian
log_cfgs:
 - &log_base |
   [loggers]
   keys=root,cloudinit
 - [ *log_base, *log_file ]
network: {config: disabled}
"""


def test_a_file_is_read_if_it_is_plain_and_small(tmp_path: Path) -> None:
    plain, large, pipe = (tmp_path / name for name in ("plain", "large", "pipe"))
    plain.write_text("text")
    large.write_bytes(b"x" * (LONGEST + 1))
    os.mkfifo(pipe)

    assert text_of(str(plain)) == "text"
    assert text_of(str(large)) is None
    assert text_of(str(pipe)) is None
    assert text_of(str(tmp_path)) is None
    assert text_of(str(tmp_path / "none")) is None
    plain.write_bytes(b"\xff")
    assert text_of(str(plain)) is None
    assert names_in(str(tmp_path)) == ["large", "pipe", "plain"]
    assert names_in(str(tmp_path / "none")) == []


def test_sections_have_keys() -> None:
    text = "# said\n[Match]\nName=eth1\n; more\n[Link]\nUnmanaged = yes\nUnmanaged=no\n\n[Match]\nMACAddress=a=b\n"

    assert sections(text) == {"Match": {"Name": "eth1", "MACAddress": "a=b"}, "Link": {"Unmanaged": "no"}}


@pytest.mark.parametrize("text", ["Name=eth1\n", "[Match]\nName\n"])
def test_other_forms_are_unclear(text: str) -> None:
    with pytest.raises(UnclearError):
        sections(text)


def test_what_cloud_init_is_told_is_read_and_what_is_more_is_none() -> None:
    found = outline(CLOUD)

    assert found["disable_root"] == "true"
    assert found["users"] == ["default"]
    assert found["datasource_list"] == ["AliYun", "None"]
    assert found["datasource"] == {"AliYun": {"apply_full_imds_network_config": "false"}}
    assert found["updates"] == {"network": {"when": ["boot", "hotplug"]}}
    assert found["network"] == {"config": "disabled"}
    assert found["log_cfgs"] is None
    assert isinstance(found["system_info"], dict)
    assert found["system_info"]["package_mirrors"] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("---\na: 1\n", {"a": "1"}),
        ("a:\nb: 'x # y'\n", {"a": "", "b": "x # y"}),
        ("a: |\n  free text: with colons\n  more\nb: 1\n", {"a": None, "b": "1"}),
        ("a: &anchor\n  b: 1\nc: 2\n", {"a": None, "c": "2"}),
        ("a: [x,\n  y]\nb: 1\n", {"a": None, "b": "1"}),
        ("a: {b: {c: 1}}\n", {"a": None}),
        ("a:\n- b: 1\n  c: 2\nd: 3\n", {"a": None, "d": "3"}),
    ],
)
def test_more_of_yaml_is_left_out(text: str, expected: Outline) -> None:
    assert outline(text) == expected


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "- a\n", "nothing\n", "a:\n    b: 1\n  c: 2\n", "<<: *base\n"])
def test_what_has_no_keys_is_unclear(text: str) -> None:
    with pytest.raises(UnclearError):
        outline(text)


@given(st.text(st.sampled_from(list("ab: -#[]{},'\"|&*\n\t")), max_size=40))
def test_any_text_is_read_or_unclear(text: str) -> None:
    for read in (outline, sections):
        try:
            read(text)
        except UnclearError:
            continue
