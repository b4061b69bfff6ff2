"""Which cards are open, by the topics that show them. Only what was decided here counts, never what a broker holds."""

from collections.abc import Iterator
from dataclasses import dataclass

from amibridge.calls import Command
from amibridge.calls.record import iso
from amibridge.crm.message import message

MOST_STRANGE = 20_000
"""Topics that are remembered to be cleared at one connection."""
MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Card:
    """A card that is open. opened: as its message tells it; such times sort as text. expires: monotonic seconds."""

    key: str
    opened: str
    content: bytes
    expires: float


class Cards:
    """A topic that ever had a card stays, to be cleared if need be."""

    def __init__(self) -> None:
        self._by_topic: dict[str, dict[str, Card]] = {}

    def __contains__(self, topic: str) -> bool:
        return topic in self._by_topic

    def __iter__(self) -> Iterator[str]:
        """The topics, as they are now."""
        return iter(list(self._by_topic))

    def opens(self, topic: str, command: Command, expires: float) -> None:
        """command: a `card.open`. expires: when nobody is to see it any more, in monotonic seconds."""
        card = Card(command.key, str(iso(command.wall)), message(command), expires)
        self._by_topic.setdefault(topic, {})[command.call_id] = card

    def closes(self, topic: str, call_id: str) -> None:
        self._by_topic.get(topic, {}).pop(call_id, None)

    def newest(self, topic: str, now: float) -> Card | None:
        """The card that the topic should show; None: none. now: monotonic seconds."""
        cards = [card for card in self._by_topic.get(topic, {}).values() if card.expires > now]
        return max(cards, key=lambda card: card.opened, default=None)

    def told_by(self, topic: str, content: bytes) -> Card | None:
        """The open card of which this is the message, to the byte."""
        return next((card for card in self._by_topic.get(topic, {}).values() if card.content == content), None)

    def cannot_be_shown(self, topic: str, card: Card) -> None:
        """What a broker will not have must not be tried again at each connection."""
        cards = self._by_topic.get(topic, {})
        for call_id in [call_id for call_id, one in cards.items() if one is card]:
            del cards[call_id]


class Strange:
    """Topics that show, at the beginning of a connection, what was never decided here; and those that did later."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.number = 0
        """Of all that were found, however many."""
        self._told: set[str] = set()

    def forget(self) -> None:
        self.topics.clear()
        self.number = 0

    def found(self, topic: str) -> None:
        self.number += 1
        if len(self.topics) < MOST_STRANGE:
            self.topics.append(topic)

    def is_news(self, topic: str) -> bool:
        """Whether to say that a topic got a strange card; of so many, and once of each."""
        if topic in self._told or len(self._told) >= MOST_TOLD:
            return False
        self._told.add(topic)
        return True
