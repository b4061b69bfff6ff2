"""What the core is fed with: one event of the PBX, on the PBX's line of time."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from amibridge.calls.headers import LINES, Headers
from amibridge.calls.layout import VARIABLE
from amibridge.calls.places import Reading
from amibridge.calls.told import BEHIND, read, told, variables

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

    def told(self, header: str) -> str | None:
        """What the PBX says in this header; None where it says nothing, or where somebody else may have said it."""
        headers = self.headers
        shaped = headers.shaped
        if shaped is not None and (group := headers.groups.get(header)) is not None:
            return shaped[group]
        name = self.name
        if shaped is None:
            if headers.places is None and read(name, headers) is Reading.WHOLE:
                return self.told(header)
            return told(name, headers, header)
        text, line = headers.text, LINES[header]
        if header in BEHIND[name]:
            start = text.find(line, shaped.end())
            if start >= 0 and text.rfind(line) != start:
                return told(name, headers, header)
        else:
            # Before the end of the last block nobody has written anything: no other line begins so.
            start = text.find(line, 0, shaped.end())
        if start < 0:
            return None
        start += len(line)
        return text[start : text.find("\r\n", start)]

    def all_told(self, headers: Sequence[str]) -> list[str]:
        """The same of several headers at once; empty where it is None."""
        shaped = self.headers.shaped
        if shaped is None:
            return [self.told(header) or "" for header in headers]
        groups = self.headers.groups
        return [value or "" for value in shaped.group(*[groups[header] for header in headers])]

    def variable(self, name: str, prefix: str = "") -> str | None:
        """A channel variable of the block with this prefix. Of two with this name the first line behind the block
        counts; behind another variable either may be a part of that one's value."""
        found = variables(self.name, self.headers, prefix)
        values = dict.fromkeys(value for one, value in found if one == name)
        return next(iter(values)) if len(values) == 1 or (values and found[0][0] == name) else None

    def variable_names(self) -> frozenset[str]:
        """The names of the variables that the event's first channel shows."""
        if VARIABLE not in self.headers.text:
            return frozenset()
        return frozenset(name for name, _ in variables(self.name, self.headers, ""))
