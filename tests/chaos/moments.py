"""The moments of a call at which something is broken, and what has to be true afterwards whatever was."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from amibridge.ami.packets import headers
from tests.chaos.story import Story, story
from tests.replay.playing import capture

TRANSFER = story(capture("asterisk-22/blind_transfer_refer"))
"""A client calls 134, who answers and sends the client to 120."""
MOMENTS = ("ringing", "talk", "transfer", "hangup")


def moment(name: str, one: Story = TRANSFER) -> int:
    """How many packets of the story have been played by then."""
    names = [headers(packet) for packet in one.packets]

    def first(event: str, state: str = "") -> int:
        return next(
            place
            for place, read in enumerate(names)
            if read.get("Event") == event and state in read.get("ChannelStateDesc", "")
        )

    match name:
        case "ringing":
            return first("Newstate", "Ringing") + 1
        case "talk":
            return one.cards[0].first + 1
        case "transfer":
            return first("BlindTransfer") + 1
        case _:
            return one.cards[-1].last - 1


@dataclass(frozen=True)
class Gap:
    """Packets `first` to `last` (not included) were not heard."""

    first: int
    last: int


def held(one: Story, opened: Sequence[str], gap: Gap) -> list[str]:
    """What is wrong with what a receiver was told, in words. opened: the keys that it has taken, in order."""
    wrong = [f"{key} came {times} times" for key, times in Counter(opened).items() if times > 1]
    may = {key for key in one.all_keys if "/card.close" not in key}
    wrong += [f"{key} should never have come" for key in opened if "/card.close" not in key and key not in may]
    for card in one.cards:
        seen = card.first < gap.first or card.last >= gap.last
        if seen and card.opens not in opened:
            wrong.append(f"{card.opens} was due and did not come")
        if card.opens in opened and not _closed(card.opens, opened):
            wrong.append(f"{card.opens} was never closed")
    for call in one.calls:
        if call.opens not in opened:
            wrong.append(f"{call.opens} did not come")
        if call.closes not in opened:
            wrong.append(f"{call.closes} did not come")
    return wrong


def _closed(opens: str, opened: Sequence[str]) -> bool:
    closes = opens.replace("card.open", "card.close")
    return any(key.startswith(closes) for key in opened)
