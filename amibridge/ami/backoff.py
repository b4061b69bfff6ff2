"""How long to wait before the next attempt: longer each time, and never in step with anybody else."""

from collections.abc import Callable

FIRST = 1.0
LONGEST = 60.0
"""Seconds. An admin who has restarted the PBX does not wait longer than this."""


class Backoff:
    """Doubles from FIRST to LONGEST; each delay is between a half and the whole of that, as chance has it."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """chance: from 0 up to 1."""
        self._chance = chance
        self._next = FIRST

    def delay(self) -> float:
        """Seconds to wait now."""
        whole = self._next
        self._next = min(whole * 2, LONGEST)
        return whole * (1 + self._chance()) / 2

    def reset(self) -> None:
        """It worked: the next delay is a short one again."""
        self._next = FIRST
