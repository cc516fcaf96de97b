"""EIP322 to EIP326: why the metadata service does not tell.  What of its last answer is used is EIP321."""

from collections.abc import Iterator, Mapping
from typing import Final

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import say, text
from eip_agent.core.scene import Scene
from eip_agent.core.silence import Silence

_TOKEN: Final = "curl -i -X PUT -H 'X-aliyun-ecs-metadata-token-ttl-seconds: 60' {url}/latest/api/token"  # noqa: S105
_CHANGE: Final = "aliyun ecs ModifyInstanceMetadataOptions --RegionId {region} --InstanceId {instance}"

REFUSED = Kind(
    "EIP322",
    Severity.ERROR,
    text("the metadata service refuses everything"),
    saw=text("it answers at {url}, and refuses whatever it is asked"),
    means=text(
        "it may be switched off for this instance (HttpEndpoint=disabled), or a proxy on the way adds an "
        "X-Forwarded-For to the requests, which it never answers; {outcome}"
    ),
    do=text("see by hand what it answers; if it is switched off, switch it on"),
    commands=(_TOKEN, f"{_CHANGE} --HttpEndpoint enabled"),
    proof="tests/lab/findings/test_metadata.py; cloud documentation: instance metadata",
)
TOKEN = Kind(
    "EIP323",
    Severity.ERROR,
    text("the metadata service wants a token, and gives or accepts none"),
    saw=text("it answers at {url} to nobody without a token, and none is to be had that it accepts"),
    means=text("tokens are required here (HttpTokens=required), and the request for one fails; {outcome}"),
    do=text("see by hand what it answers to the request for a token; or let it be asked without one"),
    commands=(_TOKEN, f"{_CHANGE} --HttpEndpoint enabled --HttpTokens optional"),
    proof="tests/lab/findings/test_metadata.py; cloud documentation: instance metadata, security hardening",
)
THROTTLED = Kind(
    "EIP324",
    Severity.WARNING,
    text("the metadata service throttles this instance"),
    saw=text("it answers at {url}, and asked for patience (429) to the last"),
    means=text("something on this instance asks it more often than the cloud allows; {outcome}"),
    do=text("find out who asks it so often, and let that program keep what it was told; then try again"),
    commands=("ss -tnp dst 100.100.100.200", "eip-agent explain"),
    proof="tests/lab/findings/test_metadata.py; cloud documentation: instance metadata",
)
UNREACHABLE = Kind(
    "EIP325",
    Severity.ERROR,
    text("the metadata service cannot be reached"),
    saw=text("nobody answered at {url} in time"),
    means=text(
        "a route, a rule or a firewall here leads the requests elsewhere or drops them; an ENI in EIP-visible mode, "
        "for one, does not reach 100.64.0.0/10, where the service is; {outcome}"
    ),
    do=text("the route to it must name the link of an ENI that is not in EIP-visible mode, as the primary one is"),
    commands=("ip route get 100.100.100.200", "eip-agent explain path --from {link} --to 100.100.100.200"),
    proof="tests/lab/findings/test_metadata.py; cloud documentation: EIP-visible mode",
    caused_by=frozenset(("EIP121", "EIP131")),
)
ODD = Kind(
    "EIP326",
    Severity.ERROR,
    text("what answers in the place of the metadata service makes no sense"),
    saw=text("what answers at {url} does not answer as a metadata service would"),
    means=text("it has a trouble of its own, or something else answers in its place; {outcome}"),
    do=text("see by hand what answers there, and try again"),
    commands=("curl -i {url}/latest/meta-data/instance-id", "eip-agent explain"),
    proof="tests/lab/findings/test_metadata.py; cloud documentation: instance metadata",
)

KINDS = (REFUSED, TOKEN, THROTTLED, UNREACHABLE, ODD)

_BY: Final[Mapping[Silence, Kind]] = {
    Silence.REFUSED: REFUSED,
    Silence.TOKEN: TOKEN,
    Silence.THROTTLED: THROTTLED,
    Silence.UNREACHABLE: UNREACHABLE,
}


def silent(scene: Scene) -> Iterator[Finding]:
    """Why the whole service is silent; what it left out of an answer is another matter."""
    for unread in scene.report.unread:
        if unread.path == "metadata service" and unread.silence is not None:
            cloud = scene.cloud
            yield _BY.get(unread.silence, ODD).on(
                say("metadata service"),
                url=scene.settings.metadata_url,
                region=(cloud.region if cloud else None) or "REGION",
                instance=(cloud.instance_id if cloud else None) or "INSTANCE",
                link=next((story.link.link.name for story in scene.report.stories if story.primary), "eth0"),
                outcome=say("what it last said is used")
                if cloud
                else say("without it nothing is known of the ENIs, and nothing is configured"),
            )


FINDERS = (silent,)
