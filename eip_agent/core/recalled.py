"""What a partial answer of the metadata service lacks, recalled from the answer before it."""

from dataclasses import replace

from eip_agent.core.facts import CloudFact


def recalled(live: CloudFact, last: CloudFact) -> CloudFact:
    """The answer, with ENIs of which not all could be read as they were, and the primary ENI as it was.

    `unread` still says what was not read.  An ENI is taken as a whole from one answer or the other: of two halves
    nobody has ever said that they belong together, and something could be removed by what neither says.
    """
    if live.instance_id not in (None, last.instance_id):
        return live
    former = {eni.mac: eni for eni in last.enis}
    enis = tuple(
        replace(former[eni.mac], unread=eni.unread) if eni.unread and eni.mac in former else eni for eni in live.enis
    )
    primary = live.primary_mac
    # An instance has the same one all its life.
    if primary is None and any(eni.mac == last.primary_mac for eni in enis):
        primary = last.primary_mac
    return replace(
        live,
        enis=enis,
        primary_mac=primary,
        instance_id=live.instance_id or last.instance_id,
        region=live.region or last.region,
    )
