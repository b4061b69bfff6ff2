"""Whether a CRM is there: one that is down is asked once in a while, by one courier's errand, and not by a hundred.

A command that fails while others go through fails by its own fault, and says nothing of the CRM.
"""

import sys
from collections.abc import Set
from random import Random

import structlog

from amibridge.delivery.backoff import granted, pause

log = structlog.get_logger(__name__)

DOWN_AFTER = 3
"""Failures in a row after which a CRM is taken to be down."""
LONG = 30.0
"""Seconds of a CRM's own wish to be left alone after which cards are lost by it."""
KNOWN = 0.25
"""What the failure of a call counts that failed before while others went through."""
MOST_KNOWN = 1000
"""So many calls of each kind are remembered; the latest."""
KNOCKING = 2
"""Errands under way, at most, while a card asks at a closed gate."""
LONGEST_SILENCE = 15.0
"""Seconds between two attempts while it is down. A card lives for 30."""


class Gate:
    """Closed while a CRM is down or has asked for time. crm: its name."""

    def __init__(self, crm: str, random: Random) -> None:
        self._crm = crm
        self._random = random
        self._failures = 0.0
        self._silent_until = 0.0
        self._asked_until = 0.0
        self._suspects: dict[str, None] = {}
        """Calls that failed since anything went through: it may be theirs or the CRM's fault."""
        self._known: dict[str, None] = {}
        """Calls that failed, and then others went through: it is theirs."""
        self._trouble: tuple[float, str] | None = None

    def trouble(self, now: float) -> tuple[float, str] | None:
        """Since when nothing gets through, and why; None while something does, or is about to."""
        return self._trouble if not self.up or now < self._asked_until else None

    def open(self) -> None:
        """Somebody has asked for an attempt at once."""
        self._silent_until = self._asked_until = 0.0

    @property
    def up(self) -> bool:
        """Whether the CRM is taken to be there."""
        return self._failures < DOWN_AFTER

    @property
    def failing(self) -> Set[str]:
        """The calls that have failed since something of theirs went through."""
        return self._suspects.keys() | self._known.keys()

    def room(self, now: float, under_way: int) -> int:
        """How many more errands may set out."""
        if self.opens_at(now) is not None:
            return 0
        return sys.maxsize if self.up else max(0, 1 - under_way)

    def knocks(self, now: float, under_way: int) -> int:
        """How many may set out all the same of those that nobody has tried yet and that somebody waits for: a CRM that
        cannot stand three records may well show a card. Not while it has asked for time."""
        return 0 if now < self._asked_until else max(0, KNOCKING - under_way)

    def opens_at(self, now: float) -> float | None:
        """When it opens; None when it is open."""
        closed_until = max(self._silent_until, self._asked_until)
        return closed_until if now < closed_until else None

    def answered(self, call_id: str) -> None:
        """The CRM has answered for itself, on something of this call."""
        if not self.up:
            log.info("crm.up", crm=self._crm)
        self._failures, self._silent_until, self._trouble = 0.0, 0.0, None
        self._known |= self._suspects
        self._suspects.clear()
        self._known.pop(call_id, None)
        _keep_the_latest(self._known)

    def asked_for_time(self, now: float, seconds: float, call_id: str) -> None:
        """The CRM wants to be left alone for so long; with a call that it cannot stand it may mean that call alone."""
        if call_id not in self._known:
            self._suspect(call_id)
            self._asked_until = max(self._asked_until, now + granted(seconds))
            if self._asked_until - now > LONG and self._trouble is None:
                self._trouble = now, f"it has asked to be left alone for {granted(seconds):.0f} s"

    def failed(self, now: float, why: str, call_id: str, *, unreached: bool = False) -> None:
        """A command failed in a way that may be the CRM's and not the command's. unreached: it cannot be the latter."""
        was_up = self.up
        if call_id in self._known and not unreached:
            self._failures += KNOWN
        else:
            self._failures += 1
            if call_id not in self._known:
                self._suspect(call_id)
        if self.up:
            return
        since, _ = self._trouble or (now, why)
        self._trouble = since, why
        if was_up:
            log.error("crm.down", crm=self._crm, why=why)
        # Whoever knocked and was not let in makes nobody else wait for longer.
        if now >= self._silent_until:
            silence = pause(int(self._failures) - DOWN_AFTER + 1, self._random, LONGEST_SILENCE)
            self._silent_until = now + silence

    def _suspect(self, call_id: str) -> None:
        self._suspects[call_id] = None
        _keep_the_latest(self._suspects)


def _keep_the_latest(calls: dict[str, None]) -> None:
    while len(calls) > MOST_KNOWN:
        del calls[next(iter(calls))]
