"""What the log says of a pass."""

from dataclasses import replace

from eip_agent.core.changes import Change, Why
from eip_agent.core.facts import Unread
from eip_agent.core.fight import FREE, Fight, Fights, key_of
from eip_agent.core.findings.memory import DAMAGED
from eip_agent.core.findings.sources import SILENT
from eip_agent.core.host import HostFact, Manager
from eip_agent.core.report import Outcome, Result
from eip_agent.core.status import FightStatus
from eip_agent.daemon.chronicle import Entry, changes, fights_of, headline, over, standing
from eip_agent.daemon.log import Level
from eip_agent.daemon.state import troubles_of
from tests.builders import address_item, device, eni, rule_item
from tests.daemon.support import ADDED, RULE, done, made, refused, report

LINKS = {device(n).index: device(n).name for n in range(3)}
FIGHT = FightStatus("eth1", 2, 2.0, "probably by dhclient (pid 9)")


def test_each_change_has_a_line_with_its_fields() -> None:
    (entry,) = changes(done(ADDED), LINKS)

    assert (entry.level, entry.text) == (Level.INFO, str(ADDED))
    assert entry.fields == {
        "CHANGE": str(ADDED),
        "WHY": "desired, not present",
        "KIND": "rule",
        "LINK": "eth1",
        "ENI": eni(1).eni_id,
    }


def test_a_repair_is_told_as_one() -> None:
    (entry,) = changes(done(ADDED, repairs=frozenset((ADDED,))), LINKS)

    assert (entry.level, entry.text) == (Level.NOTICE, f"{ADDED}, which somebody had taken away")
    assert entry.fields["WHY"] == "repair"


def test_a_rule_for_a_device_is_of_its_link() -> None:
    (entry,) = changes(done(Change(None, rule_item(None, 24020, device="eth2"), Why.MISSING)), LINKS)

    assert entry.fields["LINK"] == "eth2"


def test_what_was_undone_is_not_told_as_done() -> None:
    result = replace(refused(ADDED), applied=(ADDED,), undone=(ADDED.inverse(),))

    assert list(changes(replace(done(), made=made(report(result=result))), LINKS)) == []


def test_what_is_left_is_told() -> None:
    (first, second) = changes(replace(done(), made=made(report(result=Result((ADDED,)), left=(ADDED,)))), LINKS)

    assert first.text == str(ADDED)
    assert second == Entry(Level.WARNING, f"a second look still finds 1 to do, the first: {ADDED}")


def test_what_is_wrong_is_known_by_what_it_is_about_and_not_by_its_words() -> None:
    one = report(unread=(Unread("mac", "absent"),), findings=(DAMAGED.on("file", what="byte 3"),))
    other = report(unread=(Unread("mac", "500"),), findings=(DAMAGED.on("file", what="byte 4"),))

    assert standing(one, (FIGHT,), ("x: no",)).keys() == standing(other, (FIGHT,), ("x: no",)).keys()
    entries = list(standing(one, (FIGHT,), (f"{ADDED}: no",)).values())
    assert [entry.level for entry in entries] == [Level.ERROR, Level.WARNING, Level.INFO, Level.WARNING]
    assert entries[0].text.startswith(f"refused by the kernel: {ADDED}: no; all else is done")
    assert entries[2].fields == {"FINDING": "EIP331"}
    assert entries[3].text.startswith("eth1: what eip-agent puts there is taken away again and again, probably by dhcl")
    assert over(entries[1]).text == "over: not read: mac: absent"


def test_what_is_accepted_is_no_warning_and_no_news() -> None:
    one = SILENT.on("metadata service", age="an hour")
    (plain,) = standing(report(findings=(one,)), (), ()).items()
    (accepted,) = standing(report(findings=(replace(one, accepted=True),)), (), ()).items()

    assert plain[0] == accepted[0]
    assert (plain[1].level, accepted[1].level) == (Level.WARNING, Level.INFO)
    assert accepted[1].text == f"{plain[1].text}; accepted by the settings"
    assert troubles_of(report(findings=(one,)), "") == (f"{one.code} {one.subject}: {one.saw}",)
    assert troubles_of(report(findings=(replace(one, accepted=True),)), "") == ()


def test_another_suspect_is_news() -> None:
    other = replace(FIGHT, suspects="probably by keepalived (pid 10)")

    assert standing(report(), (FIGHT,), ()).keys() != standing(report(), (other,), ()).keys()


def test_fights_are_told_by_link_with_the_worst_of_each() -> None:
    address = key_of(address_item("192.168.1.11"))
    fights = Fights(
        {
            key_of(RULE): Fight(FREE + 2, 9.0),
            address: Fight(FREE + 4, 9.0),
            key_of(rule_item("192.168.0.0/16", 24010, table=254)): Fight(FREE + 1, 9.0),
            key_of(rule_item("192.168.0.0/17")): Fight(FREE, 9.0),
        }
    )
    host = HostFact((Manager("dhclient", 9, "eth1"), Manager("dhclient", 10, "eth2")))

    assert fights_of(fights, LINKS, host) == (
        FightStatus("eth1", 4, 8.0, "probably by dhclient (pid 9)"),
        FightStatus("rules", 1, 1.0, "probably by dhclient (pid 9) or dhclient (pid 10)"),
    )


def test_the_headline_says_the_worst() -> None:
    unread = report(unread=(Unread("mac", "absent"),))

    assert headline(report(), Outcome.AS_DESIRED, ()) == "as desired: 2 ENIs, 7 items"
    assert headline(report(), Outcome.PENDING, (FIGHT,)) == "2 ENIs, changes wait; in dispute: eth1"
    assert headline(unread, Outcome.FACTS_MISSING, ()) == "2 ENIs, not known: mac"
    assert headline(report(), Outcome.REFUSED, ()) == "2 ENIs, the kernel does not hold what it should"
