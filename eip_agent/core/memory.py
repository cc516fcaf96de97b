"""What the journal must remember, because the kernel cannot say it: borrowed link settings, and addresses of ours.

Written ahead: what a pass is about to do stands in the journal before it is done.  A pass killed at any instruction
leaves a journal that holds at least everything it wrote; `settle` drops what turned out not to be so.
"""

from collections.abc import Iterable
from dataclasses import replace

from eip_agent.core.changes import Change
from eip_agent.core.facts import Borrowed, KernelFact, Remembered
from eip_agent.core.items import Address, LinkSetting
from eip_agent.core.ownership import is_our_address, setting_of


def foresee(remembered: Remembered, plan: Iterable[Change], kernel: KernelFact) -> Remembered:
    """What to remember before a plan is carried out."""
    macs = {link.link.index: link.mac for link in kernel.links}
    loans = {(loan.link.index, loan.mac, loan.name): loan for loan in remembered.borrowed}
    addresses = set(remembered.addresses)
    for change in plan:
        match change:
            case Change(LinkSetting(value=before), LinkSetting(link=link, name=name, value=value)):
                mac = macs.get(link.index)
                if mac is None:  # the link went away since the plan was made: there is nothing to give back to
                    continue
                earlier = loans.get((link.index, mac, name))
                # What we borrowed once and somebody gave back since is borrowed anew, with the value of now.
                first = earlier.before if earlier is not None and earlier.written == before else before
                if value > before:
                    loans[link.index, mac, name] = Borrowed(link, mac, name, first, value)
            case Change(None, Address(link=link, ip=ip, prefix_length=length)):
                addresses.add((link.index, ip, length))
    return Remembered(tuple(loans.values()), frozenset(addresses))


def joined(earlier: Remembered, later: Remembered) -> Remembered:
    """What two memories hold together; where both tell of a setting, the later one was made of what is newer."""
    loans = {(loan.link.index, loan.mac, loan.name): loan for loan in (*earlier.borrowed, *later.borrowed)}
    return Remembered(tuple(loans.values()), earlier.addresses | later.addresses)


def settle(remembered: Remembered, kernel: KernelFact) -> Remembered:
    """What of it the kernel still holds."""
    links = {link.link.index: link for link in kernel.links}
    held = {(fact.link, fact.ip, fact.prefix_length) for fact in kernel.addresses if is_our_address(fact, remembered)}
    return replace(
        remembered,
        borrowed=tuple(
            loan
            for loan in remembered.borrowed
            if (link := links.get(loan.link.index)) is not None
            and link.mac == loan.mac
            and setting_of(link, loan.name) == loan.written
        ),
        addresses=remembered.addresses & held,
    )
