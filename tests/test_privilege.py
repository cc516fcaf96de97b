"""Whether this process may configure the network, read from what the kernel says of it."""

from pathlib import Path

import pytest

from eip_agent.errors import EXIT_REFUSED, PrivilegeError
from eip_agent.privilege import has_net_admin, require_net_admin


def status(folder: Path, *lines: str) -> str:
    path = folder / "status"
    path.write_text("\n".join(("Name:\tpython", *lines, "Seccomp:\t0", "")))
    return str(path)


@pytest.mark.parametrize(
    ("mask", "may"),
    [
        ("000001ffffffffff", True),
        ("0000000000001000", True),
        ("0000000000003000", True),
        ("000001ffffffefff", False),
        ("0000000000000000", False),
        ("0000000000002000", False),
    ],
)
def test_one_bit_decides(tmp_path: Path, mask: str, may: bool) -> None:  # noqa: FBT001
    assert has_net_admin(status(tmp_path, "CapPrm:\t000001ffffffffff", f"CapEff:\t{mask}")) == may


def test_what_is_not_told_is_not_had(tmp_path: Path) -> None:
    assert not has_net_admin(status(tmp_path, "CapPrm:\t000001ffffffffff"))


def test_this_process_is_asked_by_default() -> None:
    if has_net_admin():
        require_net_admin("apply")
    else:
        with pytest.raises(PrivilegeError):
            require_net_admin("apply")


def test_its_lack_is_one_sentence_and_an_exit_code() -> None:
    assert PrivilegeError.exit_code == EXIT_REFUSED
