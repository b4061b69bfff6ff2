"""The PBX's line of time while a session is on it: events place it, the host's clock carries it on between them."""

from amibridge.ami.clock import Clock
from amibridge.ami.timeline import Timeline


class Line:
    """One per PBX; it outlives connections. Events arrive late, never early: the line is never ahead of the PBX.

    Between two events nothing says what time it is there but the host's elapsed seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self.timeline = Timeline()
        self._clock = clock
        self._placed_at: float | None = None
        """The host's elapsed seconds when the line was placed last."""

    def at(self) -> float:
        """The present, in the seconds of `Event.at`."""
        if self._placed_at is None:
            return self._clock.wall()
        return self.timeline.at + self._clock.elapsed() - self._placed_at

    def placed(self) -> None:
        """Events that arrived just now were placed on the timeline."""
        self._placed_at = self._clock.elapsed()

    def mark(self) -> tuple[float, float]:
        """Places the present: (at, wall). Nothing that arrives later comes before it."""
        marked = self.timeline.place(None, self._clock.wall(), self._clock.elapsed())
        self.placed()
        return marked
