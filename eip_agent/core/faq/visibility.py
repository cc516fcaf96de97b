"""Question 11: why an EIP does not show on the NIC, and what would make it."""

from collections.abc import Iterator

from eip_agent.core import nat
from eip_agent.core.faq.answer import Answer, Point, Sign
from eip_agent.core.faq.instance import held, no_eips, no_instance, ways
from eip_agent.core.message import Message, say, text
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

VISIBLE = frozenset((Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE))

_SIGNS = {True: Sign.FINE, False: Sign.ABSENT, None: Sign.UNKNOWN}


def visibility(scene: Scene) -> Answer:
    """Why an EIP does not show on the NIC."""
    eips = held(scene)
    shown = [one for one in eips if one.story.verdict.mode in VISIBLE or one.eip == one.private]
    hidden = len(eips) - len(shown)
    return Answer(
        11,
        say("Why does the EIP not show on the NIC of the instance?"),
        say(
            "because the cloud translates it, in NAT mode; of the EIPs known here {hidden} are hidden so, {shown} show",
            hidden=hidden,
            shown=len(shown),
        ),
        (
            say(
                "in NAT mode the EIP lives on the cloud's Internet gateway, which translates it to a private address: "
                "the NIC has that one only"
            ),
            say(
                "in three other ways it shows: by a secondary CIDR block it is the ENI's own private address "
                "(recommended); in EIP-visible mode it takes the place of the private address (not recommended any "
                "more); in multi-EIP-visible mode it stands beside it (closed to new users)"
            ),
            say("the FAQ of 2021 names the last two only"),
            *nat.PROGRAMS,
        ),
        (*ways(scene), *_choices(scene)),
        (*no_instance(scene), *no_eips(scene)),
    )


def _choices(scene: Scene) -> Iterator[Point]:
    """The other modes, each with what it needs, whether that is so here, and the steps."""
    if scene.cloud is None:
        return
    for choice in nat.choices(scene):
        yield Point(
            say("`{mode}`: {status}; then {seen}", mode=choice.mode.value, status=choice.status, seen=choice.seen)
        )
        for want in choice.wants:
            yield Point(say("`{mode}` needs: {want}", mode=choice.mode.value, want=want.what), _SIGNS[want.here])
        steps: tuple[Message, ...] = choice.steps
        yield Point(say("`{mode}`, step by step: {steps}", mode=choice.mode.value, steps=_one_by_one(steps)))


def _one_by_one(steps: tuple[Message, ...]) -> Message:
    """Steps as one text: `first; second; third`."""
    whole, *others = steps
    for step in others:
        whole = Message(text("{one}; {other}"), {"one": whole, "other": step})
    return whole
