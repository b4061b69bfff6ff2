"""Listings: the answers to `CoreShowChannels` and `BridgeList`, which show what a PBX is doing at one moment.

The rows are those of Asterisk 16 to 22. The DID, dial strings, hold and Local pairs are in none of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from amibridge.ami.decode import stamp
from amibridge.ami.packets import END, LIMIT, headers
from amibridge.calls import Event, Headers, Picture, SeenBridge, SeenChannel
from amibridge.calls.places import Reading
from amibridge.calls.told import read, told

_ROW = re.compile(rb"Event: (CoreShowChannel|BridgeListItem)\r\nActionID: ")
HELD = 10_000
"""Events held back at most while a listing is under way."""


def seen_channel(row: Headers) -> SeenChannel:
    """A `CoreShowChannel` row."""

    def said(header: str) -> str:
        return told("CoreShowChannel", row, header) or ""

    return SeenChannel(
        uid=said("Uniqueid"),
        name=said("Channel"),
        linkedid=said("Linkedid"),
        state=said("ChannelStateDesc"),
        caller_number=said("CallerIDNum"),
        caller_name=said("CallerIDName"),
        exten=said("Exten"),
        application=said("Application"),
        bridge=said("BridgeId") or None,
    )


def seen_bridge(row: Headers) -> SeenBridge:
    """A `BridgeListItem` row."""
    uid, technology = (told("BridgeListItem", row, header) for header in ("BridgeUniqueid", "BridgeTechnology"))
    return SeenBridge(uid=uid or "", technology=technology or "")


def picture(channels: Iterable[Headers], bridges: Iterable[Headers]) -> Picture:
    """The picture that the rows show. A channel that nobody can name is not in it."""
    seen = tuple(channel for channel in map(seen_channel, channels) if channel.uid)
    return Picture(seen, tuple(map(seen_bridge, bridges)))


@dataclass(slots=True)
class CapturedListing:
    """A listing that stands in a capture, between the events. What comes during it happened after it, or is in it."""

    under_way: bool = False
    stamp: float | None = None
    """The last `Timestamp` of any event before: the listing itself carries none."""
    held: list[Event] = field(default_factory=list)
    _channels: list[Headers] = field(default_factory=list)
    _bridges: list[Headers] = field(default_factory=list)
    _torn: bytes = b""
    """The beginning of a row that a caller's number tore apart."""

    def takes(self, packet: bytes, *, strict: bool) -> bool:
        """Takes a row in; whether it was one. strict: whether it has to be laid out as we know it."""
        if self._torn:
            packet, self._torn = self._torn + END + packet, b""
        kind = _ROW.match(packet)
        if kind is None:
            self.stamp = stamp(packet) or self.stamp
            return False
        row = headers(packet)
        reading = read(kind[1].decode(), row)
        if reading is Reading.TORN and len(packet) <= LIMIT:
            self._torn = packet
        elif strict and reading is not Reading.WHOLE:
            return False
        elif kind[1] == b"CoreShowChannel":
            self.under_way = True
            self._channels.append(row)
        else:
            self._bridges.append(row)
        return True

    def complete(self, packet: bytes) -> Picture | None:
        """The picture, where the packet says that the listing is complete."""
        if not self.under_way or not packet.startswith(b"Event: BridgeListComplete\r\nActionID: "):
            return None
        shown = picture(self._channels, self._bridges)
        self.give_up()
        return shown

    def give_up(self) -> None:
        """The listing is complete, or will never be."""
        self.under_way = False
        self._channels, self._bridges = [], []

    def release(self) -> list[Event]:
        """The events that were held back."""
        held, self.held = self.held, []
        return held
