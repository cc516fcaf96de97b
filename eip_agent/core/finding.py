"""A finding: something that is wrong or worth knowing, with a code that never changes.

::

    Kind      what can be found: code, severity, templates, proof.  Declared once, beside the generator that finds it.
    Finding   one occurrence: a kind, its subject, and this instance's values.

`findings` (the package) holds the kinds by theme, and knows all of them.
"""

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from eip_agent.core.message import Message, Value


class Severity(enum.Enum):
    """How bad it is; in the order in which findings are told."""

    ERROR = "error"
    """Something does not work, or will not."""
    WARNING = "warning"
    """It works now, or in part, and something should be done."""
    NOTE = "note"
    """Good to know; nothing has to be done."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be found.  All texts are templates, marked by `text(...)`, that share the values."""

    code: str
    """`EIP` and three digits; never given to anything else again."""
    severity: Severity
    title: str
    """A heading without values."""
    saw: str
    """The fact, with this instance's values: lower case, no full stop."""
    means: str
    """What follows from it."""
    do: str
    """What to do about it, in words."""
    commands: tuple[str, ...] = ()
    """The same as commands to copy, templates too, but never translated; the values of one finding may replace them."""
    proof: str = ""
    """Where the claim is proved: a test of ours, a man page, a page of the cloud's documentation."""
    caused_by: frozenset[str] = frozenset()
    """Codes of causes: where one of them is found for the same link or address, this is not told."""

    def on(
        self,
        subject: str,
        *,
        about: Iterable[str] = (),
        commands: Iterable[str] | None = None,
        **values: Value,
    ) -> "Finding":
        """Say that it is so.  `about`: names of links, addresses and rules it concerns; none means the whole host."""
        return Finding(self, subject, values, frozenset(about), None if commands is None else tuple(commands))


@dataclass(frozen=True, slots=True)
class Finding:
    """One occurrence of a kind."""

    kind: Kind
    subject: str
    """What it is about, in few words: `eth1 203.0.113.11`."""
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    about: frozenset[str] = frozenset()
    """Names of links, addresses and rules (`rule 24500`); empty: the whole host."""
    replaced: tuple[str, ...] | None = None
    """Commands in place of the kind's."""
    accepted: bool = False
    """The settings say that it is known and wanted so."""

    @property
    def code(self) -> str:
        """That of its kind."""
        return self.kind.code

    @property
    def severity(self) -> Severity:
        """That of its kind; what is accepted is a note, and makes nobody act."""
        return Severity.NOTE if self.accepted else self.kind.severity

    @property
    def saw(self) -> Message:
        """The fact."""
        return Message(self.kind.saw, self.values)

    @property
    def means(self) -> Message:
        """What follows from it."""
        return Message(self.kind.means, self.values)

    @property
    def do(self) -> Message:
        """What to do about it, in words."""
        return Message(self.kind.do, self.values)

    @property
    def commands(self) -> tuple[str, ...]:
        """What to do about it, to copy; may be empty."""
        if self.replaced is not None:
            return self.replaced
        return tuple(str(Message(command, self.values)) for command in self.kind.commands)


def told(findings: Iterable[Finding], accepted: Collection[str] = ()) -> tuple[Finding, ...]:
    """What is worth telling: without repeats and without consequences of what is told too; the worst first.

    `accepted`: codes, some with a subject (`EIP253:eth1`), of what is known and wanted; it is told last.  What follows
    from it is not told either.
    """
    found = list(dict.fromkeys(replace(one, accepted=_is_among(one, accepted)) for one in findings))
    kept = [one for one in found if not any(_causes(other, one) for other in found)]
    order = list(Severity)
    return tuple(sorted(kept, key=lambda one: (one.accepted, order.index(one.severity), one.code, str(one.subject))))


def _is_among(finding: Finding, accepted: Collection[str]) -> bool:
    return finding.code in accepted or f"{finding.code}:{finding.subject}" in accepted


def _causes(cause: Finding, consequence: Finding) -> bool:
    if cause.code not in consequence.kind.caused_by:
        return False
    return not cause.about or not consequence.about or bool(cause.about & consequence.about)
