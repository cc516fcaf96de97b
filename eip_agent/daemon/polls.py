"""When the cloud is asked next.  All times are seconds of CLOCK_MONOTONIC; asking is the loop's business.

The metadata service is asked at its pace, and all others with it at theirs; sooner after silence, while a link waits to
be listed, while an address waits to be condemned twice, and whenever somebody says so.
"""

from collections.abc import Callable
from typing import Final

from eip_agent.core.pace import Backoff, jittered, soonest
from eip_agent.core.settings import Settings
from eip_agent.lookout import Seen
from eip_agent.reconcile import WITNESS_PAUSE

ATTACHED: Final = Backoff(0.25, 30.0)
"""Between two questions whether the metadata service lists a link by now."""
GIVE_UP: Final = 20
"""Questions, some six minutes; then the usual poll must do: what is still not listed is no ENI."""
SILENT: Final = 2.0
"""The first pause after the metadata service was silent; doubled up to the usual poll."""
OPENAPI: Final = 30.0
"""The same for the OpenAPI."""


class Polls:
    """The next question, and what the last ones came to."""

    def __init__(self, settings: Settings, now: float, chance: Callable[[], float]) -> None:
        """`chance` gives numbers from 0 to 1, so that a thousand instances do not ask as one."""
        self._chance = chance
        self.at: float | None = now
        """When to ask; None: no sooner than the answer that is waited for."""
        self.asked_at = -1.0
        """When the last question began."""
        self.answered_at = -1.0
        """When the one began whose answer is known."""
        self._others_at = 0.0
        """From when on all others are to be asked too."""
        self._attached = ATTACHED
        self._newcomers: frozenset[object] = frozenset()
        self._counted = False
        """Whether a pass has counted the last question: events cause more of them, which learn nothing new."""
        self.change(settings)

    def change(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._silent = Backoff(SILENT, settings.poll)
        self._denied = Backoff(OPENAPI, settings.openapi_poll)
        self._witness = Backoff(WITNESS_PAUSE, settings.poll)

    def soon(self, at: float) -> None:
        """Ask at that time, or sooner."""
        self.at = soonest(self.at, at)

    def everybody(self, now: float) -> None:
        """Ask all of them now."""
        self._others_at = now
        self.soon(now)

    def ask(self, now: float) -> bool:
        """A question begins; whether all others are to be asked with it."""
        self.at, self.asked_at, self._counted = None, now, False
        return now >= self._others_at

    def answered(self, seen: Seen | None, before: Seen | None, now: float) -> None:
        """The answer has come: ask at the usual pace, or sooner after silence.  `before`: what was seen until now."""
        if seen is not None:
            self.answered_at = self.asked_at
        if seen is None or seen.witnesses.silent:
            self.soon(now + self._silent.delay)
            self._silent = self._silent.again()
            return
        self._silent = Backoff(SILENT, self._settings.poll)
        self.soon(now + jittered(self._settings.poll, self._chance()))
        if before is not None and seen.asked_at == before.asked_at:
            return  # the others were not asked
        if seen.witnesses.api is not None and seen.witnesses.api.unread:
            self._others_at = now + self._denied.delay
            self._denied = self._denied.again()
        else:
            self._denied = Backoff(OPENAPI, self._settings.openapi_poll)
            self._others_at = now + jittered(self._settings.openapi_poll, self._chance())

    def passed(self, now: float, *, doomed: bool, newcomers: frozenset[object], busy: bool) -> None:
        """After a pass: `doomed`, an address waits to be condemned again; `newcomers`, links that nobody lists yet.

        `busy`: an answer is waited for.
        """
        counts = not (busy or self._counted)
        self._counted = self._counted or counts
        if doomed:
            self.soon(max(now, self.answered_at + self._witness.delay))
            self._witness = self._witness.again() if counts else self._witness
        else:
            self._witness = Backoff(WITNESS_PAUSE, self._settings.poll)
        if newcomers - self._newcomers:
            self._attached = ATTACHED
            self.soon(now)
        elif newcomers and self._attached.tries < GIVE_UP and not busy:
            self.soon(max(now, self.answered_at + self._attached.delay))
            self._attached = self._attached.again() if counts else self._attached
        self._newcomers = newcomers
