"""What a PBX would list at one moment: its channels and bridges, kept from the events that it has sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from amibridge.ami.listing import seen_bridge, seen_channel
from amibridge.calls import Headers, Picture

Row = Mapping[str, str]
_KEPT = ("Channel", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "Exten", "Priority", "Uniqueid", "Linkedid")
_ADDED = ("Application", "BridgeId")


@dataclass
class View:
    """Channels by Uniqueid, as `CoreShowChannels` shows them, and the bridges they are in."""

    _channels: dict[str, dict[str, str]] = field(default_factory=dict)
    _technology: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, event: Headers) -> None:
        """Takes in an event of the PBX."""
        uid = event.get("Uniqueid", "")
        if name == "Newchannel":
            self._channels[uid] = dict.fromkeys((*_KEPT, *_ADDED), "")
        elif name == "Hangup":
            self._channels.pop(uid, None)
        channel = self._channels.get(uid, {})
        channel.update({key: event.get(key, "") for key in _KEPT})
        if name == "BridgeEnter":
            channel["BridgeId"] = event.get("BridgeUniqueid", "")
            self._technology[channel["BridgeId"]] = event.get("BridgeTechnology", "")
        elif name == "BridgeLeave" and channel.get("BridgeId") == event.get("BridgeUniqueid"):
            channel["BridgeId"] = ""
        elif name == "DialBegin":
            called = self._channels.get(event.get("DestUniqueid", ""), {})
            called["Application"] = "AppDial"

    @property
    def channels(self) -> list[Row]:
        """The rows of `CoreShowChannels`."""
        return list(self._channels.values())

    @property
    def bridges(self) -> list[Row]:
        """The rows of `BridgeList`."""
        used = {channel["BridgeId"] for channel in self._channels.values()} - {""}
        return [{"BridgeUniqueid": uid, "BridgeTechnology": self._technology[uid]} for uid in sorted(used)]

    @property
    def picture(self) -> Picture:
        """Both, as a session hands them on."""
        channels, bridges = (
            map(seen_channel, map(_headers, self.channels)),
            map(seen_bridge, map(_headers, self.bridges)),
        )
        return Picture(tuple(channels), tuple(bridges))


def _headers(row: Row) -> Headers:
    return Headers("\r\n".join(f"{name}: {value}" for name, value in row.items()))
