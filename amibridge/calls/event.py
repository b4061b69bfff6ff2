"""What the core is fed with: one event of the PBX, on the PBX's line of time."""

from dataclasses import dataclass

from amibridge.calls.headers import Headers


@dataclass(frozen=True, slots=True)
class Event:
    """One manager event.

    name: the value of its `Event` header.
    at: monotone seconds on the PBX's line of time; durations and deadlines are counted on it.
    wall: seconds since the epoch, for people.
    """

    name: str
    at: float
    wall: float
    headers: Headers
