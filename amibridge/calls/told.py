"""Told: what is believed of a packet. There is no other way to a header of an event.

Hardly ever has anybody written lines into a packet, and then it has the shape of its layout, and every header is where
it is found. Only else are all its lines held against the layout (`places`). A packet that is laid out otherwise comes
from a PBX that we do not know: there a header counts where it stands once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from amibridge.calls.headers import LINES, Headers
from amibridge.calls.layout import BLOCK, LAYOUTS, VARIABLE, Item, Layout
from amibridge.calls.places import Places, Reading, find_places

SECONDS = r"([0-9]{1,10}+\.[0-9]{6})"
"""Epoch seconds as Asterisk writes them, up to the year 2286: no other time is plausible."""
BEHIND = {event: layout.behind for event, layout in LAYOUTS.items()}
"""By the event's name: its headers behind the last description of a channel."""
ASKED = ("Channel", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "Exten", "Uniqueid", "Linkedid", "Technology")
"""How the headers end that the core asks for most; of a whole packet they are read at once."""
_FOREIGN = Places(Reading.FOREIGN)
_NEVER = re.compile("(?!)")


@dataclass(frozen=True, slots=True)
class Shape:
    """pattern: what a packet looks like, up to the end of its last description, in which nobody has written a line of
    their own. groups: where that keeps the value of a header."""

    pattern: re.Pattern[str] = _NEVER
    groups: Mapping[str, int] = field(default_factory=dict)


class _Shapes(dict[str, Shape]):
    """By the event's name. Made when they are needed first, which many never are."""

    def __missing__(self, event: str) -> Shape:
        return self.setdefault(event, _shape(LAYOUTS[event]) if event in LAYOUTS else Shape())


_SHAPES = _Shapes()


def is_whole(event: str, headers: Headers) -> re.Match[str] | None:
    """The packet's shape, if nobody has written a line into it, as hardly ever anybody has: then it is ready for
    `told`. The first group is its `Timestamp`."""
    text, shape = headers.text, _SHAPES[event]
    shaped = shape.pattern.match(text)
    if shaped is None:
        return None
    ends = shaped.end()
    # What was dialled can hold the end of a description: then the real one follows.
    if ends != len(text) - 2 and (
        text.find("Linkedid: ", ends) >= 0 or (text.find(VARIABLE, ends) >= 0 and not _closed(event, text, ends))
    ):
        return None
    headers.shaped, headers.groups = shaped, shape.groups
    return shaped


def read(event: str, headers: Headers) -> Reading:
    """Reads a packet by its event's layout, which makes it ready for `told`; says how it stands to it."""
    if is_whole(event, headers) is not None:
        return Reading.WHOLE
    text, layout = headers.text, LAYOUTS.get(event)
    if layout is None or (layout.described and "ChannelState: " not in text):
        headers.places = _FOREIGN
    else:
        headers.places = find_places(text.split("\r\n"), layout)
    return headers.places.reading


def told(event: str, headers: Headers, header: str) -> str | None:
    """What the PBX says in a header of a packet that somebody may have written into: None where somebody else may have
    said it, too."""
    if headers.places is None:
        headers.shaped, headers.places = None, find_places(headers.text.split("\r\n"), LAYOUTS[event])
    if headers.places.reading is Reading.WHOLE:
        return headers.places.values.get(header)
    once = headers.text.count(LINES[header]) == 1
    return headers.get(header) if once else None


def variables(event: str, headers: Headers, prefix: str) -> list[tuple[str, str]]:
    """The channel variables of the block with this prefix, in order, each with its value; one may come twice."""
    if VARIABLE not in headers.text:
        return []
    if headers.shaped is None and headers.places is None:
        read(event, headers)
    if headers.shaped is not None:
        text = headers.text
        ends, names, found = LINES[f"{prefix}Linkedid"], LAYOUTS[event].names, []
        start = text.find(ends, 0, headers.shaped.end())
        for line in text[start + len(ends) :].split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            if name == f"{prefix}{VARIABLE}":
                found.append(value)
            elif name in names:
                break
    elif headers.places is not None and headers.places.reading is Reading.WHOLE:
        found = headers.places.variables.get(prefix, [])
    else:
        found = headers.all(f"{prefix}{VARIABLE}")
    return [(name, value) for name, _, value in (one.partition("=") for one in found)]


def _closed(event: str, text: str, ends: int) -> bool:
    """Whether the event's last header is there: an empty line in a variable would cut it off."""
    layout = LAYOUTS[event]
    return layout.closing not in layout.behind or text.find(LINES[layout.closing], ends) >= 0


def _shape(layout: Layout) -> Shape:
    """The shape of a layout whose last description is in every such event; of another one that nothing matches."""
    prelude, *groups = layout.groups
    blocks = [number for number, group in enumerate(groups) if len(group.items) > 1]
    if not blocks or groups[blocks[-1]].optional:
        return Shape()
    # The variables of the last description stay behind the shape: `variables` looks at them.
    last = groups[blocks[-1]].items[: len(BLOCK)]
    pattern = "".join(_pattern(item) for item in prelude.items[:2]) + f"(?:\r\nTimestamp: {SECONDS})?"
    for group in groups[: blocks[-1]]:
        pattern += f"(?:{''.join(map(_pattern, group.items))}){'?' * group.optional}"
    pattern += "".join(map(_pattern, last)) + r"(?=\r\n)"
    shaped = [item for group in groups[: blocks[-1]] for item in group.items] + list(last)
    # The first one is the Timestamp.
    asked = enumerate(filter(_is_asked, shaped), 2)
    return Shape(re.compile(pattern), {item.name: number for number, item in asked})


def _pattern(item: Item) -> str:
    times = "*" if item.repeats else "?" if item.optional else ""
    value = "([^\r]*+)" if _is_asked(item) else "[^\r]*+"
    return rf"(?:\r\n{re.escape(item.name)}: {value}){times}"


def _is_asked(item: Item) -> bool:
    return not item.repeats and item.name.endswith(ASKED)
