"""What strangers must not see, masked: in any text, the same thing always in the same way."""

import json
import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.explanation import explanation
from eip_agent.core.facts import Remembered
from eip_agent.core.scene import Scene
from eip_agent.render import explanation as rendered
from eip_agent.render import json as as_json
from eip_agent.render.explanation_page import body
from eip_agent.render.language import ENGLISH
from eip_agent.render.paper import Paper
from eip_agent.render.redaction import KEPT4, KEPT6, Mask
from tests.strategies import World, worlds

PUBLIC4 = st.ip_addresses(v=4).filter(lambda ip: not any(ip in net for net in KEPT4))
PUBLIC6 = st.ip_addresses(v=6).filter(lambda ip: not any(ip in net for net in KEPT6))


@pytest.mark.parametrize(
    ("given_text", "masked"),
    [
        ("203.0.113.7 and 203.0.113.8, again 203.0.113.7", "public4-1 and public4-2, again public4-1"),
        ("from 203.0.113.0/24 lookup 20000048", "from public4-1/24 lookup 20000048"),
        ("2001:DB8::1 is 2001:db8:0::1", "public6-1 is public6-1"),
        ("via 2001:db8::1: refused", "via public6-1: refused"),
        ("[2001:db8::1]:80", "[public6-1]:80"),
        ("::ffff:203.0.113.7", "public6-1"),
        ("path:2001:db8::1", "path:public6-1"),
        ("add:203.0.113.7:80", "add:public4-1:80"),
        ("eth1 00:16:3E:00:00:01 and 00:16:3e:00:00:01", "eth1 mac-1 and mac-1"),
        ("unmanaged-devices+=mac:00:16:3e:00:00:01 00:16:3e:00:00:01", "unmanaged-devices+=mac:mac-1 mac-1"),
        ("05-eip-agent-00-16-3e-00-00-01.network of enx00163e000001", "05-eip-agent-mac-1.network of enxmac-1"),
        ("eni-bp1lab00000000000001 of i-bp1lab00000000000000", "eni-x1 of i-x1"),
        ("eni-bp1lab00000000000001: 90-eip-agent-eni-bp1lab00000000000001.conf", "eni-x1: 90-eip-agent-eni-x1.conf"),
        ("vtb-bp10000000000000lab1 to ipv4gw-bp1lab00000000000001", "vtb-x1 to ipv4gw-x1"),
        ("ipv6gw-bp1lab00000000000001 of ipv6-bp1lab000000004106", "ipv6gw-x1 of ipv6-x1"),
        ("\x1b[1meni-bp1lab00000000000001\x1b[0m", "\x1b[1meni-x1\x1b[0m"),
        ("acs:ram::1234567890123456:role/reader", "acs:ram::account-1:role/reader"),
        ("RequestId 0ED8D006-F706-4D23-88ED-E11ED28DCAC0", "RequestId request-1"),
    ],
)
def test_what_is_telling_is_masked(given_text: str, masked: str) -> None:
    assert Mask()(given_text) == masked


@pytest.mark.parametrize(
    "harmless",
    [
        "172.16.1.10/24 by 172.16.1.253 dev eth1",
        "100.100.100.200 is in 100.64.0.0/10",
        "default 0.0.0.0/0 ::/0 fe80::1%eth1 fd00::1 ::1 255.255.255.0 127.0.0.1",
        "eip-agent: multi-eip-visible, eip-visible; at 12:30:45",
        "rule 24011: from 172.16.1.0/24 iif lo lookup 20000048",
        "999.1.1.1 is no address",
    ],
)
def test_what_is_harmless_stays(harmless: str) -> None:
    assert Mask()(harmless) == harmless


@given(
    st.lists(st.one_of(PUBLIC4, PUBLIC6), min_size=1, max_size=6, unique=True),
    st.sampled_from([" ", ", ", "/32 ", ": ", "; dev x ", '"', ">", ")", " eip:", "=", "\x1b[0m", "\n", "%eth0 "]),
    st.sampled_from(["", "x:", "from ", "[", "'", "<b>", "\x1b[31;1m", "via:", "//"]),
)
def test_no_public_address_survives(addresses: list[IPv4Address | IPv6Address], behind: str, in_front: str) -> None:
    whole = "".join(f"{in_front}{one}{behind}" for one in addresses)
    masked = Mask()(whole)

    assert not any(str(one) in masked for one in addresses)
    assert len({found for found in masked.replace(behind, " ").split() if "public" in found}) == len(addresses)


@given(worlds())
@settings(max_examples=30)
def test_no_public_address_of_a_report_survives_in_any_form(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    told = explanation(Scene(report, world.kernel, Witnesses(), world.settings, Remembered()))
    forms = [
        as_json.spelled(rendered.parts(told)),
        "\n".join(rendered.lines(told, Paper(width=80, colour=True))),
        "\n".join(body(told, ENGLISH)),
    ]
    mask, public = Mask(), _public(json.loads(forms[0]))
    for form in forms:
        masked = mask(form)
        assert not [one for one in public if re.search(rf"(?<![0-9a-f.:]){re.escape(one)}(?![.:]*[0-9a-f])", masked)]
        assert mask(masked) == masked, "what is masked is harmless"


def _public(value: object) -> set[str]:
    """The public addresses among the texts of a document."""
    if isinstance(value, dict):
        return {one for inner in value.values() for one in _public(inner)}
    if isinstance(value, list):
        return {one for inner in value for one in _public(inner)}
    try:
        address = ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return set()
    kept = any(address in net for net in (KEPT4 if isinstance(address, IPv4Address) else KEPT6))
    return set() if kept else {str(address)}
