"""What the core is fed with: one event of the PBX, on the PBX's line of time."""

import math
from typing import NamedTuple

from amibridge.calls.headers import Headers

UNKNOWN = math.nan
"""The wall time of a stream that tells none. Nothing is known of its spans either: they are not nought."""


class Event(NamedTuple):
    """One manager event. A tuple, since it is made more often than anything else: a third of a frozen dataclass's cost.

    name: the value of its `Event` header.
    at: monotone seconds on the PBX's line of time; durations and deadlines are counted on it.
    wall: seconds since the epoch, for people; UNKNOWN where nothing has told any.
    """

    name: str
    at: float
    wall: float
    headers: Headers
