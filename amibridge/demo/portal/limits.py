"""How much a portal allows: requests a second for everybody, running time for each method."""

from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW = 600.0
"""Seconds for which the running time of a method is remembered."""
MINUTE = 60.0


class Bucket:
    """The leaky bucket. Every request is a drop; so many drops a second leak out; a drop too many is refused.

    peak: the fullest that it was. overrun: how many were refused.
    """

    def __init__(self, capacity: float, rate: float, clock: Callable[[], float]) -> None:
        """rate: drops a second. clock: monotone seconds. Capacity and rate can be changed at any time."""
        self.capacity, self.rate = capacity, rate
        self.peak = 0.0
        self.overrun = 0
        self._clock, self._seen, self._level = clock, clock(), 0.0

    @property
    def level(self) -> float:
        """How full it is now."""
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._seen) * self.rate)
        self._seen = now
        return self._level

    def take(self) -> bool:
        """One request; whether it is allowed."""
        if self.level + 1 > self.capacity:
            self.overrun += 1
            return False
        self._level += 1
        self.peak = max(self.peak, self._level)
        return True


@dataclass(slots=True)
class _Minute:
    """The running time of one minute, from its first call on."""

    began: float
    spent: float = 0.0


@dataclass(slots=True)
class Operating:
    """The running time of each method in the last ten minutes, for each caller, in minutes as the portal keeps them.

    limit: seconds; a call is refused when the sum is already above it. cost: what a call of a method is said to
    take, in seconds, by its documented name; a test makes a method dear with it.
    """

    clock: Callable[[], float]
    limit: float = 480.0
    cost: dict[str, float] = field(default_factory=dict)
    _minutes: dict[tuple[str, str], list[_Minute]] = field(default_factory=dict)

    def spent(self, caller: str, method: str) -> float:
        """Seconds in the window."""
        return sum(minute.spent for minute in self._kept(caller, method))

    def exceeded(self, caller: str, method: str) -> bool:
        """Whether the next call is refused."""
        return self.spent(caller, method) > self.limit

    def add(self, caller: str, method: str, took: float) -> None:
        """A call has run; took: its real seconds, used where no cost was ordered."""
        kept, now = self._kept(caller, method), self.clock()
        if not kept or now - kept[-1].began >= MINUTE:
            kept.append(_Minute(now))
        kept[-1].spent += self.cost.get(method, took)

    def reset_in(self, caller: str, method: str) -> float:
        """Seconds until the oldest minute is forgotten; the whole window when there is none."""
        kept = self._kept(caller, method)
        return kept[0].began + WINDOW - self.clock() if kept else WINDOW

    def _kept(self, caller: str, method: str) -> list[_Minute]:
        kept = self._minutes.setdefault((caller, method), [])
        oldest = self.clock() - WINDOW
        kept[:] = [minute for minute in kept if minute.began > oldest]
        return kept
