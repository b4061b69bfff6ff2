"""Mutants: mutated captures, and the lives of a core that is fed with one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from amibridge.ami.captures import read
from amibridge.ami.decode import Decoder
from amibridge.ami.no_capture import NotACaptureError
from amibridge.ami.packets import END, Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import (
    Anchored,
    Calls,
    Command,
    CommandType,
    Ended,
    Event,
    Finding,
    Headers,
    Known,
    Output,
    Patience,
    Picture,
    SeenBridge,
    SeenChannel,
    Verdict,
)
from amibridge.calls.record import LAST
from amibridge.calls.state import HOLDING
from amibridge.calls.who import CardRule, MobileCard, OpenOn, Who
from tests.chaos.mutations import MUTATIONS, sources, window
from tests.chaos.promises import Journal, Promises
from tests.replay.playing import Capture
from tests.replay.test_properties import OneRuleForAll

RULES = (
    *(CardRule(), CardRule(min_talk_seconds=0.4), CardRule(OpenOn.RING), CardRule(OpenOn.RING_SOLE)),
    *(CardRule(OpenOn.RING_SOLE, 0.4), CardRule(OpenOn.RING, 3.0), CardRule(OpenOn.NEVER), CardRule(supervisor=True)),
)
PATIENCES = (Patience(), Patience(), Patience(), Patience(forget_after=0.7), Patience(forget_after=30.0))


class Map(OneRuleForAll):
    """A capture's map with other rules: for cards, for mobiles, what is excluded, lines that prove no answer."""

    def __init__(self, one: Capture, random: Random) -> None:
        super().__init__(one, random.choice(RULES))
        self.mobile_card = random.choice(list(MobileCard))
        self._excludes = random.random() < 0.1
        self._proves_answer = random.random() < 0.9

    def excluded(
        self,
        *,
        client: str | None,
        client_raw: str | None,
        did: str | None,
        queue: str | None,
        queue_number: str | None = None,
        route: Sequence[str] = (),
    ) -> str | None:
        return f"queue {queue} is excluded" if self._excludes and queue is not None else None

    def excluded_extension(self, extension: str) -> str | None:
        return "120 is excluded" if self._excludes and extension == "120" else None

    def who(self, device: str, number: str | None, *, shown: bool = False) -> Who:
        who: Who = self._directory.who(device, number, shown=shown)
        return who if self._proves_answer else replace(who, proves_answer=False)


@dataclass
class Mutant:
    """A stream of bytes, and how it came to be."""

    capture: Capture
    stream: bytes
    what: list[str]


def mutant(random: Random) -> Mutant:
    """Some capture, mutated a few times."""
    capture, whole = random.choice(sources())
    packets, what = window(random, whole), []
    for _ in range(random.choice((1, 1, 2, 2, 3, 4, 8, 16))):
        mutation = random.choice(MUTATIONS)
        mutation(random, packets)
        what.append(mutation.__name__)
        packets = packets or [b"Event: Hangup"]
    stream = END.join(packets) + END
    if random.random() < 0.1:
        stream = stream[: random.randrange(len(stream))]
        what.append("truncated")
    return Mutant(capture, stream, what)


@dataclass
class Life:
    """A core, and what it has said. Restarted, it knows what a store would tell it."""

    random: Random
    map: Map
    patience: Patience
    calls: Calls
    promises: Promises = field(default_factory=Promises)
    said: list[Output] = field(default_factory=list)
    at: float = 0.0
    wall: float = 0.0

    def take(self, outputs: list[Output]) -> None:
        self.promises.hear(outputs)
        self.said += outputs

    def event(self, event: Event) -> None:
        self.take(self.calls.apply(event))
        # A core does not believe every time.
        self.at, self.wall = self.calls._state.at, self.calls._state.wall

    def present(self, picture: Picture) -> None:
        self.take(self.calls.present(picture, self.at, self.wall))

    def restart(self) -> None:
        """The daemon dies. What it said was written."""
        self.promises.restarted = True
        self.calls = Calls("lab", self.map, self.patience, known(self.said))

    def something_else(self) -> None:
        """What happens between two events: time, a listing, another map, a restart."""
        match self.random.randrange(8):
            case 0 | 1 | 2:
                self.take(self.calls.advance(self.at))
            case 3 | 4 | 5:
                self.present(odd_picture(self.random, self.calls))
            case 6:
                self.calls.use(Map(self.random.choice(sources())[0], self.random))
            case _:
                seen = odd_picture(self.random, self.calls)
                self.restart()
                self.present(seen)

    def end(self) -> None:
        """Everybody hangs up; or nobody is there any more; or nothing is heard ever after."""
        match self.random.randrange(4):
            case 0 | 1:
                channels = list(self.calls._state.channels.values())
                self.random.shuffle(channels)
                for channel in channels:
                    headers = {"Channel": channel.name, "Uniqueid": channel.uid, "Cause": "16"}
                    self.event(Event("Hangup", self.at, self.wall, Headers.of(headers)))
                self.present(Picture((), ()))
            case 2:
                self.present(Picture((), ()))
            case _:
                self.present(picture(self.calls))
                self.at += 3 * self.patience.forget_after + 1
                self.take(self.calls.advance(self.at))
        self.promises.all_over(self.calls)
        self.take(self.calls.advance(self.at + 3 * self.patience.forget_after + 1))
        self.promises.all_over(self.calls)
        assert (self.calls.deadline or LAST) >= LAST
        assert self.calls.end(self.at) == []


def live(random: Random, mutant: Mutant, journal: Journal, folder: Path) -> Life:
    """A life with this mutant. Raises whatever goes wrong in it."""
    whose = Map(mutant.capture, random)
    patience = random.choice(PATIENCES)
    life = Life(random, whose, patience, Calls("lab", whose, patience))
    restless = random.choice((0.0, 0.0, 0.02, 0.1))
    for seen in _seen(random, mutant, folder):
        if isinstance(seen, Picture):
            life.present(seen)
        else:
            life.event(seen)
        if random.random() < restless:
            life.something_else()
    if random.random() < 0.1:
        life.take(life.calls.end(life.at))
    else:
        life.end()
    journal.take(life.said)
    return life


def _seen(random: Random, mutant: Mutant, folder: Path) -> Iterator[Event | Picture]:
    """What the stream says: to a session that reads as it comes, or to a reader of captures."""
    if "and_asks" in mutant.capture.name or random.random() < 0.1:
        file = folder / "mutant.ami"
        file.write_bytes(mutant.stream)
        # One that was cut to its first packet is no capture any more, and says so.
        with suppress(NotACaptureError):
            yield from read(str(file), Timeline(), Framer())
        return
    framer, decoder, received = Framer(), Decoder(Timeline()), random.choice((None, 1_795_290_969.0))
    size = random.choice((max(1, len(mutant.stream)), 1460, 333))
    marks = [*range(0, len(mutant.stream), size), len(mutant.stream)]
    for first, last in pairwise(marks):
        yield from decoder.events(framer.feed(mutant.stream[first:last]), received)
        received = None if received is None else received + 0.01


def picture(calls: Calls) -> Picture:
    """What a PBX would list that is as the core believes it to be."""
    state = calls._state
    return Picture(
        tuple(
            SeenChannel(
                uid=channel.uid,
                name=channel.name,
                linkedid=channel.linkedid,
                state="Up" if channel.up else "Ringing" if channel.rang_at is not None else "Down",
                caller_number=channel.number,
                caller_name=channel.caller_name,
                exten=channel.exten,
                application="" if channel.began else "AppDial",
                bridge=None if channel.bridge is None else channel.bridge.uid,
            )
            for channel in state.channels.values()
        ),
        tuple(SeenBridge(uid, HOLDING if bridge.holding else "softmix") for uid, bridge in state.bridges.items()),
    )


def odd_picture(random: Random, calls: Calls) -> Picture:
    """The same with rows that are missing, doubled, out of order or wrong."""
    right = picture(calls)
    rows = [row for row in right.channels if random.random() < 0.8]
    bridges = [row for row in right.bridges if random.random() < 0.8]
    if rows and random.random() < 0.5:
        for _ in range(random.randint(1, 3)):
            _oddity(random)(random, rows)
        random.shuffle(rows)
    return Picture(tuple(rows), tuple(bridges))


def _oddity(random: Random) -> Callable[[Random, list[SeenChannel]], None]:
    def change(random: Random, rows: list[SeenChannel]) -> None:
        place, other = random.randrange(len(rows)), random.choice(rows)
        changed: dict[str, Any] = {name: getattr(rows[place], name) for name in SeenChannel.__slots__}
        name = random.choice(list(changed))
        changed[name] = random.choice((getattr(other, name), "", "Up", "x", "PJSIP/134-00000001", "Local/1@x-1;1"))
        rows[place] = SeenChannel(**changed)

    def double(random: Random, rows: list[SeenChannel]) -> None:
        rows.append(random.choice(rows))

    return random.choice((change, change, double))


@dataclass
class _Stored:
    """What a store keeps of a call."""

    anchored: Anchored
    announced: bool = False
    opened: dict[str, set[str]] = field(default_factory=dict)
    """Extension to the keys of its card's openings."""
    closed: dict[str, set[str]] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    talked: dict[str, float] = field(default_factory=dict)
    over: bool = False

    def known(self) -> Known:
        one = self.anchored
        return Known(
            call_id=one.call_id,
            channel=one.channel,
            client_raw=one.client_raw,
            did=one.did,
            outbound=one.outbound,
            began_wall=one.began_wall,
            announced=self.announced,
            openings={extension: len(keys) for extension, keys in self.opened.items()},
            opened_at=self.since,
            open_cards=frozenset(e for e, keys in self.opened.items() if len(keys) > len(self.closed.get(e, ()))),
            participants=self.talked,
            ended=self.over,
        )


def known(said: list[Output]) -> list[Known]:
    """What a store that has been told all this tells a core that starts again."""
    stored = dict[str, _Stored]()
    announced = set[str]()
    for output in said:
        one = stored.get(output.call_id)
        if isinstance(output, Anchored):
            if one is None or one.over:
                stored[output.call_id] = _Stored(output, output.call_id in announced)
            else:
                one.anchored = output
        elif isinstance(output, Command) and output.type is CommandType.CALL_STARTED:
            announced.add(output.call_id)
            if one is not None and not one.over:
                one.announced = True
        elif one is None:
            continue
        elif isinstance(output, Command) and output.extension is not None:
            cards = one.opened if output.type is CommandType.CARD_OPEN else one.closed
            cards.setdefault(output.extension, set()).add(output.key)
            one.since.setdefault(output.extension, output.wall)
        elif isinstance(output, Verdict) and output.finding is Finding.PARTICIPANT:
            one.talked.setdefault(output.extension, output.wall)
        elif isinstance(output, Ended):
            one.over = True
            announced.discard(output.call_id)
    return [one.known() for one in stored.values()]
