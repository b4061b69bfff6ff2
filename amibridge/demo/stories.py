"""The stories that are told: captures of a real Asterisk 22, each with what is known to have happened in it."""

import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from amibridge.ami.decode import events
from amibridge.ami.packets import Framer, headers
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls, Command, CommandType
from amibridge.calls.who import Directory

CAPTURES = Path(__file__).parent / "captures"


@dataclass(frozen=True)
class Story:
    """One call. The titles are for operators, in English and Russian."""

    name: str
    titles: dict[str, str]

    @cached_property
    def packets(self) -> Sequence[bytes]:
        """What the Asterisk sent after the login, without the empty lines between."""
        raw = lzma.decompress((CAPTURES / f"{self.name}.ami.xz").read_bytes())
        return [packet for packet in Framer().feed(raw) if headers(packet).get("Event", "FullyBooted") != "FullyBooted"]

    @cached_property
    def talked(self) -> Sequence[str]:
        """The extensions that talked to the client: scripted phones said so, not amibridge."""
        truth: dict[str, Any] = json.loads((CAPTURES / f"{self.name}.json").read_text(encoding="utf-8"))
        (call,) = truth["calls"]
        return [str(extension) for extension in call["participants"]]


STORIES = (
    Story(
        "ringgroup_134_answers",
        {
            "en": "A client calls, 134 and 120 ring, 134 answers",
            "ru": "Клиент звонит, звонят 134 и 120, отвечает 134",
        },
    ),
    Story(
        "ringgroup_missed",
        {"en": "134 and 120 ring, and nobody answers", "ru": "Звонят 134 и 120, никто не отвечает"},
    ),
    Story(
        "queue_ringall",
        {"en": "A client waits in a queue until 134 answers", "ru": "Клиент ждёт в очереди, пока не ответит 134"},
    ),
    Story(
        "blind_transfer_refer",
        {"en": "134 answers and hands the client on to 120", "ru": "134 отвечает и переводит клиента на 120"},
    ),
    Story(
        "voicemail",
        {"en": "134 does not answer, and voicemail takes the call", "ru": "134 не отвечает, звонок принимает почта"},
    ),
    Story(
        "supervisor_spies",
        {"en": "134 talks, and a supervisor listens in", "ru": "134 разговаривает, супервизор слушает"},
    ),
    Story("outbound_answered", {"en": "134 calls a client", "ru": "134 звонит клиенту"}),
)


@dataclass(frozen=True, slots=True)
class Due:
    """What follows from one packet: whose cards open, and whose close."""

    opens: frozenset[str]
    closes: frozenset[str]


def dues(packets: Sequence[bytes], directory: Directory) -> Sequence[Due]:
    """For each packet the cards that follow from it, so that the player can wait for them as a person would.

    It decides nothing about what is right: that is told by `Story.talked`.
    """
    calls, timeline = Calls("demo", directory), Timeline()
    found = []
    for packet in packets:
        outputs = [output for event in events([packet], timeline) for output in calls.apply(event)]
        commands = [output for output in outputs if isinstance(output, Command)]
        found.append(
            Due(
                frozenset(one.extension or "" for one in commands if one.type is CommandType.CARD_OPEN),
                frozenset(one.extension or "" for one in commands if one.type is CommandType.CARD_CLOSE),
            )
        )
    return found
