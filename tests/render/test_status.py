"""The status as people read it."""

from dataclasses import replace

from eip_agent.core.status import EniStatus, FightStatus, SourceStatus, Status, Usage
from eip_agent.render.status import lines

NOW = 1_000_000.0
QUIET = Status(
    version="1.2.3",
    pid=77,
    since=NOW - 7300,
    state="as desired",
    passes=120,
    changes=40,
    repairs=3,
    last_pass=NOW - 12,
    last_change=None,
    took=0.0213,
    next_poll=NOW + 48,
    items=25,
    enis=(
        EniStatus("eni-1", "eth0", "primary", "nat", "certain", "right", ("172.16.0.10",)),
        EniStatus("eni-2", "eth1", "secondary", *("undecided",) * 3, tuple(f"10.0.0.{n}" for n in range(7))),
    ),
    sources=(SourceStatus("kernel", NOW - 12), SourceStatus("OpenAPI", None, "403 Forbidden")),
    settings=("/etc/eip-agent/config.toml",),
)


def test_all_that_is_known_is_told() -> None:
    assert list(lines(QUIET, NOW)) == [
        "eip-agent 1.2.3, pid 77, has run for 2 hours: as desired",
        "  last pass  12 s ago, took 21 ms; 120 passes, 40 changes, 3 of them repairs",
        "  items      25, last changed never",
        "  next poll  in 48 s",
        "  settings from /etc/eip-agent/config.toml",
        "",
        "eth0      eni-1  primary    nat (certain)  right  172.16.0.10",
        "eth1      eni-2  secondary  undecided  undecided  10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3 and 3 more",
        "source    kernel: last read 12 s ago",
        "source    OpenAPI: last read never; now: 403 Forbidden",
    ]


def test_what_is_wrong_is_told_with_it() -> None:
    bare = Status("1", 7, NOW, "starting", 0, 0, 0, None, None, 0.0, None, 0)
    fight = FightStatus("eth1", 4, 8.0, "probably by dhclient (pid 9)")
    troubled = replace(bare, state="failed", fights=(fight,), waits=("an answer",), troubles=("not read: mac: absent",))

    assert list(lines(bare, NOW)) == ["eip-agent 1, pid 7, has run for 0 s: starting", ""]
    assert list(lines(troubled, NOW))[2:] == [
        "dispute   eth1: taken away again and again, probably by dhclient (pid 9); put back 8 s after each time",
        "waits     an answer",
        "trouble   not read: mac: absent",
    ]


def test_what_it_takes_is_told_where_that_is_known() -> None:
    told = "\n".join(lines(QUIET, NOW, Usage(31_400_000, 2.04, 11)))

    assert "  takes      31 MB of memory, 2.0 s of processor time so far, 11 descriptors" in told
    assert "takes" not in "\n".join(lines(QUIET, NOW))
