"""`eip-agent explain eip ADDRESS`: where an EIP is bound, and how it reaches this instance."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import AddressValueError, IPv4Address

from eip_agent.answer import Answer, deliver
from eip_agent.console import code_of_outcome, settings_of
from eip_agent.core.explanation import Excerpt, Explanation, about_eip, explanation
from eip_agent.core.message import say
from eip_agent.errors import UsageError
from eip_agent.reconcile import Agent
from eip_agent.render import explanation as rendered
from eip_agent.render.language import Language


def run(args: Namespace) -> int:
    """Explain one EIP; the exit code.  Raises UsageError for one that nobody knows."""
    address = _address(args.address)
    settings = replace(settings_of(args), asked_about=(address,))
    told = explanation(Agent(settings).explain())
    found = about_eip(told, address)
    if found is None:
        raise _unknown(address, told)
    answer = Answer(
        say("EIP {address}", address=address),
        lambda paper: rendered.excerpt_lines(found, paper),
        lambda _: rendered.excerpt_parts(found),
        partial(_body, found),
    )
    deliver(args, told.scene, answer)
    return code_of_outcome(found.outcome)


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError as wrong:
        message = say("{text} is no IPv4 address, and every EIP is one", text=repr(text))
        raise UsageError(message, say("name an EIP, for example `eip-agent explain eip 203.0.113.10`")) from wrong


def _unknown(address: IPv4Address, told: Explanation) -> UsageError:
    """Who was asked, and how it can be made known."""
    if told.scene.witnesses.api is None:
        return UsageError(
            say(
                "nobody here knows {address}: metadata, DHCP and settings were asked, the OpenAPI was not",
                address=address,
            ),
            say(
                "let the instance ask the OpenAPI by a RAM role, or declare the EIP in the settings with `[[eip]]`; "
                "`eip-agent explain` shows which EIPs are known"
            ),
        )
    return UsageError(
        say("nobody knows {address}: the OpenAPI was asked for it too, in this region and account", address=address),
        say("see whether it is the right address, account and region; `eip-agent explain` shows which EIPs are known"),
    )


def _body(found: Excerpt, language: Language) -> Iterator[str]:
    from eip_agent.render.explanation_page import excerpt  # noqa: PLC0415  only who wants a page

    return excerpt(found, language)
