"""`eip-agent install`: what it puts where, what it leaves alone, and what the units allow."""

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from eip_agent.cli import main
from eip_agent.commands.install import require_safe
from eip_agent.errors import ApplyError
from eip_agent.install import (
    CLOUD_INIT,
    NETWORKD,
    PIECES,
    UNITS,
    Deed,
    body_of,
    install_plan,
    marked,
    shipped,
    uninstall_plan,
)

ROOT = Path(__file__).parent.parent
UNIT = "/etc/systemd/system/eip-agent.service"
WANTED = "/etc/systemd/system/multi-user.target.wants"


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_a_file_that_was_written_is_known_again_until_somebody_changes_it() -> None:
    data = marked(b"[Unit]\n")

    assert body_of(data) == b"[Unit]\n"
    assert [body_of(other) for other in (data + b" ", data.replace(b"Unit", b"unit"), b"[Unit]\n", b"")] == [None] * 4


@pytest.mark.parametrize(
    ("there", "put", "taken"),
    [
        (None, Deed.ADD, Deed.NOTHING),
        (marked(b"new"), Deed.NOTHING, Deed.REMOVE),
        (b"new", Deed.NOTHING, Deed.REMOVE),
        (marked(b"old"), Deed.REPLACE, Deed.REMOVE),
        (marked(b"old") + b"changed", Deed.LEAVE, Deed.LEAVE),
        (b"somebody's", Deed.LEAVE, Deed.LEAVE),
    ],
    ids=["nothing there", "as it should be", "the same by hand", "an older one", "changed", "a stranger's"],
)
def test_only_what_nobody_changed_is_replaced_and_removed(there: bytes | None, put: Deed, taken: Deed) -> None:
    found = {NETWORKD.target: there}
    (step,) = install_plan({NETWORKD: b"new"}, found)
    (back,) = uninstall_plan({NETWORKD: b"new"}, found)

    assert (step.deed, back.deed) == (put, taken)
    assert step.data == (marked(b"new") if put in {Deed.ADD, Deed.REPLACE} else b"")


def test_the_units_start_the_program_that_runs() -> None:
    files = shipped(["/usr/bin/python3", "-P", "-m", "eip_agent"])
    starts = [re.findall(r"^ExecStart=(.*)$", files[unit].decode(), re.MULTILINE) for unit in UNITS]

    assert starts == [["/usr/bin/python3 -P -m eip_agent run"], ["/usr/bin/python3 -P -m eip_agent apply"]]
    with pytest.raises(ApplyError, match="more into this path"):
        shipped(["/opt/50%/eip-agent"])


def test_a_program_that_the_service_cannot_see_or_trust_is_refused(tmp_path: Path) -> None:
    for path in ("/root/venv/bin/eip-agent", "/home/me/bin/eip-agent", str(tmp_path / "eip-agent")):
        with pytest.raises(ApplyError, match="does not see"):
            require_safe([path])


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "usr/lib/systemd").mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/systemd-networkd").touch()
    (tmp_path / "etc/cloud/cloud.cfg.d").mkdir(parents=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    return tmp_path


def files(image: Path) -> set[str]:
    return {
        f"/{path.relative_to(image)}" for path in (image / "etc").rglob("*") if path.is_file() and not path.is_symlink()
    }


def everything(image: Path) -> dict[str, str]:
    """All that is in it: what stands in files, where links lead, and folders."""
    return {
        str(path.relative_to(image)): str(path.readlink())
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "a folder"
        for path in image.rglob("*")
    }


def enabled(image: Path) -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in (image / WANTED[1:]).glob("*")}


def test_install_is_idempotent_and_uninstall_leaves_no_trace(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(image)]
    expected = {piece.target for piece in PIECES if piece is not CLOUD_INIT}

    before = everything(image)
    assert main(["install", *root, "--dry-run"]) == 3
    assert everything(image) == before
    assert main(["install", *root]) == 0
    assert files(image) == expected
    told = capsys.readouterr().out
    assert all(f"+ {path}\n" in told for path in expected)
    assert f"+ {WANTED}/eip-agent.service\n" in told
    assert "systemctl" not in told.partition("note")[0]
    assert enabled(image) == {"eip-agent.service": UNIT}
    assert main(["install", *root, "--dry-run"]) == 0
    assert main(["install", *root, "--no-daemon", "--cloud-init"]) == 0
    assert files(image) == {*expected, CLOUD_INIT.target}
    assert enabled(image) == {"eip-agent-apply.service": "/etc/systemd/system/eip-agent-apply.service"}
    told = capsys.readouterr().out
    assert f"+ {WANTED}/eip-agent-apply.service\n- {WANTED}/eip-agent.service\n" in told
    assert main(["uninstall", *root, "--dry-run"]) == 3
    assert main(["uninstall", *root]) == 0
    assert everything(image) == before
    capsys.readouterr()
    assert main(["uninstall", *root]) == 0
    assert "nothing of eip-agent's is installed" in capsys.readouterr().out


def test_what_somebody_changed_is_left_and_said(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(image)]
    main(["install", *root])
    unit = image / UNIT[1:]
    unit.write_text(changed := unit.read_text().replace("WatchdogSec=60", "WatchdogSec=10"))
    (image / NETWORKD.target[1:]).unlink()
    capsys.readouterr()

    assert main(["install", *root]) == 1
    said = capsys.readouterr()
    assert f"+ {NETWORKD.target}\n" in said.out
    assert f"{UNIT}: somebody has changed it" in said.err
    assert main(["uninstall", *root]) == 1
    assert files(image) == {UNIT}
    assert unit.read_text() == changed
    assert enabled(image) == {"eip-agent.service": UNIT}, "what stays is started as before"


def test_what_others_have_there_stays(image: Path) -> None:
    others = image / WANTED[1:]
    others.mkdir()
    (others / "ssh.service").symlink_to("/usr/lib/systemd/system/ssh.service")
    (others / "eip-agent-apply.service").symlink_to("/opt/own/eip-agent-apply.service")
    (image / "etc/systemd/networkd.conf.d").mkdir()
    (image / "etc/systemd/networkd.conf.d/own.conf").touch()
    before = everything(image)
    main(["install", "--root", str(image)])
    assert len(enabled(image)) == 3
    main(["uninstall", "--root", str(image)])

    assert everything(image) == before


def test_a_link_that_an_earlier_uninstall_has_left_goes(image: Path) -> None:
    before = everything(image)
    main(["install", "--root", str(image)])
    for piece in PIECES:
        (image / piece.target[1:]).unlink(missing_ok=True)
    (image / "etc/systemd/networkd.conf.d").rmdir()

    assert main(["uninstall", "--root", str(image)]) == 0
    assert everything(image) == before


def test_a_drop_in_that_nobody_would_read_is_not_installed(tmp_path: Path) -> None:
    main(["install", "--root", str(tmp_path), "--cloud-init"])

    assert files(tmp_path) == {unit.target for unit in UNITS}


def test_a_link_out_of_the_image_is_refused(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (image / "elsewhere").mkdir()
    (image / "etc/systemd/system").rmdir()
    (image / "etc/systemd").rmdir()
    (image / "etc/systemd").symlink_to(image / "elsewhere")

    assert main(["install", "--root", str(image)]) == 1
    assert "symbolic link" in capsys.readouterr().err
    assert list((image / "elsewhere").iterdir()) == []


# --- the units --------------------------------------------------------------------------------------------------------


def unit_text(name: str) -> str:
    return (ROOT / "systemd" / name).read_text(encoding="utf-8")


def test_both_units_have_the_same_sandbox() -> None:
    """What they may do is one decision; only comments differ."""
    sandboxes = [
        [
            line
            for line in unit_text(unit.name).partition("# --- who it is")[2].splitlines()
            if line[:1] not in {"", "#"}
        ]
        for unit in UNITS
    ]

    assert len(sandboxes[0]) > 30
    assert sandboxes[0] == sandboxes[1]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("unit", [unit.name for unit in UNITS])
def test_the_exposure_is_small(unit: str) -> None:
    asked = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(ROOT / "systemd" / unit)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd is older than 250")
    (level,) = re.findall(r"exposure level for \S+ ([0-9.]+)", done.stdout)

    assert float(level) <= 1.9


def test_the_unit_waits_longer_than_the_deadlines_of_a_pass() -> None:
    from eip_agent.core.settings import Settings  # noqa: PLC0415

    longest = Settings().metadata_deadline + Settings().openapi_deadline
    for unit in UNITS:
        (seconds,) = re.findall(r"^TimeoutStartSec=(\d+)$", unit_text(unit.name), re.MULTILINE)
        assert int(seconds) > longest
    assert "notify-reload" not in [
        line.partition("=")[2] for line in unit_text("eip-agent.service").splitlines() if line.startswith("Type=")
    ]


def test_the_drop_in_of_networkd_is_read_as_meant() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(unit_text(NETWORKD.name))

    assert dict(parser["Network"]) == {"manageforeignroutingpolicyrules": "no", "manageforeignroutes": "no"}


def test_a_wheel_carries_all_of_it() -> None:
    """`tests/systems` installs a real one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {"systemd": "eip_agent/systemd"}
