"""One ENI and one way as text."""

from dataclasses import replace

import pytest

from eip_agent.core.chain import chains
from eip_agent.core.scene import Scene
from eip_agent.render.paper import Paper, columns
from eip_agent.render.story import SHOWN, chain_lines, eni_lines, ladder_lines, legend, story_lines
from tests.builders import cloud, eni, ip4, kernel, link
from tests.core.findings.support import nat_eip, scene_of, told

HERE = kernel(link(0), link(1))


def scene(*hosts: int) -> Scene:
    private = tuple(ip4(f"192.168.1.{host}") for host in hosts)
    eips = [nat_eip(host, private=f"192.168.1.{host}") for host in hosts]
    return scene_of(told(*eips), of=cloud(eni(0), eni(1, private_ipv4s=private)), holds=HERE)


def test_a_way_is_wrapped_at_its_arrows() -> None:
    (chain,) = chains(scene(10))
    lines = list(chain_lines(chain, Paper(width=80)))

    assert all(columns(line) <= 80 for line in lines)
    assert lines[0] == "  EIP 203.0.113.10, nat (certain), by OpenAPI"
    assert [line.split()[0] for line in lines[1:] if line[4:5].strip()] == ["in", "out"]
    assert all(line.strip().startswith("→") for line in lines[1:] if not line[4:5].strip())


def test_a_hop_that_is_wider_than_the_paper_is_wrapped_itself() -> None:
    (chain,) = chains(scene(10))

    assert all(columns(line) <= 40 for line in chain_lines(chain, Paper(width=40)))


def test_what_is_missing_is_marked_and_the_mark_explained_once() -> None:
    found = chains(scene(10))
    (chain,) = found

    assert sum("+ rule 24011" in line for line in chain_lines(chain, Paper())) == 1
    assert list(legend(found, Paper())) == ["`+` is not there yet: `eip-agent apply` adds it"]


def test_a_ladder_has_one_step_a_hop() -> None:
    (chain,) = chains(scene(10))
    lines = list(ladder_lines(chain, Paper()))

    assert sum("↓" in line for line in lines) == len(chain.hops) - 1
    assert sum("and the reply" in line for line in lines) == 1
    assert lines[2] == "  EIP       203.0.113.10 (eip-10)"


def test_many_ways_are_cut_short() -> None:
    crowd = scene(*range(10, 10 + SHOWN + 3))
    lines = list(story_lines(crowd.report.stories, chains(crowd), None, Paper()))

    assert sum(line.startswith("  EIP ") for line in lines) == SHOWN
    assert "  ... and 3 more (`eip-agent explain eni eth1` draws them all)" in lines


def test_sources_of_an_exit_are_cut_short() -> None:
    (line,) = (
        line for line in eni_lines(scene(10, 11, 12, 13, 14).report.stories[1], None, Paper()) if "leaves" in line
    )

    assert line == (
        "  leaves   192.168.1.10, 192.168.1.11, 192.168.1.12, 192.168.1.13 and 1 more by 192.168.1.253 dev eth1 "
        "(table 20000048)"
    )


@pytest.mark.parametrize("colour", [True, False])
def test_colours_say_nothing_that_words_do_not(colour: bool) -> None:  # noqa: FBT001
    (chain,) = chains(scene(10))
    lines = "\n".join([*chain_lines(chain, Paper(colour=colour)), *ladder_lines(chain, Paper(colour=colour))])

    assert ("\x1b[32m" in lines) is colour


def test_an_eni_that_is_left_alone_says_so() -> None:
    story = replace(scene(10).report.stories[1], excluded=True)

    assert next(iter(eni_lines(story, None, Paper()))).endswith("left alone, as the settings say")
