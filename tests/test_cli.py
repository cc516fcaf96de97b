"""The command line: what it accepts, what it costs to ask, and what its exit codes say.

::

    a namespace of its own:   lo  100.100.100.200 (metadata)     eth0, eth1 ═══ veth ═══ nobody
"""

import errno
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eip_agent import __version__, privilege, reconcile
from eip_agent.cli import main
from eip_agent.lab.metadata import MetadataService
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import Topology, eni, vswitch
from tests.spoken import english

ROOT: Final = Path(__file__).parent.parent
TOPOLOGY: Final = Topology((eni(0, vswitch(0), (10,)), eni(1, vswitch(1), (10, 11))))


# --- without a network ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
        (("apply", "--format", "xml"), "invalid choice: 'xml'"),
        (("apply", "--confirm", "0"), "'0' is not a number of seconds from 1 to 3600"),
        (("apply", "--confirm", "soon"), "'soon' is not a number of seconds"),
        (("apply", "--confirm", "nan"), "'nan' is not a number of seconds"),
        (("apply", "--confirm", "3601"), "'3601' is not a number of seconds"),
        (("explain", "--dry-run"), "unrecognized arguments: --dry-run"),
        (("revert", "--confirm", "9"), "unrecognized arguments: --confirm"),
        (("confirm", "--format", "json"), "unrecognized arguments: --format"),
    ],
    ids=str,
)
def test_wrong_usage_exits_with_2_and_says_what(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()

    assert (ended.value.code, out) == (2, "")
    assert says in err


def test_wrong_settings_exit_with_2_and_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[[eip]]\naddress = 7\n")
    code = main(["explain", "--config", str(path)])
    out, err = capsys.readouterr()

    assert (code, out) == (2, "")
    assert err.startswith("eip-agent: ")
    assert str(path) in err


def test_confirm_where_nobody_waits_exits_with_1_and_a_hint(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["confirm", "--run-directory", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "eip-agent: no pass waits for a confirmation\nhint: start one with `eip-agent apply --confirm SECONDS`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("status", "--run-directory", "/nonexistent"), 3, "守护进程没有运行"),
        (("status", "--run-directory", "here"), 2, "不是绝对路径"),
        (("apply", "--config", "/nonexistent"), 2, "没有这个文件"),
        (("confirm", "--run-directory", "/nonexistent"), 1, "没有正在等待确认的操作"),
        (("uninstall", "--root", "{image}"), 0, "没有安装任何"),
        (("install", "--root", "{image}", "--cloud-init", "--dry-run"), 3, "备注  "),
        (("install", "--root", "{image}/etc/file", "--dry-run"), 1, "无法读取"),
    ],
    ids=str,
)
@pytest.mark.parametrize("by_locale", [True, False])
def test_whoever_speaks_chinese_reads_no_english(  # noqa: PLR0913
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
    *,
    by_locale: bool,
) -> None:
    (tmp_path / "etc/cloud").mkdir(parents=True)
    (tmp_path / "etc/file").touch()
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8" if by_locale else "C")
    given = [argument.format(image=tmp_path) for argument in arguments]

    assert main([*given, *([] if by_locale else ["--lang", "zh"])]) == code
    told = "".join(capsys.readouterr())
    assert says in told
    assert english(told.replace("Not a directory", "")) == [], "only what the system says is quoted"
    assert main([*given, "--lang", "en"]) == code
    assert says not in "".join(capsys.readouterr())


def test_what_ends_a_command_is_said_in_its_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile.Agent, "look", stopped)

    assert main(["apply", "--dry-run", "--lang", "zh", "--run-directory", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "eip-agent: 已中断\n"


def test_the_daemon_and_the_demo_speak_english(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What they say is a log."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    assert main(["run", "--config", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == f"eip-agent: {tmp_path}/none: there is no such file\n"


@pytest.mark.parametrize(
    ("arguments", "code", "hints"),
    [
        (("explain",), 4, False),
        (("apply", "--dry-run"), 4, False),
        (("apply",), 1, True),
        (("revert", "--dry-run"), 4, False),
        (("revert",), 1, True),
    ],
    ids=str,
)
def test_what_the_system_refuses_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    *,
    hints: bool,
) -> None:
    def too_many(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/proc/net")

    for name in ("explain", "look", "reconcile", "planned_revert", "take_back"):
        monkeypatch.setattr(reconcile.Agent, name, too_many)
    monkeypatch.setattr(privilege, "require_net_admin", lambda _: None)

    assert main([*arguments, "--run-directory", str(tmp_path)]) == code
    first, *hint = capsys.readouterr().err.splitlines()
    assert first == "eip-agent: /proc/net: Too many open files"
    assert [line.partition(":")[0] for line in hint] == ["hint"] * hints


def redirected(how: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run with a redirection of the shell."""
    script = f'exec "$@" {how}'
    return run_in_shell("sh", "-c", script, "sh", sys.executable, "-m", "eip_agent", *arguments)


def run_in_shell(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_the_exit_code_is_the_works_where_nobody_can_be_told(tmp_path: Path, how: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[[eip]]\naddress = 7\n")
    done = redirected(how, "explain", "--config", str(path))

    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_closed_standard_output_takes_the_version() -> None:
    done = redirected(">&-", "--version")

    assert (done.returncode, done.stderr) == (0, "")


def test_no_socket_takes_the_place_of_a_missing_stream(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = f"""
import os, socket
from eip_agent import cli
try:
    cli.main(["--version"])
except SystemExit as ended:
    with socket.socket() as made, open({str(told)!r}, "w") as file:
        print(ended.code, made.fileno() > 2, [os.readlink(f"/proc/self/fd/{{fd}}") for fd in range(3)], file=file)
"""
    run_in_shell("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program)

    assert told.read_text() == f"0 True {['/dev/null'] * 3}\n"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_version_is_told() -> None:
    done = run("-m", "eip_agent", "--version")

    assert (done.returncode, done.stdout) == (0, f"eip-agent {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["apply", "--help"], ["demo", "--help"]], ids=" ".join
)
def test_asking_for_help_imports_next_to_nothing(arguments: list[str]) -> None:
    done = run("-X", "importtime", "-m", "eip_agent", *arguments)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}

    assert done.returncode == 0
    assert "eip_agent.cli" in imported
    assert not {
        name
        for name in imported
        if name.partition(".")[0]
        in {"pyroute2", "pydantic", "pydantic_settings", "psutil", "socket", "json", "typing_extensions"}
        or name.startswith(("eip_agent.core", "eip_agent.sources", "eip_agent.sinks", "eip_agent.lab"))
    }


@pytest.mark.parametrize("arguments", [["--help"], ["apply", "--help"], ["explain", "--help"]], ids=" ".join)
def test_help_states_the_exit_codes(arguments: list[str]) -> None:
    assert "exit codes:\n  0  as desired\n" in run("-m", "eip_agent", *arguments).stdout


# --- in an instance ---------------------------------------------------------------------------------------------------


@pytest.fixture
def guest() -> Iterator[Namespace]:
    """The links of an instance, and its metadata service on the loopback."""
    with Namespace("guest") as made, Namespace("wire") as wire:
        made.ip("address add 100.100.100.200/32 dev lo\n")
        for number, one in enumerate(TOPOLOGY.enis):
            peer = f"type veth peer name wire{number} netns /proc/self/fd/{wire.fd}"
            made.ip(f"link add eth{number} address {one.mac} {peer}\nlink set eth{number} up\n", fds=[wire.fd])
            wire.ip(f"link set wire{number} up")
        made.ip("addr add 172.16.0.10/24 dev eth0\nroute add default via 172.16.0.253 dev eth0")
        yield made


@pytest.fixture
def service(guest: Namespace) -> Iterator[MetadataService]:
    with MetadataService(TOPOLOGY, guest) as running:
        yield running


def agent(guest: Namespace, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return guest.run(command(folder, *arguments), env=environment(), check=False)


def command(folder: Path, *arguments: str) -> list[str]:
    config = folder / "config.toml"
    config.write_text(
        f"state_directory = '{folder}/state'\n[metadata]\ntimeout = 0.3\ndeadline = 0.5\n"
        "[dhcp]\noffers = false\n[openapi]\nenabled = false\n"
    )
    options = ["--run-directory", str(folder / "run"), "--config", str(config)]
    return [sys.executable, "-m", "eip_agent", *arguments, *options]


UTF8: Final = {"PYTHONIOENCODING": "utf-8"}
"""A terminal that has Chinese signs; without, they are escaped."""


def environment() -> dict[str, str]:
    return {"PATH": os.defpath + ":/usr/sbin:/sbin", "PYTHONPATH": str(ROOT)}


@pytest.mark.lab
def test_every_exit_code_means_what_it_says(guest: Namespace, service: MetadataService, tmp_path: Path) -> None:
    def code(*arguments: str) -> int:
        return agent(guest, tmp_path, *arguments).returncode

    assert code("explain") == 3
    assert code("apply", "--dry-run") == 3
    assert code("apply") == 0
    assert code("explain") == 0
    assert code("revert", "--dry-run") == 3

    service.stop()
    assert code("explain") == 4
    assert code("apply") == 4

    assert code("revert") == 0
    assert agent(guest, tmp_path, "revert").stdout == "nothing here is eip-agent's\n"


@pytest.mark.lab
def test_data_stands_on_stdout_and_talk_on_stderr(guest: Namespace, service: MetadataService, tmp_path: Path) -> None:
    planned = agent(guest, tmp_path, "apply", "--dry-run")
    service.stop()
    silent = agent(guest, tmp_path, "explain")

    assert planned.stdout.startswith("plan: ")
    assert "multi-EIP-visible mode cannot be known" in planned.stderr
    assert "not read metadata service: " in silent.stdout, "what explaining could not see is what it was asked for"
    assert silent.stderr == ""


@pytest.mark.lab
def test_json_is_one_document(guest: Namespace, service: MetadataService, tmp_path: Path) -> None:
    assert service.url
    explained = json.loads(agent(guest, tmp_path, "explain", "--format", "json").stdout)
    applied = json.loads(agent(guest, tmp_path, "apply", "--format", "json").stdout)

    assert explained["outcome"] == "changes pending"
    assert applied["outcome"] == "as desired"
    assert [change["text"] for change in applied["result"]["applied"]] == [
        change["text"] for change in explained["plan"]
    ]


@pytest.mark.lab
@pytest.mark.parametrize("doing", ["apply", "revert"])
def test_without_privilege_it_is_one_sentence_and_exit_1(guest: Namespace, tmp_path: Path, doing: str) -> None:
    naked = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--"]
    done = guest.run([*naked, *command(tmp_path, doing)], env=environment(), check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"eip-agent: `eip-agent {doing}` changes the network configuration, which needs root (CAP_NET_ADMIN)\n"
        "hint: run it with sudo; `eip-agent explain` needs no privilege\n"
    )
    chinese = guest.run(
        [*naked, *command(tmp_path, doing)], env={**environment(), "LANG": "zh_CN.UTF-8", **UTF8}, check=False
    )
    assert chinese.stderr.startswith(f"eip-agent: `eip-agent {doing}`会更改网络配置")
    assert english(chinese.stderr) == []


@pytest.mark.lab
def test_a_pass_speaks_the_language_that_is_asked_for(
    guest: Namespace, service: MetadataService, tmp_path: Path
) -> None:
    assert service.url

    def told(*arguments: str) -> str:
        done = guest.run(command(tmp_path, *arguments), env={**environment(), **UTF8}, check=False)
        return done.stdout + done.stderr

    assert told("apply", "--dry-run", "--lang", "zh").startswith("计划：")  # noqa: RUF001  a Chinese colon
    assert "计划" not in told("apply", "--format", "json", "--lang", "en")
    assert english(told("revert", "--dry-run", "--lang", "zh").partition("\n")[0]) == []
    assert told("revert", "--lang", "zh").endswith("再次检查没有发现待处理的内容\n")
    assert told("revert", "--lang", "zh") == "这里没有属于eip-agent的内容\n"


@pytest.mark.lab
def test_a_reader_that_had_enough_is_no_traceback(guest: Namespace, service: MetadataService, tmp_path: Path) -> None:
    assert service.url
    script = f"({shlex.join(command(tmp_path, 'explain', '--format', 'json'))}; echo $? >&2) | true"
    done = guest.run(["sh", "-c", script], env=environment())

    assert done.stderr == "1\n"


@pytest.mark.lab
def test_closed_streams_do_not_change_the_exit_code(guest: Namespace, service: MetadataService, tmp_path: Path) -> None:
    assert service.url

    def code(how: str, *arguments: str) -> tuple[int, str]:
        script = ["sh", "-c", f'exec "$@" {how}', "sh", *command(tmp_path, *arguments)]
        done = guest.run(script, env=environment(), check=False)
        return done.returncode, done.stderr if how == ">&-" and "Traceback" in done.stderr else ""

    assert code(">&-", "explain") == (3, "")
    assert code("2>&-", "explain") == (3, "")
    assert code(">&-", "apply") == (0, "")
    assert code("2>&-", "apply") == (0, "")
    assert code(">&- 2>&-", "explain", "--format", "json") == (0, "")
    assert code(">&-", "revert") == (0, "")
    assert code(">&-", "revert") == (0, "")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("explain", "free space where `>` leads, or name another place"),
        ("explain --format json", "free space where `>` leads, or name another place"),
        ("explain finding EIP101", "free space where `>` leads, or name another place"),
        ("explain --output -", "free space where `>` leads, or name another place"),
        ("apply --dry-run", "free space where `>` leads, or name another place"),
        ("apply", "what was done is done; `eip-agent explain` tells how it is now"),
        ("revert", "what was done is done; `eip-agent explain` tells how it is now"),
    ],
)
def test_a_full_disk_behind_the_output_is_said(
    guest: Namespace, service: MetadataService, tmp_path: Path, arguments: str, hint: str
) -> None:
    assert service.url
    script = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *command(tmp_path, *arguments.split())]
    done = guest.run(script, env=environment(), check=False)

    assert done.returncode == 1
    assert done.stderr.endswith(f"eip-agent: not all could be printed: No space left on device\nhint: {hint}\n")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.lab
def test_a_page_on_standard_output_is_the_page(guest: Namespace, service: MetadataService, tmp_path: Path) -> None:
    assert service.url
    plain = {**environment(), "PYTHONIOENCODING": "ascii:strict"}
    done, written = (
        guest.run(
            ["sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path), *command(tmp_path, "explain", "--output", where)],
            env=plain,
            check=False,
        )
        for where in ("-", "page.html")
    )

    assert (done.returncode, done.stderr) == (3, "")
    assert (written.stdout, written.stderr) == ("", "page.html is written\n")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert [line for line in done.stdout.splitlines() if "UTC" not in line] == [
        line for line in page.splitlines() if "UTC" not in line
    ]
    assert not (tmp_path / "-").exists()


@pytest.mark.lab
def test_an_odd_name_neither_stops_the_output_nor_reaches_the_terminal_raw(
    guest: Namespace, service: MetadataService, tmp_path: Path
) -> None:
    assert service.url
    guest.run(["ip", "link", "set", "eth1", "down"])
    guest.run(["ip", "link", "set", "eth1", "name", "e\x1b[31m\u00e9"])
    done = guest.run(
        command(tmp_path, "explain"), env={**environment(), "PYTHONIOENCODING": "ascii:strict"}, check=False
    )

    assert done.returncode == 3, done.stderr
    assert "\ne\\x1b[31m\\xe9  eni-" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
