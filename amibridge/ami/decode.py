"""From packets to events: what is of no interest is dropped by its name, before anything is decoded."""

import re
from collections.abc import Iterable, Iterator

from amibridge.ami.packets import END, LIMIT, headers
from amibridge.ami.timeline import Timeline
from amibridge.calls import HANDLERS, Event

_INTERESTING = {f"Event: {name}".encode(): name for name in HANDLERS}
"""First lines of packets, and the names in them."""
_RECORDING = b"\r\nVariable: MIXMONITOR_FILENAME\r\n"
"""Nearly half of all events are VarSets, and of those only the recording's file matters."""
_PRIVILEGE = b"\r\nPrivilege: "
"""The second line of every event. Without it a packet is the rest of one that a caller tore apart (`torn`)."""
_TIMESTAMP = b"\r\nTimestamp: "
_RECEIVED = b"\r\nReceived: "
_RECEIVED_SIZE = 40
"""More than the last line of a recorded packet, `Received: 1795290969.056145`, is long."""
_ELAPSED = re.compile(rb"\r\nElapsed: ([0-9]{1,12}\.[0-9]{1,9})\r\nReceived: [0-9.]+\Z")
"""How `record` ends a packet. Nobody else can write there: what a caller writes stands in the middle."""


class Decoder:
    """Makes events out of a connection's packets."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._torn = b""
        """The beginning of a packet that an empty line inside of it tore apart."""

    def events(
        self, packets: Iterable[bytes], received: float | None = None, elapsed: float | None = None
    ) -> Iterator[Event]:
        """The events among these packets that the core has a use for, placed on the line of time.

        received: when the packets arrived (epoch seconds); a packet with a `Received` header of its own knows better.
        elapsed: the same on the host's clock that never steps; a recorded packet's is in its `Elapsed`.
        """
        find, place = _INTERESTING.get, self._timeline.place
        begun, self._torn = self._torn, b""
        for packet in packets:
            if begun:
                packet, begun = begun + END + packet, b""
            line = packet.find(b"\r")
            name = find(packet[:line])
            if name is None or (name == "VarSet" and _RECORDING not in packet):
                continue
            if not packet.startswith(_PRIVILEGE, line):
                continue
            if torn(packet):
                begun = packet if len(packet) <= LIMIT else b""
                continue
            # `record` writes its header last: there is no need to look through the whole packet for it.
            arrived, passed = received, elapsed
            if packet.find(_RECEIVED, -_RECEIVED_SIZE) >= 0:
                arrived, passed = _seconds(packet, _RECEIVED), _elapsed(packet)
            at, wall = place(_seconds(packet, _TIMESTAMP), arrived, passed)
            yield Event(name, at, wall, headers(packet))
        self._torn = begun


def torn(packet: bytes) -> bool:
    """Whether the packet ends inside of the description of a channel, so that the next one is the rest of it.

    chan_pjsip decodes `%0d%0a%0d%0a` in a caller's number, and the manager writes it as it is: an empty line in the
    middle of every event of the call (tried on 16 and 22). Every description ends with Priority, Uniqueid and Linkedid,
    and a number has no room for all the headers before those.
    """
    end = packet.rfind(b"Priority: ")
    return b"ChannelStateDesc: " in packet if end < 0 else packet.find(b"ChannelStateDesc: ", end) >= 0


def events(packets: Iterable[bytes], timeline: Timeline, received: float | None = None) -> Iterator[Event]:
    """The events of packets that are all there, as of a capture that was read whole."""
    return Decoder(timeline).events(packets, received)


def _elapsed(packet: bytes) -> float | None:
    """When a recorded packet arrived, in the host's elapsed seconds; captures of older versions do not say it."""
    found = _ELAPSED.search(packet, max(0, len(packet) - 2 * _RECEIVED_SIZE))
    return None if found is None else float(found[1])


def _seconds(packet: bytes, line: bytes) -> float | None:
    """The number of seconds that a header holds, or None where it is not there or holds none."""
    start = packet.find(line)
    if start < 0:
        return None
    start += len(line)
    end = packet.find(b"\r", start)
    try:
        return float(packet[start:end] if end >= 0 else packet[start:])
    except ValueError:
        return None
