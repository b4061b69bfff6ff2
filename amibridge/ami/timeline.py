"""The PBX's line of time: monotone seconds made of the events' `Timestamp` and of their arrival.

Timestamps step back a little between threads of Asterisk, and a lot when somebody sets the clock. Arrival is smooth
but late: a network that stalls delivers a minute of events at once. So the line follows `Timestamp`, never goes back,
and leaves out the jumps of the PBX's clock. Where the PBX is on the daemon's host, its clock is the one that says when
something arrived: only the host's elapsed seconds show that both were set.
"""

from dataclasses import dataclass
from math import isnan

from amibridge.calls import UNKNOWN

STEP = 2.0
"""Seconds. A smaller step back is disorder between threads; a larger one means that the clock was set."""
SLEW = 0.1
"""Seconds. By less than this nobody sets a clock: NTP makes it run faster for a while, and elapsed seconds with it."""
DRIFT = 1e-4
"""How much faster or slower than the host's the clock of another host may run: ten times what quartz does."""

TICK = 0.01
"""Seconds from one event to the next where nothing tells any time: what came first stays first, and what the core waits
for some tenths of a second for (a transfer behind an Unhold, the rest of a ring group) has come some events later."""


@dataclass(slots=True)
class Timeline:
    """Turns one event after the other into its place on the line. Where the line begins means nothing."""

    at: float = 0.0
    wall: float = UNKNOWN
    _begun: bool = False
    """Something was placed, be it without a time."""
    _place: float | None = None
    """Where the last timestamp was placed; None before the first."""
    _shift: float = 0.0
    """What is added to a timestamp to get its place on the line."""
    _arrival: float | None = None
    """When the last event arrived: elapsed seconds, on an axis that begins as the host's wall clock; where they are not
    known it is the wall clock."""
    _base: float | None = None
    """What is added to elapsed seconds to get the arrival."""
    _set: float = 0.0
    """How far the host's wall clock was ahead of the arrival when timestamps were last compared with it."""
    _lead: float | None = None
    """How far places were ahead of arrival at most: further ahead means that the PBX's clock was set forward."""

    def place(self, stamp: float | None, received: float | None, elapsed: float | None = None) -> tuple[float, float]:
        """The next event's (at, wall). stamp: its `Timestamp`; received: when it arrived, epoch seconds; elapsed: the
        same on a clock of the host's that never steps (`waiting.elapsed`); each of them or None.

        `at` are seconds that never decrease; `wall` is what to show to people, not a number where nothing tells it.
        """
        passed, arrival = 0.0, received
        if elapsed is not None:
            if self._base is None:
                self._base = 0.0 if received is None else received - elapsed
            arrival = elapsed + self._base
        if arrival is not None and self._arrival is not None:
            passed = arrival - self._arrival
            if passed < 0.0:
                arrival = self._begin_anew(arrival, elapsed)
                passed = 0.0
        if stamp is None:
            self._unstamped(arrival, received, passed)
        else:
            self._stamped(stamp, arrival, received, passed)
        self._begun = True
        if arrival is not None:
            self._arrival = arrival
        return self.at, self.wall

    def _stamped(self, stamp: float, arrival: float | None, received: float | None, passed: float) -> None:
        place = stamp + self._shift
        # How far the host's wall clock is ahead of the arrival: as far as it was set, in sum.
        ahead = 0.0 if arrival is None or received is None else received - arrival
        if self._place is None:
            # So far the line was the host's, and the PBX's clock may be another one.
            if self._begun:
                place = self.at + passed
            self._set = ahead
        elif arrival is None or self._lead is None:
            if place < self._place - STEP:
                place = self.at + passed
            self._set = ahead
        else:
            self._lead -= passed * DRIFT
            latest = arrival + self._lead
            step = ahead - self._set
            if abs(step) > SLEW and abs(place - step - latest) < abs(place - latest):
                # The host's clock was set, and the PBX goes by the same one.
                place -= step
                self._set = ahead
            if place < self._place - STEP or place > latest + STEP:
                # The clock was set: as much time has passed as between the arrivals, as far as those are known.
                place = self.at + passed
                self._set = ahead
        self._shift = place - stamp
        self._place = place
        if arrival is not None and (self._lead is None or place - arrival > self._lead):
            self._lead = place - arrival
        if place > self.at:
            self.at = place
        self.wall = self.at - self._shift

    def _unstamped(self, arrival: float | None, received: float | None, passed: float) -> None:
        """An event that tells no time, or the present: as much has passed on the line as between the arrivals."""
        if arrival is None:
            if isnan(self.wall):
                self.at += TICK
            return
        if not self._begun:
            self.at = arrival
        self.at += passed
        if self._place is not None:
            self.wall = self.at - self._shift
        elif received is not None:
            self.wall = received

    def _begin_anew(self, arrival: float, elapsed: float | None) -> float:
        """Arrivals went back: the wall clock was set and nothing tells elapsed seconds, or those are of another
        start of the host. Nothing is known of the time between. Returns the arrival."""
        self._lead = None
        if elapsed is None or self._arrival is None:
            return arrival
        self._base = self._arrival - elapsed
        return self._arrival
