"""From packets to events: what is of no interest is dropped by its name, before anything is decoded."""

from collections.abc import Iterable, Iterator

from amibridge.ami.packets import headers
from amibridge.ami.timeline import Timeline
from amibridge.calls import HANDLERS, Event

_EVENT = b"Event: "
_INTERESTING = frozenset(name.encode() for name in HANDLERS if name != "VarSet")
_VARSET = b"VarSet"
_RECORDING = b"\r\nVariable: MIXMONITOR_FILENAME\r\n"
"""Nearly half of all events are VarSets, and of those only the recording's file matters."""


def interesting(packet: bytes) -> bool:
    """Whether the core has a use for this packet. The name stands in the first line; nothing else is looked at."""
    if not packet.startswith(_EVENT):
        return False
    name = packet[7 : packet.find(b"\r", 7)]
    return name in _INTERESTING or (name == _VARSET and _RECORDING in packet)


def events(packets: Iterable[bytes], timeline: Timeline, received: float | None = None) -> Iterator[Event]:
    """The events among these packets that the core has a use for, placed on the line of time.

    received: when the packets arrived (epoch seconds); a packet that carries its own `Received` header knows better.
    """
    for packet in packets:
        if packet.startswith(_EVENT):
            name = packet[7 : packet.find(b"\r", 7)]
            if name in _INTERESTING or (name == _VARSET and _RECORDING in packet):
                read = headers(packet)
                first = read.first
                at, wall = timeline.place(_seconds(first.get("Timestamp")), _seconds(first.get("Received")) or received)
                yield Event(first["Event"], at, wall, first, read.repeated)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return None
