"""Where settings come from, which source wins, what a message names, and whose files are believed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import FakeFilesystem

from eip_agent import config
from eip_agent.config import (
    LARGEST_FILE,
    Supervisor,
    credentials_environment,
    has_own_settings,
    load,
    run_directory,
    supervisor,
)
from eip_agent.core.settings import Settings
from eip_agent.errors import EXIT_USAGE, SettingsError
from tests.spoken import english, in_chinese

NONE: dict[str, str] = {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "eip-agent"
    folder.mkdir(mode=0o700)
    path = folder / "config.toml"
    path.touch(mode=0o600)
    return path


def refused(
    path: Path | None, overrides: dict[str, str] | None = None, environ: dict[str, str] = NONE
) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(None if path is None else str(path), overrides or {}, environ)
    assert caught.value.exit_code == EXIT_USAGE
    # What the library says is quoted.
    by_library = isinstance(caught.value.__cause__, tomllib.TOMLDecodeError | RecursionError)
    assert by_library or english(in_chinese(caught.value)) == []
    return caught.value


# --- sources


def test_credentials_are_looked_for_in_their_own_variables_only() -> None:
    environ = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIx",
        "HOME": "/root",
        "PATH": "/bin",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
        "DEBUG": "sdk",
        "EIP_AGENT_LOCK_TIMEOUT": "1",
    }

    assert set(credentials_environment(environ)) == {"ALIBABA_CLOUD_ACCESS_KEY_ID", "HOME", "PATH"}


def test_nothing_written_gives_the_defaults(fs: FakeFilesystem) -> None:
    assert fs.exists("/tmp")  # noqa: S108 the fake disk has nothing but that
    assert load(environ=NONE) == Settings()


def test_the_default_file_is_read(fs: FakeFilesystem) -> None:
    fs.create_file(config.DEFAULT_PATH, contents="", st_mode=0o100644)
    for path in (config.DEFAULT_PATH, "/etc/eip-agent"):
        os.chown(path, 0, 0)
    fs.chmod("/etc/eip-agent", 0o755)

    assert load(environ=NONE).origins == ("/etc/eip-agent/config.toml",)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    error = refused(tmp_path / "absent.toml")

    assert str(error) == f"{tmp_path}/absent.toml: there is no such file"


def test_a_file_alone_is_enough(file: Path) -> None:
    file.write_text("lock_timeout = 7\n")

    assert load(str(file), environ=NONE).lock_timeout == 7


def test_a_flag_overrules_a_variable_also_where_neither_needs_the_schema(file: Path) -> None:
    settings = load(str(file), {"run_directory": "/run/flag"}, {"EIP_AGENT_RUN_DIRECTORY": "/run/variable"})

    assert settings.run_directory == "/run/flag"


def test_every_source_overrules_the_weaker_ones_value_by_value(file: Path) -> None:
    file.write_text(
        'run_directory = "/run/file"\nlock_timeout = 1\n'
        "[metadata]\ntimeout = 1\ndeadline = 1\n[leave]\nprimary = true\n"
    )
    environ = {"EIP_AGENT_LOCK_TIMEOUT": "2", "EIP_AGENT_METADATA__TIMEOUT": "2", "EIP_AGENT_METADATA__DEADLINE": "2"}

    settings = load(str(file), {"metadata.deadline": "3"}, environ)

    assert settings.run_directory == "/run/file"
    assert (settings.lock_timeout, settings.metadata_timeout, settings.metadata_deadline) == (2, 2, 3)
    assert settings.leave_primary
    assert settings.origins == (
        str(file),
        "EIP_AGENT_LOCK_TIMEOUT",
        "EIP_AGENT_METADATA__DEADLINE",
        "EIP_AGENT_METADATA__TIMEOUT",
        "--metadata-deadline",
    )


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("EIP_AGENT_LEAVE__IPV6", "true")

    assert load(str(file)).leave_ipv6


def test_other_variables_are_nobody_s_business(file: Path) -> None:
    assert load(str(file), environ={"HOME": "/", "EIP_AGENTS": "x", "eip_agent_x": "y"}).origins == (str(file),)


@pytest.mark.parametrize(
    ("overrides", "environ", "message"),
    [
        ({"run_directory": "run"}, NONE, "--run-directory: 'run' is not an absolute path"),
        ({}, {"EIP_AGENT_RUN_DIRECTORY": "/a/../b"}, "EIP_AGENT_RUN_DIRECTORY: '/a/../b' is not an absolute path"),
        (
            {"run_directory": "x"},
            {"EIP_AGENT_RUN_DIRECTORY": "y", "EIP_AGENT_LEAVE__LINKS": "true"},
            "--run-directory: 'x' is not an absolute path",
        ),
        (
            {},
            {"EIP_AGENT_METADATA__URL": "ftp://x"},
            "EIP_AGENT_METADATA__URL: 'ftp://x' is not the http:// URL of a host",
        ),
        ({}, {"EIP_AGENT_METADATA__URLS": "x"}, "EIP_AGENT_METADATA__URLS: unknown key `urls`"),
        ({}, {"EIP_AGENT_METADATA": "x"}, "EIP_AGENT_METADATA: a table is wanted, not the text 'x'"),
        (
            {},
            {"EIP_AGENT_LEAVE__IPV6": "maybe"},
            "EIP_AGENT_LEAVE__IPV6: true or false is wanted, not the text 'maybe'",
        ),
        (
            {},
            {"EIP_AGENT_EIP": '[{"address": "127.0.0.1"}]'},
            "EIP_AGENT_EIP: [1].address: 127.0.0.1 is a loopback address",
        ),
    ],
)
def test_messages_name_the_source_that_was_wrong(
    file: Path, overrides: dict[str, str], environ: dict[str, str], message: str
) -> None:
    assert message in str(refused(file, overrides, environ))


def test_a_right_value_hides_the_wrong_one_it_overrules(file: Path) -> None:
    file.write_text("lock_timeout = -1\n")

    assert load(str(file), {}, {"EIP_AGENT_LOCK_TIMEOUT": "1"}).lock_timeout == 1


# --- what is paid for


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"EIP_AGENT_RUN_DIRECTORY": "/run/elsewhere"}, False),
        ({"EIP_AGENT_LEAVE__IPV6": "true"}, True),
    ],
)
def test_the_schema_is_imported_only_for_what_needs_it(environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001
    script = (
        "import sys\n"
        "from eip_agent import config\n"
        "config.DEFAULT_PATH = '/nonexistent/config.toml'\n"
        "config.load()\n"
        "print(any(name in sys.modules for name in ('pydantic', 'pydantic_settings', 'eip_agent.schema')))\n"
    )
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("EIP_AGENT_")}, **environ}  # noqa: TID251
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env)

    assert done.stdout == f"{expected}\n"


# --- the file as text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb 2\n", "line 2, column 3: expected '=' after a key in a key/value pair"),
        ("a = 1\na = 2\n", "line 2, column 6: cannot overwrite a value"),
        ("a = [1,\n", "line 2, column 1: "),
        ('a = "x', "line 1, column 7: "),
    ],
)
def test_wrong_toml_is_named_by_line_and_column(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    error = refused(file)

    assert f"{file}: {message}" in str(error)
    assert "TOML" in error.hint


def test_nesting_without_end_is_refused(file: Path) -> None:
    file.write_text("a = " + "[" * 100_000)

    assert "cannot be read" in str(refused(file))


def test_other_encodings_are_refused(file: Path) -> None:
    file.write_bytes("# Größe\n".encode("latin-1"))

    assert str(refused(file)) == f"{file}: byte 5 is not UTF-8"


# --- whose file is believed


def test_a_large_file_is_refused(file: Path) -> None:
    file.write_bytes(b"#" * (LARGEST_FILE + 1))

    assert "bytes are too many" in str(refused(file))


def test_a_file_of_the_largest_size_is_read(file: Path) -> None:
    file.write_bytes(b"#" * LARGEST_FILE)

    assert load(str(file), environ=NONE) == Settings()


def test_a_symbolic_link_is_not_followed(file: Path) -> None:
    link = file.with_name("link.toml")
    link.symlink_to(file)
    error = refused(link)

    assert "symbolic link" in str(error)
    assert str(file) in error.hint


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(file: Path, kind: str) -> None:
    other = file.with_name("other")
    other.mkdir() if kind == "folder" else os.mkfifo(other)

    assert str(refused(other)) == f"{other}: not a regular file"


def test_a_file_in_a_file_is_not_there(file: Path) -> None:
    assert str(refused(file / "config.toml")).endswith("there is no such file")


@pytest.fixture
def privileged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("privileged")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_with_privilege_a_file_that_others_can_write_is_refused(own: Path, mode: int) -> None:
    own.chmod(mode)
    error = refused(own)

    assert str(error) == f"{own}: others than root can write it"
    assert error.hint == f"chmod go-w {own}"


@pytest.mark.usefixtures("privileged")
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o1777])
def test_with_privilege_a_folder_that_others_can_write_is_refused(own: Path, mode: int) -> None:
    own.parent.chmod(mode)
    error = refused(own)
    moved = "move the settings file to a folder that only root can write, as /etc/eip-agent"

    assert str(error) == f"{own.parent}: others than root can write it"
    assert error.hint == (moved if mode & 0o1000 else f"chmod go-w {own.parent}"), "nobody is told to close /tmp"


@pytest.mark.usefixtures("privileged")
@pytest.mark.parametrize("which", ["file", "folder"])
def test_with_privilege_only_what_belongs_to_root_is_believed(
    own: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = own if which == "file" else own.parent
    foreign = target.stat().st_ino
    plain = os.fstat

    def stranger(descriptor: int) -> os.stat_result:
        status = plain(descriptor)
        return os.stat_result((*status[:4], 1234, *status[5:])) if status.st_ino == foreign else status

    monkeypatch.setattr(os, "fstat", stranger)
    error = refused(own)

    assert str(error) == f"{target}: belongs to user 1234, not to root"
    assert error.hint == f"chown root:root {target}"


def test_a_private_folder_of_root_is_believed(own: Path) -> None:
    assert load(str(own), environ=NONE) == Settings()


def test_without_privilege_the_mode_does_not_matter(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "is_privileged", lambda: False)
    file.chmod(0o666)

    assert load(str(file), environ=NONE) == Settings()


@pytest.fixture
def own(file: Path) -> Path:
    """A settings file that belongs to root, as the tests do under `./run test`."""
    if file.stat().st_uid != 0:
        pytest.skip("only root can have a file of root; ./run test is root in a namespace")
    return file


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [("0000000000000000", False), ("0000000000001000", True), ("000001ffffffefff", False), ("000001ffffffffff", True)],
)
def test_cap_net_admin_is_privilege(
    fs: FakeFilesystem,
    monkeypatch: pytest.MonkeyPatch,
    capabilities: str,
    expected: bool,  # noqa: FBT001
) -> None:
    fs.create_file("/proc/self/status", contents=f"Name:\tx\nCapPrm:\t0\nCapEff:\t{capabilities}\nCapBnd:\t0\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert config.is_privileged() is expected


def test_root_is_privileged_and_so_is_who_cannot_know(fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert not fs.exists("/proc/self/status")
    assert config.is_privileged()


def test_what_systemd_says_is_read_in_one_place() -> None:
    told = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "7", "JOURNAL_STREAM": "8:9"}

    assert supervisor(told) == Supervisor("/run/n", "5", "7", "8:9")
    assert supervisor({}) == Supervisor()


def test_the_run_directory_alone_is_found_where_the_settings_have_it(file: Path) -> None:
    file.write_text('run_directory = "/run/other"\nmetadata = 5\n')
    file.chmod(0o600)

    assert run_directory(str(file), None, {}) == "/run/other"
    assert run_directory(str(file), None, {"EIP_AGENT_RUN_DIRECTORY": "/run/third"}) == "/run/third"
    assert run_directory(str(file), "/run/flag", {"EIP_AGENT_RUN_DIRECTORY": "/run/third"}) == "/run/flag"
    for wrong in ('run_directory = "run"', "run_directory = 5"):
        file.write_text(wrong)
        with pytest.raises(SettingsError, match="is not an absolute path"):
            run_directory(str(file), None, {})


def test_a_call_has_own_settings_where_it_says_more_than_places() -> None:
    assert not has_own_settings(None, {"EIP_AGENT_RUN_DIRECTORY": "/x", "EIP_AGENT_STATE_DIRECTORY": "/y", "HOME": "/"})
    assert has_own_settings(None, {"EIP_AGENT_OPENAPI__ENABLED": "false"})
    assert has_own_settings("/etc/other.toml", {})
