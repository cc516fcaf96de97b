"""Which of the files that systemd-networkd reads counts, below a root of the test's own."""

from pathlib import Path

import pytest

from eip_agent.sources.networkd import spared

RULES, ROUTES = "ManageForeignRoutingPolicyRules", "ManageForeignRoutes"
MAIN, DROP_INS = "etc/systemd/networkd.conf", "{}/systemd/networkd.conf.d/{}"


def write(root: Path, path: str, *lines: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["[Network]", *lines, ""]))


def test_by_default_it_leaves_neither_alone(tmp_path: Path) -> None:
    assert spared(str(tmp_path)) == (False, False)
    write(tmp_path, MAIN, f"#{RULES}=no", f"#{ROUTES}=no", "SpeedMeter=no")

    assert spared(str(tmp_path)) == (False, False)


def test_the_drop_in_of_the_package_makes_it_leave_both(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "systemd" / "networkd.conf.d" / "50-eip-agent.conf"
    write(tmp_path, DROP_INS.format("etc", shipped.name))
    (tmp_path / DROP_INS.format("etc", shipped.name)).write_text(shipped.read_text())

    assert spared(str(tmp_path)) == (True, True)


@pytest.mark.parametrize("folder", ["etc", "run", "usr/local/lib", "usr/lib", "lib"])
def test_drop_ins_of_every_folder_count_and_win_over_the_file(tmp_path: Path, folder: str) -> None:
    write(tmp_path, MAIN, f"{RULES}=yes", f"{ROUTES}=yes")
    write(tmp_path, DROP_INS.format(folder, "10.conf"), f"{RULES}=no")
    write(tmp_path, DROP_INS.format(folder, "10.txt"), f"{ROUTES}=no")

    assert spared(str(tmp_path)) == (True, False)


def test_the_later_name_wins_and_of_one_name_the_first_folder(tmp_path: Path) -> None:
    write(tmp_path, DROP_INS.format("usr/lib", "50.conf"), f"{RULES}=no", f"{ROUTES}=no")
    write(tmp_path, DROP_INS.format("etc", "10.conf"), f"{ROUTES}=yes")
    assert spared(str(tmp_path)) == (True, True)
    write(tmp_path, DROP_INS.format("run", "90.conf"), f"{ROUTES}=yes")
    assert spared(str(tmp_path)) == (True, False)
    write(tmp_path, DROP_INS.format("etc", "50.conf"), "SpeedMeter=no")
    assert spared(str(tmp_path)) == (False, False), "it takes the place of the one of the distribution"
    (tmp_path / DROP_INS.format("etc", "90.conf")).symlink_to("/dev/null")

    assert spared(str(tmp_path)) == (False, False)


def test_of_the_file_itself_the_first_one_counts(tmp_path: Path) -> None:
    write(tmp_path, "usr/lib/systemd/networkd.conf", f"{RULES}=no", f"{ROUTES}=no")
    assert spared(str(tmp_path)) == (True, True)
    write(tmp_path, MAIN, f"{RULES}=off")

    assert spared(str(tmp_path)) == (True, False)


def test_what_cannot_be_understood_is_unknown_and_a_word_that_is_none_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, MAIN, f"{RULES}=NO", f"{ROUTES}=perhaps")
    assert spared(str(tmp_path)) == (True, False)
    (tmp_path / MAIN).write_text(f"{RULES}=no\n")
    assert spared(str(tmp_path)) == (None, None), "outside of every section"
    (tmp_path / MAIN).unlink()
    (tmp_path / MAIN).mkdir()

    assert spared(str(tmp_path)) == (None, None)
