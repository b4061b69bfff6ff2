"""What the core is fed with: one event of the PBX, on the PBX's line of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One manager event.

    name: the value of its `Event` header.
    at: monotone seconds on the PBX's line of time; durations and deadlines are counted on it.
    wall: seconds since the epoch, for people.
    headers: header name to value; of a repeated header the first value.
    repeated: header name to all its values, only for headers that came more than once (`ChanVariable`).
    """

    name: str
    at: float
    wall: float
    headers: Mapping[str, str]
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def variable(self, name: str) -> str | None:
        """The value of a channel variable the PBX attached to this event (`channelvars` in manager.conf), or None."""
        prefix = f"{name}="
        for value in self.repeated.get("ChanVariable") or (self.headers.get("ChanVariable", ""),):
            if value.startswith(prefix):
                return value[len(prefix) :]
        return None
