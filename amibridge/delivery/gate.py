"""Whether a CRM is there: one that is down is asked once in a while, by one courier's errand, and not by a hundred."""

import sys
from random import Random

import structlog

from amibridge.delivery.backoff import granted, pause

log = structlog.get_logger(__name__)

DOWN_AFTER = 3
"""Failures in a row, of whatever commands, after which a CRM is taken to be down."""
LONGEST_SILENCE = 15.0
"""Seconds between two attempts while it is down. A card lives for 30."""
LONG = 30.0
"""Seconds of a CRM's own wish to be left alone after which cards are lost by it."""


class Gate:
    """Closed while a CRM is down or has asked for time. crm: its name."""

    def __init__(self, crm: str, random: Random) -> None:
        self._crm = crm
        self._random = random
        self._failures = 0
        self._closed_until = 0.0
        self._trouble: tuple[float, str] | None = None

    def trouble(self, now: float) -> tuple[float, str] | None:
        """Since when nothing gets through, and why; None while something does, or is about to."""
        return self._trouble if not self.up or now < self._closed_until else None

    def open(self) -> None:
        """Somebody has asked for an attempt at once."""
        self._closed_until = 0.0

    @property
    def up(self) -> bool:
        """Whether the CRM is taken to be there."""
        return self._failures < DOWN_AFTER

    def room(self, now: float, under_way: int) -> int:
        """How many more errands may set out."""
        if now < self._closed_until:
            return 0
        return sys.maxsize if self.up else max(0, 1 - under_way)

    def opens_at(self, now: float) -> float | None:
        """When it opens; None when it is open."""
        return self._closed_until if now < self._closed_until else None

    def answered(self) -> None:
        """The CRM has answered for itself."""
        if not self.up:
            log.info("crm.up", crm=self._crm)
        self._failures = 0
        self._trouble = None

    def asked_for_time(self, now: float, seconds: float) -> None:
        """The CRM wants to be left alone for so long."""
        self._closed_until = max(self._closed_until, now + granted(seconds))
        if self._closed_until - now > LONG and self._trouble is None:
            self._trouble = now, f"it has asked to be left alone for {granted(seconds):.0f} s"

    def failed(self, now: float, why: str) -> None:
        """A command failed in a way that may be the CRM's and not the command's."""
        self._failures += 1
        if not self.up:
            if self._failures == DOWN_AFTER:
                log.error("crm.down", crm=self._crm, why=why)
            since, _ = self._trouble or (now, why)
            self._trouble = since, why
            silence = pause(self._failures - DOWN_AFTER + 1, self._random, LONGEST_SILENCE)
            self._closed_until = max(self._closed_until, now + silence)
