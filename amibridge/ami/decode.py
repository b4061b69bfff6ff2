"""From packets to events: what is of no interest is dropped by its name, before anything is decoded."""

from collections.abc import Iterable, Iterator

from amibridge.ami.packets import headers
from amibridge.ami.timeline import Timeline
from amibridge.calls import HANDLERS, Event

_INTERESTING = {f"Event: {name}".encode(): name for name in HANDLERS}
"""First lines of packets, and the names in them."""
_RECORDING = b"\r\nVariable: MIXMONITOR_FILENAME\r\n"
"""Nearly half of all events are VarSets, and of those only the recording's file matters."""
_RECEIVED = b"\r\nReceived: "
RECEIVED_SIZE = 40
"""More than the last line of a recorded packet, `Received: 1795290969.056145`, is long."""


def interesting(packet: bytes) -> str | None:
    """The event's name if the core has a use for this packet. The first line says it; nothing else is looked at."""
    name = _INTERESTING.get(packet[: packet.find(b"\r")])
    return None if name == "VarSet" and _RECORDING not in packet else name


def events(packets: Iterable[bytes], timeline: Timeline, received: float | None = None) -> Iterator[Event]:
    """The events among these packets that the core has a use for, placed on the line of time.

    received: when the packets arrived (epoch seconds); a packet that carries its own `Received` header knows better.
    """
    find = _INTERESTING.get
    for packet in packets:
        name = find(packet[: packet.find(b"\r")])
        if name is not None and (name != "VarSet" or _RECORDING in packet):
            read = headers(packet)
            # `record` writes its header last: there is no need to look through the whole packet for it.
            arrived = received if packet.rfind(_RECEIVED, -RECEIVED_SIZE) < 0 else _seconds(read.get("Received"))
            at, wall = timeline.place(_seconds(read.get("Timestamp")), arrived)
            yield Event(name, at, wall, read)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return None
