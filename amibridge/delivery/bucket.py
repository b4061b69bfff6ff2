"""The pace of a CRM, as a bucket of tokens: one for each command, filled again at the CRM's own rate."""

from amibridge.crm.interface import Pace


class Bucket:
    """Holds `pace.burst` tokens, and is full at first."""

    def __init__(self, pace: Pace) -> None:
        self._burst = pace.burst
        self._seconds = 1.0 / pace.per_second
        """How long one token takes to come."""
        self._full_at = 0.0

    def room(self, now: float) -> int:
        """How many commands may set out."""
        missing = max(0.0, self._full_at - now) / self._seconds
        # A hair's breadth is forgiven: the sum of many small times never quite makes a whole token.
        return max(0, int(self._burst - missing + 1e-3))

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._seconds

    def next_at(self, now: float) -> float | None:
        """When the next token will be there; None when there is one."""
        return None if self.room(now) else self._full_at - (self._burst - 1) * self._seconds
