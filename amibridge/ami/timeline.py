"""The PBX's line of time: monotone seconds made of the events' `Timestamp` and of their arrival.

Timestamps step back a little between threads of Asterisk, and a lot when somebody sets the clock. Arrival is smooth
but late: a network that stalls delivers a minute of events at once. So the line follows `Timestamp`, never goes back,
and leaves out the jumps of the PBX's clock.
"""

from dataclasses import dataclass

STEP = 2.0
"""Seconds. A smaller step back is disorder between threads; a larger one means that the clock was set."""


@dataclass(slots=True)
class Timeline:
    """Turns one event after the other into its place on the line."""

    at: float = 0.0
    wall: float = 0.0
    _stamp: float | None = None
    _received: float | None = None
    _shift: float = 0.0
    """What is added to a timestamp to get its place on the line."""
    _lead: float | None = None
    """How far timestamps were ahead of arrival at most: further ahead means that the PBX's clock was set forward."""

    def place(self, stamp: float | None, received: float | None) -> tuple[float, float]:
        """The next event's (at, wall). stamp: its `Timestamp`; received: when it arrived, epoch seconds; or None.

        `at` are seconds that never decrease; `wall` is what to show to people.
        """
        if stamp is None:
            stamp = received
        if stamp is None:
            return self.at, self.wall
        if self._stamp is not None and (stamp < self._stamp - STEP or self._ahead(stamp, received)):
            # The clock was set: as much time has passed as between the arrivals, as far as those are known.
            passed = 0.0 if received is None or self._received is None else max(0.0, received - self._received)
            self._shift = self.at + passed - stamp
            self._lead = None
        if received is not None:
            lead = stamp - received
            self._lead = lead if self._lead is None else max(self._lead, lead)
        self._stamp, self._received = stamp, received
        place = stamp + self._shift
        if place > self.at:
            self.at = place
        self.wall = self.at - self._shift
        return self.at, self.wall

    def _ahead(self, stamp: float, received: float | None) -> bool:
        return received is not None and self._lead is not None and stamp - received > self._lead + STEP
