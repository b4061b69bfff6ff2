"""A capture as a story: its packets one by one, and what a core that hears all of them says at each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from amibridge.ami.decode import events
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls, Command, CommandType
from tests.replay.playing import Capture, of_use


@dataclass(frozen=True)
class Span:
    """What is open from one packet of a story to another: a call, or a card."""

    opens: str
    """The key of the command that began it."""
    closes: str
    first: int
    last: int

    def at(self, position: int) -> bool:
        """Whether it is open when so many packets have been played."""
        return self.first < position <= self.last


@dataclass(frozen=True)
class Story:
    """packets: those that the core has a use for. keys: of each packet, the commands that follow from it."""

    packets: Sequence[bytes]
    keys: Sequence[Sequence[str]]
    calls: Sequence[Span]
    cards: Sequence[Span]
    """From the beginning of the talk to its end: a card is still open for a moment after it."""

    @property
    def opening(self) -> dict[str, str]:
        """The key of a `card.close` to that of its `card.open`."""
        return {card.closes: card.opens for card in self.cards}

    @property
    def all_keys(self) -> list[str]:
        return [key for keys in self.keys for key in keys]


def story(one: Capture) -> Story:
    """What is to happen when this capture is played to a daemon that never dies."""
    packets = [packet for packet in one.packets if of_use(packet)]
    calls, timeline = Calls("lab", one.directory), Timeline()
    told, walls = list[list[Command]](), list[float]()
    for packet in packets:
        outputs = [output for event in events([packet], timeline) for output in calls.apply(event)]
        told.append([output for output in outputs if isinstance(output, Command)])
        walls.append(round(timeline.wall, 3))
    begins = {CommandType.CALL_STARTED: CommandType.CALL_FINISHED, CommandType.CARD_OPEN: CommandType.CARD_CLOSE}
    spans: dict[CommandType, list[Span]] = {type_: [] for type_ in begins}
    places = [(place, command) for place, commands in enumerate(told) for command in commands]
    for first, begin in places:
        if begin.type in begins:
            last, end = next(
                (place, command)
                for place, command in places
                if place >= first
                and command.type is begins[begin.type]
                and (command.call_id, command.extension) == (begin.call_id, begin.extension)
            )
            if begin.type is CommandType.CARD_OPEN:
                heard = _last_heard(places, begin)
                last = next(place for place, wall in enumerate(walls) if place > first and wall >= heard)
            spans[begin.type].append(Span(begin.key, end.key, first, last))
    keys = [[command.key for command in commands] for commands in told]
    return Story(packets, keys, spans[CommandType.CALL_STARTED], spans[CommandType.CARD_OPEN])


def _last_heard(places: Sequence[tuple[int, Command]], card: Command) -> float:
    """The last moment, in epoch seconds, at which the extension of a card was in conversation with the client."""
    (record,) = (
        command.data["record"]
        for _, command in places
        if command.type is CommandType.CALL_FINISHED and command.call_id == card.call_id
    )
    (to,) = (part["to"] for part in record["participants"] if part["extension"] == card.extension)
    return datetime.fromisoformat(to).timestamp()
