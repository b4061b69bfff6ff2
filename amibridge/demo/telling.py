"""From the events of the PBX to sentences: which phones ring, who answers, who hangs up. Nothing is decided here."""

from collections.abc import Iterator, Mapping

from amibridge.ami.packets import headers
from amibridge.calls import Headers

LINE = "provider"
"""The device of the trunk in the captures."""

Sentence = tuple[str, Mapping[str, str]]
"""A key of the words, and what stands in it."""


class Teller:
    """people: names by extension."""

    def __init__(self, people: Mapping[str, str]) -> None:
        self._people = people
        self._calling: set[str] = set()
        """The lines of clients who call."""
        self._ringing: set[str] = set()
        self._up: set[str] = set()

    def who(self, extension: str) -> str:
        """A person with their number."""
        return f"{extension} {self._people[extension]}" if extension in self._people else extension

    def tell(self, packet: bytes) -> Iterator[Sentence]:
        """What is worth telling about one event."""
        said = headers(packet)
        channel = said.get("Channel", "")
        device = channel.partition("/")[2].rpartition("-")[0] if channel.startswith("PJSIP/") else ""
        person = self.who(device)
        match said.get("Event"):
            case "Newchannel" if device and said.get("ChannelStateDesc") == "Ring":
                yield self._begins(device, said)
            case "Newstate" if device:
                yield from self._changes(channel, device, said.get("ChannelStateDesc", ""))
            case "QueueCallerJoin":
                yield "waits", {"queue": said.get("Queue", "")}
            case "BlindTransfer":
                transferer = said.get("TransfererChannel", "").partition("/")[2].rpartition("-")[0]
                yield "hands on", {"who": self.who(transferer), "number": said.get("Extension", "")}
            case "ChanSpyStart":
                spy = said.get("SpyerChannel", "").partition("/")[2].rpartition("-")[0]
                yield "listens", {"who": self.who(spy)}
            case "Hangup" if device == LINE:
                yield "client gone", {}
            case "Hangup" if channel in self._up:
                yield "hangs up", {"who": person}
            case "Hangup" if channel in self._ringing:
                yield "silent", {"who": person}

    def _begins(self, device: str, said: Headers) -> Sentence:
        if device == LINE:
            self._calling.add(said.get("Channel", ""))
            return "calls", {"client": said.get("CallerIDNum", ""), "did": said.get("Exten", "")}
        self._up.add(said.get("Channel", ""))
        return "dials", {"who": self.who(device), "number": said.get("Exten", "")}

    def _changes(self, channel: str, device: str, state: str) -> Iterator[Sentence]:
        if state == "Ringing" and device != LINE and channel not in self._ringing:
            self._ringing.add(channel)
            yield "rings", {"who": self.who(device)}
        elif state == "Up" and channel in self._ringing:
            self._up.add(channel)
            yield "answers", {"who": self.who(device)}
        elif state == "Up" and device == LINE and channel not in self._calling:
            yield "client answers", {}
