"""Random lives of a core and its store: the link is cut, the daemon dies, and what can still be known is known."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from amibridge.calls import Calls, CommandType, Event, Known, Output
from amibridge.calls.who import Directory
from amibridge.delivery import Delivery
from amibridge.store import Saved, Store
from tests.chaos.view import View
from tests.replay.playing import commands
from tests.unit.durable import Crm

CUTS = 4
"""At most so many cuts and deaths in a run."""
LONGEST_GAP = 15
"""Events that nobody hears, at most."""


Card = tuple[str, str]
"""Call and extension."""


@dataclass(frozen=True)
class Due:
    """What a run has to bring about. must: cards of talk that could be heard; may: all cards that would be right."""

    calls: set[str]
    must: set[Card]
    may: set[Card]


@dataclass
class Outcome:
    """What a run brought about."""

    due: Due
    opened: list[Card] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    doubled: int = 0
    """Cards that were opened while they were open, and records that came twice."""

    @property
    def lost(self) -> set[Card]:
        return self.due.must - set(self.opened)

    @property
    def wrong(self) -> set[Card]:
        return set(self.opened) - self.due.may

    @property
    def unfinished(self) -> set[str]:
        return set(self.started) ^ set(self.finished)


@dataclass(frozen=True)
class Gap:
    """Events `first` to `last` (not included) are not heard. dies: the daemon is started again after it."""

    first: int
    last: int
    dies: bool


def gaps(random: Random, events: int) -> list[Gap]:
    """Some gaps, in order, none touching another."""
    found = list[Gap]()
    for first in sorted(random.sample(range(events), random.randint(1, CUTS))):
        if not found or first > found[-1].last:
            found.append(Gap(first, min(events, first + random.randint(0, LONGEST_GAP)), random.random() < 0.5))
    return found


def due(events: Sequence[Event], whose: Directory, cuts: Sequence[Gap]) -> Due:
    """What a core that hears everything opens, held against what is heard."""
    whole = Calls("lab", whose)
    may, must, calls = set[Card](), set[Card](), set[str]()
    for place, event in enumerate(events):
        for command in commands(whole.apply(event)):
            if command.type is CommandType.CARD_OPEN:
                may.add((command.call_id, command.extension or ""))
            elif command.type is CommandType.CALL_STARTED:
                calls.add(command.call_id)
        # At the end of a gap the PBX shows what the last event in it led to.
        if not any(gap.first <= place < gap.last - 1 for gap in cuts):
            must |= talking(whole)
    return Due(calls, must & may, may)


def talking(core: Calls) -> set[Card]:
    """Who hears a client now, in the core's own view."""
    return {
        (call.id, part.extension)
        for call in core._state.live
        if call.client
        for part in call.parts.values()
        if part.talks
    }


class Life:
    """A core with its store and a CRM that outlives them."""

    def __init__(self, store: Store, whose: Directory, known: Sequence[Known], crm: Crm) -> None:
        self.store = store
        self.calls = Calls("lab", whose, known=known)
        self._crm = crm

    async def take(self, outputs: Sequence[Output]) -> None:
        """Commits, and waits until what was committed has arrived."""
        if outputs:
            assert await self.store.commit(outputs, "lab") is not Saved.FULL
            wanted = {command.key for command in commands(outputs) if command.type is not CommandType.CARD_CLOSE}
            while not wanted <= set(self._crm.sent):
                self._crm.came.clear()
                await self._crm.came.wait()


@asynccontextmanager
async def living(path: Path, whose: Directory, crm: Crm) -> AsyncIterator[Life]:
    """A daemon without a PBX, for the length of the block."""
    store = await Store.open(path, [crm.name])
    delivering = asyncio.create_task(Delivery(store, [crm]).run())
    try:
        yield Life(store, whose, await store.known_calls("lab"), crm)
    finally:
        delivering.cancel()
        await asyncio.wait([delivering])
        await store.close()


async def run(path: Path, events: Sequence[Event], whose: Directory, cuts: Sequence[Gap]) -> Outcome:
    """Plays the events with these gaps; after each the PBX shows what there is by then."""
    outcome, crm, view = Outcome(due(events, whose, cuts)), Crm(), View()
    place, left = 0, list(cuts)
    while place < len(events):
        async with living(path, whose, crm) as life:
            while place < len(events):
                if place:
                    last = events[place - 1]
                    await life.take(life.calls.present(view.picture, last.at, last.wall))
                until = left[0].first if left else len(events)
                for event in events[place:until]:
                    view.take(event.name, event.headers)
                    await life.take(life.calls.apply(event))
                place = until
                if left:
                    gap = left.pop(0)
                    for event in events[place : gap.last]:
                        view.take(event.name, event.headers)
                    place = gap.last
                    if gap.dies:
                        break
            else:
                break
    async with living(path, whose, crm) as life:
        await life.take(life.calls.present(view.picture, events[-1].at, events[-1].wall))
    _sort(outcome, crm)
    return outcome


def _sort(outcome: Outcome, crm: Crm) -> None:
    """What a receiver that honours the keys has done."""
    showing = set[Card]()
    for key in dict.fromkeys(crm.sent):
        call, *rest = key.split("/")
        if "card.open" in rest:
            outcome.doubled += (call, rest[0]) in showing
            showing.add((call, rest[0]))
            outcome.opened.append((call, rest[0]))
        elif "card.close" in rest:
            showing.discard((call, rest[0]))
        elif rest == ["call.started"]:
            outcome.started.append(call)
        elif rest == ["call.finished"]:
            outcome.finished.append(call)
    outcome.doubled += len(outcome.finished) - len(set(outcome.finished)) + len(showing)
