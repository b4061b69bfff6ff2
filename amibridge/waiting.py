"""Time as whoever waits has to see it: spans that no clock's step can change, and how long until the next attempt."""

import time
from collections.abc import Callable

AT_ONCE = 0.5
"""Seconds at most until the first attempt after something that worked, and the shortest that anybody is tried again."""
LONGEST = 60.0
"""Seconds. An admin who has mended something does not wait longer than this."""
_READING = 0.1
"""Seconds within which two clocks are read: longer, and something came between that would look like sleep."""


def _booted() -> float:
    """Seconds by which the clock that counts the host's sleep is ahead of the monotonic one."""
    # Linux has it. Where there is none (macOS, for a developer) nothing is known of sleep.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    if clock is None:
        return 0.0
    while True:
        before, booted = time.monotonic(), time.clock_gettime(clock)
        if time.monotonic() - before < _READING:
            return booted - before


_BEGAN = _booted()


def suspended() -> float:
    """Whole seconds that the host has slept since the program began: they passed, uncounted by monotonic clocks."""
    return float(round(_booted() - _BEGAN))


def elapsed() -> float:
    """Seconds that never step and go on while the host sleeps: what spans of time are counted on."""
    return time.monotonic() + suspended()


def backed_off(failures: int, chance: Callable[[], float], first: float, longest: float) -> float:
    """Seconds to wait after so many failures in a row, at least one.

    It doubles from `first` to `longest`, and a half of it is left to chance (from 0 up to 1): what failed together does
    not come back together.
    """
    whole = min(first * 2.0 ** min(failures - 1, 30), longest)
    return whole * (1 + chance()) / 2


class Backoff:
    """Counts the failures for `backed_off`.

    What worked is tried again at once when it breaks (`reset`): waiting grows only while nothing works.
    """

    def __init__(self, chance: Callable[[], float], first: float = AT_ONCE, longest: float = LONGEST) -> None:
        """chance: from 0 up to 1. first, longest: seconds."""
        self._chance = chance
        self._first = first
        self._longest = longest
        self._failures = 0

    def delay(self) -> float:
        """Seconds to wait now."""
        self._failures += 1
        return backed_off(self._failures, self._chance, self._first, self._longest)

    def reset(self) -> None:
        """It worked: the next delay is a short one again."""
        self._failures = 0

    @property
    def grown(self) -> bool:
        """Nothing has worked for so long that the waits do not grow any more."""
        return self._first * 2.0 ** min(self._failures, 30) >= self._longest


STEADY = 60.0
"""Seconds. What has worked for so long works."""
FLAPS = 3
"""So many breaks after short lives are told one by one; with the last of them it is said that it flaps."""


class Flapping:
    """Tells breaks that are news from those of something that breaks again and again: these would fill a log.

    breaks: how many there have been in a row, with less than STEADY seconds between two.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """monotonic: seconds that never step."""
        self.breaks = 0
        self._monotonic = monotonic
        self._worked_at = monotonic()
        self._since = monotonic()
        self._next_told = FLAPS

    @property
    def flaps(self) -> bool:
        """It breaks again and again, which has been said."""
        return self.breaks >= FLAPS

    def worked(self) -> None:
        """It works, from now on."""
        self._worked_at = self._monotonic()

    def broke(self) -> bool:
        """It works no more. Returns whether that is to be told: the first breaks are, then every tenfold of them."""
        if self._monotonic() - self._worked_at >= STEADY:
            self.steady()
        if self.breaks == 0:
            self._since = self._monotonic()
        self.breaks += 1
        if not self.flaps:
            return True
        told = self.breaks == self._next_told
        if told:
            self._next_told *= 10
        return told

    def steady(self) -> int:
        """It has worked for a good while. Returns how often it broke before."""
        breaks, self.breaks, self._next_told = self.breaks, 0, FLAPS
        return breaks

    @property
    def within(self) -> float:
        """Seconds from the first of the breaks till now."""
        return self._monotonic() - self._since
