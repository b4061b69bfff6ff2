"""A spell of trouble with the disk: said once when it begins, once at the bound, once when it is over."""

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Trouble:
    """Whether the store is late or failing.

    now: the clock that the length of a spell is measured on.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.since: float | None = None
        """On that clock; None when all is well."""
        self.reason: str | None = None
        """The latest one."""
        self._at_bound = False

    @property
    def active(self) -> bool:
        return self.since is not None

    def begin(self, reason: str) -> None:
        self.reason = reason
        if self.since is None:
            self.since = self._now()
            log.warning("store.waiting", reason=reason, meaning="events go on; their outputs wait in memory, unsent")

    def full(self, waiting: int) -> None:
        """As many outputs wait as may."""
        if not self._at_bound:
            self._at_bound = True
            log.error("store.full", waiting=waiting, meaning="reading from the PBX stops until the store has room")

    def end(self) -> None:
        if self.since is not None:
            log.info("store.recovered", seconds=round(self._now() - self.since, 1))
            self.since = self.reason = None
            self._at_bound = False
