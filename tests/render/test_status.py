"""The status as people read it."""

from dataclasses import replace

from eip_agent.core.report import Outcome
from eip_agent.core.status import EniStatus, FightStatus, SourceStatus, Status, Usage
from eip_agent.core.verdict import Certainty
from eip_agent.render.paper import columns
from eip_agent.render.status import WORDS, lines
from tests.spoken import CHINESE, english

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


def test_it_speaks_chinese_in_the_same_columns() -> None:
    enis = tuple(replace(eni, health=health) for eni, health in zip(QUIET.enis, ("waits", "excluded"), strict=True))
    told = list(lines(replace(QUIET, enis=enis), NOW, Usage(31_400_000, 2.04, 11), CHINESE))

    assert english("\n".join(told)) == []
    assert told[0] == "eip-agent 1.2.3，pid 77，已运行2小时：符合期望"  # noqa: RUF001  Chinese marks on purpose
    assert told[5] == "  配置来自/etc/eip-agent/config.toml"
    assert told[7:] == [
        "eth0      eni-1  主网卡     nat（确定）  等待  172.16.0.10",  # noqa: RUF001
        "eth1      eni-2  辅助网卡   无法判定  已排除  10.0.0.0、10.0.0.1、10.0.0.2、10.0.0.3等（另有3个）",  # noqa: RUF001
        "来源      内核：上次读取：12秒前",  # noqa: RUF001
        "来源      OpenAPI：上次读取：从未；现在：403 Forbidden",  # noqa: RUF001
    ]
    assert {columns(row.partition("  ")[0]) for row in told[9:]} == {4}


def test_what_is_wrong_is_said_in_chinese_too() -> None:
    fight = FightStatus("eth1", 4, 8.0, "很可能是dhclient（pid 9）所为")  # noqa: RUF001
    bare = Status("1", 7, NOW, "failed", 0, 0, 0, None, None, 0.0, None, 0, fights=(fight,))
    told = list(lines(replace(bare, waits=("云端的应答",), troubles=("没有权限",)), NOW, None, CHINESE))

    assert told[2:] == [
        "争夺      eth1：一再被删除，很可能是dhclient（pid 9）所为；每次在8秒后恢复",  # noqa: RUF001
        "等待      云端的应答",
        "问题      没有权限",
    ]


def test_every_word_of_a_closed_list_is_known_and_no_other_is_guessed() -> None:
    states = {"starting", "failed", *(one.value for one in Outcome if one is not Outcome.TO_DO)}
    healths = {"right", "undecided", "excluded", "waits", "pending"}
    others = {"primary", "secondary", "kernel", "metadata service", "OpenAPI", *(one.value for one in Certainty)}

    assert WORDS.keys() == states | healths | others
    assert all(CHINESE(word) != word or word == "OpenAPI" for word in WORDS.values())
    newer = replace(QUIET, state="{thinking}")
    assert next(lines(newer, NOW, None, CHINESE)).endswith("：{thinking}")  # noqa: RUF001
