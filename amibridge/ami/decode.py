"""From packets to events: what is of no interest is dropped by its name, before anything is decoded.

Nobody who calls can be kept from writing into a packet, so a header counts only where Asterisk puts it: `Privilege`
behind the event's name, `Timestamp` behind that, `Received` at the very end of what `amibridge record` has written.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from amibridge.ami.packets import END, headers
from amibridge.ami.timeline import Timeline
from amibridge.calls import HANDLERS, Event, Headers
from amibridge.calls.places import Reading
from amibridge.calls.told import SECONDS, is_whole, read

_INTERESTING = {f"Event: {name}".encode(): name for name in HANDLERS}
"""First lines of packets, and the names in them."""
_ONLY_WITH = {"VarSet": b"\r\nVariable: MIXMONITOR_FILENAME\r\n", "UserEvent": b"\r\nUserEvent: StartRecording\r\n"}
"""Nearly half of all events are VarSets, and of those only the recording's file matters; so of a dialplan's own."""
_BEGINNING = len(b"Event: ....")
_NEEDED = {line[:_BEGINNING]: _ONLY_WITH.get(name, b"") for line, name in _INTERESTING.items()}
"""By how a packet begins what must be in it: most are dropped by that."""
_PRIVILEGE = b"\r\nPrivilege: "
"""The second line of every event. Without it a packet is the rest of one that a caller tore apart."""
_NO_EVENT = re.compile(rb"Response: |Event: [^\r]*\r\nActionID: ")
"""Answers, and rows of answers."""
_SECONDS = SECONDS.encode()
_STAMP = re.compile(rb"[^\r]*\r\nPrivilege: [^\r]*\r\nTimestamp: " + _SECONDS + rb"(?=\r|\Z)")
_RECEIVED = re.compile(rb"\r\nReceived: " + _SECONDS + rb"\Z")
_ELAPSED = re.compile(rb"\r\nElapsed: ([0-9]{1,12}\.[0-9]{1,9})\Z")
"""How `record` ends a packet: with both, older versions with the first."""
_TORN_LIMIT = 1 << 16
"""Bytes of a torn packet. Real ones have a few kB."""
_ENDING_SIZE = 40
"""More than one of these lines is long."""
_made = tuple.__new__
"""What `Event(…)` calls, without the call around it."""

Arrival = tuple[float | None, float | None]
"""When a packet arrived: epoch seconds, and the host's elapsed seconds."""
_UNKNOWN: Arrival = None, None


class Decoder:
    """Makes events out of a connection's packets, or out of a capture's."""

    def __init__(self, timeline: Timeline, *, captured: bool = False) -> None:
        """captured: the packets stand in a file, which `record` may have written."""
        self._timeline = timeline
        self._recorded = None if captured else False
        """Whether each packet ends with its arrival: `record` writes that into all of them or, elsewhere, into none."""
        self._with_elapsed = captured
        """The same of the host's elapsed seconds, before it."""
        self.understood = False
        """This PBX lays its events out as we know it: what is laid out otherwise is not from its hand."""
        self._torn = b""
        """The beginning of a packet that an empty line inside of it tore apart."""

    @property
    def mending(self) -> bool:
        """Whether the next packet is, as far as is known, the rest of a torn one."""
        return bool(self._torn)

    def events(
        self, packets: Iterable[bytes], received: float | None = None, elapsed: float | None = None
    ) -> Iterator[Event]:
        """The events among these packets that the core has a use for, placed on the line of time.

        received: when the packets arrived (epoch seconds); elapsed: the same on the host's clock that never steps. In a
        capture each packet may know both itself.
        """
        needs, find, place = _NEEDED.get, _INTERESTING.get, self._timeline.place
        packets = list(packets)
        count = len(packets)
        arrived: Arrival = received, elapsed
        for number, packet in enumerate(packets, 1):
            if self._recorded is not False:
                packet, arrived = self._arrival(packet)
            if self._torn:
                yield from self._mended(packet, arrived)
                continue
            if (needed := needs(packet[:_BEGINNING])) is None or needed not in packet:
                continue
            line = packet.find(b"\r")
            name = find(packet[:line])
            if name is None or not packet.startswith(_PRIVILEGE, line):
                continue
            behind = packets[number] if number < count else packet
            # Nearly always an event is behind it: that is seen here, without a call.
            as_usual = behind.startswith(b"Event: ") and behind.startswith(_PRIVILEGE, behind.find(b"\r"))
            parted = not as_usual and _is_rest(behind)
            said = Headers(packet.decode("utf-8", "surrogateescape"))
            if not parted and (shaped := is_whole(name, said)) is not None:
                # So it is but for what callers tear: what follows is for that.
                self.understood = True
                stamped = shaped[1]
                at, wall = place(None if stamped is None else float(stamped), *arrived)
                yield _made(Event, (name, at, wall, said))
                continue
            if parted:
                packet = self._with_rest(packet, packets, number)
            event = self._event(name, packet, arrived)
            if event is not None:
                yield event

    def _event(self, name: str, packet: bytes, arrived: Arrival, *, torn: bool = True) -> Event | None:
        """The packet's event, if it is one. torn: whether its rest may still come."""
        said = headers(packet)
        reading = read(name, said)
        if reading is Reading.WHOLE:
            self.understood = True
        elif reading is Reading.TORN and torn:
            self._torn = packet if len(packet) <= _TORN_LIMIT else b""
            return None
        elif self.understood:
            return None
        at, wall = self._timeline.place(stamp(packet), *arrived)
        return Event(name, at, wall, said)

    def _with_rest(self, packet: bytes, packets: Sequence[bytes], number: int) -> bytes:
        """The packet together with those behind it that are no packets, if that makes it whole.

        What a caller dialled stands so near to the end of a description that he can write one: then the packet looks
        whole, but for what follows it.
        """
        whole = packet
        for piece in islice(packets, number, None):
            if not _is_rest(piece) or len(whole) > _TORN_LIMIT:
                break
            whole += END + (self._arrival(piece)[0] if self._recorded else piece)
        return whole if _reading(whole) is Reading.WHOLE else packet

    def _mended(self, packet: bytes, arrived: Arrival) -> Iterator[Event]:
        """What becomes of a torn packet by the one behind it: that is its rest, unless it is an event of its own."""
        torn, self._torn = self._torn, b""
        whole = torn + END + packet
        ours = self.understood or not packet.startswith(_PRIVILEGE, packet.find(b"\r"))
        if _reading(whole) is Reading.WHOLE or (ours and _reading(packet) is not Reading.WHOLE):
            pieces = [(whole, True)]
        else:
            # Nothing was torn: the rest was cut off, or this PBX lays its events out otherwise.
            pieces = [(torn, False), (packet, True)]
        for piece, may_be_torn in pieces:
            line = piece.find(b"\r")
            name = _INTERESTING.get(piece[:line])
            if name is not None and piece.startswith(_PRIVILEGE, line):
                event = self._event(name, piece, arrived, torn=may_be_torn)
                if event is not None:
                    yield event

    def _arrival(self, packet: bytes) -> tuple[bytes, Arrival]:
        """The packet of a capture without the lines that `record` has written, and what they say."""
        found = _RECEIVED.search(packet, max(0, len(packet) - _ENDING_SIZE))
        self._recorded = found is not None
        if found is None:
            return packet, _UNKNOWN
        packet, received, elapsed = packet[: found.start()], float(found[1]), None
        if self._with_elapsed:
            found = _ELAPSED.search(packet, max(0, len(packet) - _ENDING_SIZE))
            self._with_elapsed = found is not None
            if found is not None:
                packet, elapsed = packet[: found.start()], float(found[1])
        return packet, (received, elapsed)


def torn(packet: bytes) -> bool:
    """Whether the packet is the beginning of one that an empty line has torn apart: the next one is its rest.

    chan_pjsip decodes `%0d%0a%0d%0a` in a caller's number, and the manager writes it as it is: an empty line in the
    middle of every event of the call (tried on 16 and 22).
    """
    return _reading(packet) is Reading.TORN


def stamp(packet: bytes) -> float | None:
    """An event's `Timestamp`, epoch seconds; None where there is none."""
    stamped = _STAMP.match(packet)
    return None if stamped is None else float(stamped[1])


def events(packets: Iterable[bytes], timeline: Timeline, received: float | None = None) -> Iterator[Event]:
    """The events of packets that are all there, as of a capture that was read whole."""
    return Decoder(timeline, captured=received is None).events(packets, received)


def _is_rest(packet: bytes) -> bool:
    """Whether the packet is none: neither an event nor an answer begins so."""
    if packet.startswith(b"Event: ") and packet.startswith(_PRIVILEGE, packet.find(b"\r")):
        return False
    return _NO_EVENT.match(packet) is None


def _reading(packet: bytes) -> Reading:
    name = packet[: packet.find(b"\r")].decode("utf-8", "surrogateescape").removeprefix("Event: ")
    return read(name, headers(packet))
