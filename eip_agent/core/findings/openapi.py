"""EIP312 to EIP316: why the OpenAPI does not tell.  What it is not allowed to tell is EIP311."""

from collections.abc import Iterator, Mapping
from typing import Final

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import text
from eip_agent.core.openapi import Unanswered, policy
from eip_agent.core.scene import Scene
from eip_agent.core.silence import Silence

NOBODY = Kind(
    "EIP312",
    Severity.NOTE,
    text("there are no credentials for the OpenAPI"),
    saw=text("it was not asked, for there is nobody to ask it as: {says}"),
    means=text("how each EIP is bound is taken from what else is known; EIPs in multi-EIP-visible mode cannot be seen"),
    do=text(
        "give the instance a RAM role that may read: {policy}; "
        "or say `enabled = false` below `[openapi]` in the settings, and declare such EIPs there"
    ),
    proof="tests/lab/findings/test_openapi.py; README, RAM policy",
)
UNREACHABLE = Kind(
    "EIP313",
    Severity.WARNING,
    text("the OpenAPI cannot be reached"),
    saw=text("it cannot be reached: {says}"),
    means=text("what it would tell is unknown: how each EIP is bound is taken from what else is known"),
    do=text(
        "see that its endpoint is reached from here: the names inside the VPC by DNS and 100.64.0.0/10, "
        "the public ones by the Internet; or name another in `[openapi.endpoints]` of the settings"
    ),
    commands=(
        "getent hosts vpc-vpc.{region}.aliyuncs.com ecs-vpc.{region}.aliyuncs.com",
        "ip route get 100.100.2.136",
    ),
    proof="tests/lab/findings/test_openapi.py; README, OpenAPI",
)
THROTTLED = Kind(
    "EIP314",
    Severity.WARNING,
    text("the OpenAPI throttles its callers"),
    saw=text("it asked for patience to the last: {says}"),
    means=text("the account calls it more often than the cloud allows; what these calls would tell is unknown"),
    do=text("try again later; raise `deadline` below `[openapi]` in the settings if it happens often"),
    commands=("eip-agent explain",),
    proof="tests/lab/findings/test_openapi.py; README, OpenAPI",
)
FAILED = Kind(
    "EIP315",
    Severity.WARNING,
    text("a call of the OpenAPI fails"),
    saw=text("the call failed: {says}"),
    means=text("what it would tell is unknown; the other calls were made all the same"),
    do=text("try again; if it stays so, see what stands between this instance and the endpoint"),
    commands=("eip-agent explain",),
    proof="tests/lab/findings/test_openapi.py; README, OpenAPI",
)
NOT_TRUSTED = Kind(
    "EIP316",
    Severity.WARNING,
    text("the OpenAPI refuses the credentials"),
    saw=text("it refuses the credentials that were found here: {says}"),
    means=text("nothing that it would tell is known; all else is configured as what was seen says"),
    do=text(
        "see which credentials are found first: `ALIBABA_CLOUD_...` variables and the credentials file come before "
        "the RAM role"
    ),
    proof="tests/lab/findings/test_openapi.py",
)

KINDS = (NOBODY, UNREACHABLE, THROTTLED, FAILED, NOT_TRUSTED)

_BY: Final[Mapping[Silence, Kind]] = {Silence.UNREACHABLE: UNREACHABLE, Silence.THROTTLED: THROTTLED}


def silent(scene: Scene) -> Iterator[Finding]:
    """One for each reason, with all calls that it concerns."""
    api, cloud = scene.witnesses.api, scene.cloud
    reasons: dict[Kind, list[Unanswered]] = {}
    for call in api.unanswered if api is not None else ():
        reasons.setdefault(_kind_of(call), []).append(call)
    for kind, calls in reasons.items():
        actions = sorted({call.action for call in calls} - {""})
        yield kind.on(
            "OpenAPI" if not actions else f"OpenAPI {', '.join(actions)}",
            says=calls[0].says,
            policy=policy(),
            region=(cloud.region if cloud else None) or "REGION",
        )


def _kind_of(call: Unanswered) -> Kind:
    if call.why is Silence.CREDENTIALS:
        return NOT_TRUSTED if call.action else NOBODY
    return _BY.get(call.why, FAILED)


FINDERS = (silent,)
