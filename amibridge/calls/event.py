"""What the core is fed with: one event of the PBX, on the PBX's line of time."""

from typing import NamedTuple

from amibridge.calls.headers import Headers


class Event(NamedTuple):
    """One manager event. A tuple, since it is made more often than anything else: a third of a frozen dataclass's cost.

    name: the value of its `Event` header.
    at: monotone seconds on the PBX's line of time; durations and deadlines are counted on it.
    wall: seconds since the epoch, for people.
    """

    name: str
    at: float
    wall: float
    headers: Headers
