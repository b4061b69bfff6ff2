"""Places: which of a packet's lines Asterisk wrote, where somebody else has written lines into it too.

A header counts where its place is provable: every way to lay the packet out by its event's layout puts it on the same
line. A value that others can write may hold any lines; behind one that they cannot, the next header of the layout has
to come. Lines that no layout knows (of a newer version, or a caller's nonsense) belong to the value before them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from amibridge.calls.layout import EASILY, RARELY, VARIABLE, Group, Item, Layout

_NOWHERE = -1


class Reading(Enum):
    """How a packet stands to its event's layout."""

    WHOLE = "whole"
    TORN = "torn"
    """It ends inside of a value that others can write: an empty line in there has cut it, the next packet goes on."""
    FOREIGN = "foreign"
    """It is laid out otherwise: another version wrote it, or it is what is left of a torn one."""


@dataclass(frozen=True, slots=True)
class Places:
    """reading: how the packet stands to its layout. values: those whose places are provable, by their headers.
    variables: the channel variables (`NAME=value`) of each block, by its prefix, where the block's end is provable."""

    reading: Reading
    values: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, list[str]] = field(default_factory=dict)


def find_places(lines: Iterable[str], layout: Layout) -> Places:
    """Reads a packet's lines by the layout: first as if names were escaped, as they are; then believing no value."""
    known, values = [], []
    for line in lines:
        name, _, value = line.partition(": ")
        if name in layout.names:
            known.append(name)
            values.append(value)
    for written in (EASILY, RARELY):
        found = _Match(known, layout, written)
        if found.whole:
            if layout.closing not in known and any(_behind(item, layout, written) for item, _ in found.places):
                # Only a version that we do not know would leave its last header away; an empty line cuts it off.
                break
            return _places(found, values)
    return Places(Reading.TORN if found.torn else Reading.FOREIGN)


def _behind(item: Item, layout: Layout, written: int) -> bool:
    """Whether lines behind a channel's description can belong to this header's value."""
    return item.written >= written and (item.repeats or item.name in layout.behind)


def _places(found: "_Match", values: list[str]) -> Places:
    told: dict[str, str] = {}
    variables: dict[str, list[str]] = {}
    for item, places in found.places:
        if item.repeats:
            # Which variables a block has is only known where its end is.
            prefix = item.name.removesuffix(VARIABLE)
            if f"{prefix}Linkedid" in told:
                variables[prefix] = [values[place] for place in places]
        elif len({values[place] for place in places}) == 1:
            told[item.name] = values[places[0]]
    return Places(Reading.WHOLE, told, variables)


class _Match:
    """All ways at once to lay the packet's known lines out: where each header can stand.

    Goes through the layout forwards (lines that can be reached from the beginning), then backwards (lines from which
    the end can be reached). What a header can be followed by is told by two things: the first line behind which
    anything may come, and single lines.
    """

    def __init__(self, known: list[str], layout: Layout, written: int) -> None:
        """known: the names of the lines that the layout knows. written: values that others can write so, or easier."""
        self._written = written
        self._end = len(known)
        self._lines: dict[str, list[int]] = {}
        for place, name in enumerate(known):
            self._lines.setdefault(name, []).append(place)
        self.torn = False
        self.places: list[tuple[Item, list[int]]] = []
        forwards = self._forwards(layout.groups)
        self.whole = forwards is not None
        if forwards is not None:
            self._backwards(layout.groups, forwards)

    def _open(self, item: Item) -> bool:
        return item.written >= self._written

    def _forwards(self, groups: Iterable[Group]) -> dict[int, list[int]] | None:
        """For each item (by its number) the lines it can stand on, or None where no way leads to the end."""
        reached: dict[int, list[int]] = {}
        after, single = self._end, {0}
        number = 0
        for group in groups:
            before = after, single
            for item in group.items:
                lines = self._lines.get(item.name)
                if lines is None:
                    if not (item.optional or item.may_lack):
                        after, single = self._end, set()
                    number += 1
                    continue
                places: list[int] = []
                here = set[int]()
                for line in lines:
                    if line > after or line in single or (item.repeats and line - 1 in here):
                        places.append(line)
                        here.add(line)
                was_after, was_single = after, single
                if self._open(item):
                    after, single = (places[0] if places else self._end), set()
                    if places and item.repeats:
                        # Of several variables each can hold the next one.
                        places = [line for line in lines if line >= places[0]]
                    self.torn = self.torn or (bool(places) and not item.heads)
                else:
                    after, single = self._end, {place + 1 for place in places}
                if item.optional:
                    after, single = min(after, was_after), single | was_single
                reached[number] = places
                number += 1
            if group.optional:
                after, single = min(after, before[0]), single | before[1]
        if after < self._end or self._end in single:
            return reached
        return None

    def _backwards(self, groups: Sequence[Group], reached: dict[int, list[int]]) -> None:
        """Keeps of the reached lines those from which the end can be reached."""
        number = sum(len(group.items) for group in groups)
        follow = {self._end}
        for group in reversed(groups):
            behind = follow
            for item in reversed(group.items):
                number -= 1
                places = reached.get(number)
                if places is None:
                    if not (item.optional or item.may_lack):
                        follow = set()
                    continue
                last = max(follow, default=_NOWHERE)
                if self._open(item):
                    kept = [place for place in places if place < last]
                elif item.repeats:
                    kept = []
                    follow = set(follow)
                    for place in reversed(places):
                        if place + 1 in follow:
                            kept.append(place)
                            follow.add(place)
                    kept.reverse()
                else:
                    kept = [place for place in places if place + 1 in follow]
                if kept:
                    self.places.append((item, kept))
                follow = follow | set(kept) if item.optional else set(kept)
            if group.optional:
                follow = follow | behind
        self.places.reverse()
