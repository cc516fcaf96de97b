"""The tables of the settings, one class each.

The description of a field is the hint of its error messages: it says what is accepted.
"""

from ipaddress import IPv4Address
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eip_agent.core.facts import IPNetwork
from eip_agent.core.message import Message, say
from eip_agent.core.settings import Mode, Settings
from eip_agent.schema_values import (
    as_accepted,
    as_echo,
    as_endpoint,
    as_eni,
    as_loopback,
    as_mac,
    as_mode,
    as_network,
    as_path,
    as_role,
    as_target,
    as_textfile,
    as_unicast,
    as_url,
    from_text,
    wrong,
)

DEFAULTS: Final = Settings()
VISIBLE: Final = frozenset({Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE})
"""The modes in which the EIP itself is an address of the link."""

Address = Annotated[IPv4Address, from_text(as_unicast)]
Seconds = Annotated[
    float, Field(gt=0, le=60, allow_inf_nan=False, description=say("accepted: seconds, more than 0, at most 60"))
]
Minutes = Annotated[
    float, Field(gt=0, le=600, allow_inf_nan=False, description=say("accepted: seconds, more than 0, at most 600"))
]
Period = Annotated[
    float, Field(ge=1, le=3600, allow_inf_nan=False, description=say("accepted: seconds, from 1 to 3600"))
]
Switch = Annotated[bool, Field(description=say("accepted: true or false"))]
MACS: Final = say("accepted: a MAC address, for example 00:16:3e:00:00:01")
ENIS: Final = say("accepted: the id of an ENI, for example eni-bp1a2b3c4d5e6f7g8h9i")


class Strict(BaseModel):
    """A table of the settings: no key but ours, no value of another type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Metadata(Strict):
    """`[metadata]`: where the metadata service is, and how long to wait for it."""

    url: Annotated[str, from_text(as_url)] = Field(
        default=DEFAULTS.metadata_url,
        description=say("accepted: an http:// URL of a host, for example http://100.100.100.200"),
    )
    timeout: Seconds = DEFAULTS.metadata_timeout
    deadline: Minutes = DEFAULTS.metadata_deadline


def _endpoint(host: str) -> Message:
    return say("accepted: host or host:port, for example {host}", host=host)


class Endpoints(Strict):
    """`[openapi.endpoints]`: whom to ask instead of the region's in-VPC and public endpoints."""

    vpc: Annotated[str, from_text(as_endpoint)] | None = Field(
        default=None, description=_endpoint("vpc-vpc.cn-hangzhou.aliyuncs.com")
    )
    ecs: Annotated[str, from_text(as_endpoint)] | None = Field(
        default=None, description=_endpoint("ecs-vpc.cn-hangzhou.aliyuncs.com")
    )


class Openapi(Strict):
    """`[openapi]`: whether to ask the OpenAPI, where, and as whom."""

    enabled: Switch | None = Field(default=DEFAULTS.openapi, description=say("accepted: true or false"))
    timeout: Seconds = DEFAULTS.openapi_timeout
    deadline: Minutes = DEFAULTS.openapi_deadline
    endpoints: Endpoints = Endpoints()
    ca_file: Annotated[str, from_text(as_path)] | None = Field(
        default=None, description=say("accepted: the absolute path of a file with certificates in PEM")
    )
    ram_role: Annotated[str, from_text(as_role)] | None = Field(
        default=None, description=say("accepted: the name of the RAM role that is attached to the instance")
    )


class Dhcp(Strict):
    """`[dhcp]`: what may be asked of the cloud's DHCP servers."""

    offers: Switch = DEFAULTS.dhcp_offers


class Daemon(Strict):
    """`[daemon]`: how often `eip-agent run` asks by itself; what happens in the kernel it sees at once."""

    poll: Period = DEFAULTS.poll
    openapi_poll: Period = DEFAULTS.openapi_poll


class Metrics(Strict):
    """`[metrics]`: where `eip-agent run` tells how it goes."""

    listen: Annotated[str, from_text(as_loopback)] | None = Field(
        default=None, description=say("accepted: a loopback address and a port, for example 127.0.0.1:9469")
    )
    textfile: Annotated[str, from_text(as_textfile)] | None = Field(
        default=None, description=say("accepted: the absolute path of a file that ends in .prom")
    )


class Probe(Strict):
    """`[probe]`: whom `explain --probe` asks outside the cloud."""

    target: Annotated[str, from_text(as_target)] | None = Field(
        default=None,
        description=say("accepted: host:port, or an http:// or https:// URL, for example www.example.com:443"),
    )
    echo: Annotated[str, from_text(as_echo)] | None = Field(
        default=None, description=say("accepted: the URL of a service that answers with the address it sees")
    )


class Findings(Strict):
    """`[findings]`: what `explain` need not be worried about."""

    accepted: list[Annotated[str, from_text(as_accepted)]] = Field(
        default=[],
        description=say(
            "accepted: codes of findings, and where only one subject is meant that too: EIP252, EIP253:eth1"
        ),
    )


class Exclude(Strict):
    """`[exclude]`: what the agent shall not know."""

    enis: list[Annotated[str, from_text(as_eni)]] = Field(default=[], description=ENIS)
    macs: list[Annotated[str, from_text(as_mac)]] = Field(default=[], description=MACS)
    addresses: list[Annotated[IPNetwork, from_text(as_network)]] = Field(
        default=[],
        description=say("accepted: addresses and subnets, for example 172.16.3.10, 172.16.4.0/24, 2001:db8::10"),
    )


class Leave(Strict):
    """`[leave]`: what the agent leaves alone."""

    primary: Switch = DEFAULTS.leave_primary
    addresses: Switch = DEFAULTS.leave_addresses
    links: Switch = DEFAULTS.leave_links
    ipv6: Switch = DEFAULTS.leave_ipv6


class Eip(Strict):
    """`[[eip]]`: an EIP, and how it is bound."""

    address: Address = Field(description=say("accepted: the EIP, an IPv4 address, for example 203.0.113.42"))
    mode: Annotated[Mode, from_text(as_mode)] = Field(
        description=say("accepted: {values}", values=tuple(one.value for one in Mode if one is not Mode.UNDECIDED))
    )
    eni: Annotated[str, from_text(as_eni)] | None = Field(default=None, description=ENIS)
    mac: Annotated[str, from_text(as_mac)] | None = Field(default=None, description=MACS)
    private_address: Address | None = Field(
        default=None, description=say("accepted: a private IPv4 address of the ENI")
    )
    gateway: Address | None = Field(
        default=None, description=say("accepted: the IPv4 address of the EIP's own gateway")
    )
    prefix_length: int | None = Field(
        default=None, ge=8, le=32, description=say("accepted: a whole number from 8 to 32")
    )

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if (self.eni is None) == (self.mac is None):
            neither, both = say("neither `eni` nor `mac` is given"), say("both `eni` and `mac` are given")
            hint = say("accepted: exactly one of the two, to say where the EIP is bound")
            raise wrong(neither if self.eni is None else both, hint)
        unfit = say("not with mode {mode}", mode=self.mode.value)
        if self.private_address is not None and self.mode is not Mode.NAT:
            raise wrong(unfit, say("accepted: with mode nat only"), ("private_address",))
        for key in ("gateway", "prefix_length"):
            if getattr(self, key) is not None and self.mode not in VISIBLE:
                raise wrong(unfit, say("accepted: with modes eip-visible and multi-eip-visible only"), (key,))
            if getattr(self, key) is None and self.mode is Mode.MULTI_EIP_VISIBLE:
                hint = say("the instance cannot learn it by itself; the OpenAPI call DescribeEipGatewayInfo tells it")
                raise wrong(say("missing, and mode multi-eip-visible needs it"), hint, (key,))
        for key in ("gateway", "private_address"):
            if getattr(self, key) == self.address:
                raise wrong(say("{address} is the EIP itself", address=self.address), at=(key,))
        return self
