"""Listings: the answers to `CoreShowChannels` and `BridgeList`, which show what a PBX is doing at one moment.

The rows are those of Asterisk 16 to 22. The DID, dial strings, hold and Local pairs are in none of them.
"""

import re
from dataclasses import dataclass, field

from amibridge.ami.packets import headers
from amibridge.calls import Event, Headers, Picture, SeenBridge, SeenChannel

_STAMP = re.compile(rb"\r\nTimestamp: (\d+\.\d+)")
HELD = 10_000
"""Events held back at most while a listing is under way."""


def seen_channel(row: Headers) -> SeenChannel:
    """A `CoreShowChannel` row."""
    return SeenChannel(
        uid=row.last("Uniqueid"),
        name=row.get("Channel", ""),
        linkedid=row.last("Linkedid"),
        state=row.get("ChannelStateDesc", ""),
        caller_number=row.get("CallerIDNum", ""),
        caller_name=row.get("CallerIDName", ""),
        exten=row.get("Exten", ""),
        application=row.last("Application"),
        bridge=row.last("BridgeId") or None,
    )


def seen_bridge(row: Headers) -> SeenBridge:
    """A `BridgeListItem` row."""
    return SeenBridge(uid=row.get("BridgeUniqueid", ""), technology=row.get("BridgeTechnology", ""))


@dataclass(slots=True)
class CapturedListing:
    """A listing that stands in a capture, between the events. What comes during it happened after it, or is in it."""

    under_way: bool = False
    stamp: float | None = None
    """The last `Timestamp` of any event before: the listing itself carries none."""
    held: list[Event] = field(default_factory=list)
    _channels: list[SeenChannel] = field(default_factory=list)
    _bridges: list[SeenBridge] = field(default_factory=list)

    def take(self, packet: bytes) -> Picture | None:
        """Takes in a packet; the picture when it completes one."""
        line = packet[: packet.find(b"\r")]
        if stamped := _STAMP.search(packet):
            self.stamp = float(stamped[1])
        if line == b"Event: CoreShowChannel":
            self.under_way = True
            self._channels.append(seen_channel(headers(packet)))
        elif line == b"Event: BridgeListItem":
            self._bridges.append(seen_bridge(headers(packet)))
        elif line == b"Event: BridgeListComplete" and self.under_way:
            picture = Picture(tuple(self._channels), tuple(self._bridges))
            self.give_up()
            return picture
        return None

    def give_up(self) -> None:
        """The listing is complete, or will never be."""
        self.under_way = False
        self._channels, self._bridges = [], []

    def release(self) -> list[Event]:
        """The events that were held back."""
        held, self.held = self.held, []
        return held
