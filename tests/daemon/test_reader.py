"""Settings that another process read are those that were written."""

from pathlib import Path

import pytest

from eip_agent.config import load
from eip_agent.daemon.reader import read
from eip_agent.errors import SettingsError

WHOLE = """
lock_timeout = 3.5
[daemon]
poll = 5
[openapi]
endpoints = { vpc = "192.0.2.1:8443" }
[exclude]
enis = ["eni-bp1"]
addresses = ["172.16.4.0/24", "2001:db8::10"]
[[eip]]
address = "203.0.113.42"
mode = "multi-eip-visible"
mac = "00:16:3e:00:00:03"
gateway = "203.0.113.33"
prefix_length = 27
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_they_are_the_same(file: Path) -> None:
    file.write_text(WHOLE)
    file.chmod(0o600)
    flags = {"run_directory": "/run/other"}

    assert read(str(file), flags) == load(str(file), flags)
    assert read(str(file), flags).origins == load(str(file), flags).origins


@pytest.mark.parametrize("text", ["poll = 5", "[daemon", "[metrics]\nlisten = '0.0.0.0:1'"])
def test_what_is_wrong_is_said_in_the_same_words(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)

    with pytest.raises(SettingsError) as there:
        read(str(file), {})
    with pytest.raises(SettingsError) as here:
        load(str(file), {})
    assert (str(there.value), there.value.hint) == (str(here.value), here.value.hint)
