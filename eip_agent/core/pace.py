"""When to look next: pure values in, values out.  All times are seconds of one monotonic clock, unless said otherwise.

An event says "look" and never what to see.  A burst of them gives one look, soon; many looks in a row give way to
everybody else on the machine; what fails is tried again ever later, and never given up.
"""

from dataclasses import dataclass, replace
from typing import Final

QUIET: Final = 0.025
"""A burst is over when nothing came for so long.  networkd rewrites a link within some milliseconds."""
LONGEST: Final = 0.08
"""A burst is looked at not later than this after its first event, however long it lasts: with the look itself, what
somebody took away is to be back within a tenth of a second."""
CREDIT: Final = 2.0
"""Seconds of work that may be done in one go after a time of rest: some hundred looks at an everyday instance."""
SHARE: Final = 0.2
"""Of a second, the most that goes into looks for events in the long run.  It is a share of time and no number of looks,
for a look at the largest instance costs eighty times one at the smallest."""
JITTER: Final = 0.1
"""By how much of it a period is made longer or shorter: a thousand instances that booted together do not ask as one."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Events that have not been looked at."""

    first: float
    last: float

    @property
    def due(self) -> float:
        """When to look at them."""
        return min(self.last + QUIET, self.first + LONGEST)


def heard(burst: Burst | None, now: float) -> Burst:
    """The burst with one more event."""
    return Burst(now, now) if burst is None else replace(burst, last=now)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much work events may still cause."""

    credit: float = CREDIT
    at: float = 0.0

    def spent(self, seconds: float, now: float) -> "Budget":
        """After work that ended now.  Work that nobody asked for by an event counts too, but is never kept waiting."""
        return Budget(self._by(now) - seconds, now)

    def free_at(self, now: float) -> float:
        """When the next event may be looked at."""
        credit = self._by(now)
        return now if credit >= 0 else now - credit / SHARE

    def _by(self, now: float) -> float:
        return min(CREDIT, self.credit + SHARE * max(0.0, now - self.at))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after something failed, or was not so yet, for the n-th time: doubled each time."""

    first: float
    longest: float
    tries: int = 0

    @property
    def delay(self) -> float:
        """Seconds until the next try."""
        # Beyond this the power is none that anybody waits for, and would become a large number for nothing.
        return float(min(self.longest, self.first * 2 ** min(self.tries, 32)))

    def again(self) -> "Backoff":
        """After one more of them."""
        return replace(self, tries=self.tries + 1)


def jittered(period: float, chance: float) -> float:
    """A period, by chance (0 to 1) a little shorter or longer."""
    return period * (1 + JITTER * (2 * chance - 1))


def soonest(*times: float | None) -> float | None:
    """The first of some times; None where there is none."""
    return min((time for time in times if time is not None), default=None)
