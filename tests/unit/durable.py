"""What the tests of the store and the delivery stand on: outputs as the core makes them, time by hand, a CRM."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from amibridge.calls import Anchored, Command, CommandType, End, Ended, Fact, Finding, Output, Verdict
from amibridge.crm.interface import Adapter, Answer, Capabilities, Done, Memory, Repeat
from amibridge.delivery import Delivery
from amibridge.store import Archive, State, Store
from amibridge.store.archive import DeliveryLine

PATIENCE = 10.0
"""Seconds after which a test gives up waiting for what should have happened at once."""
WALL = 1_795_290_971.25
CALL = "office:1795290971.8"


def command(type_: CommandType, call: str = CALL, extension: str | None = None, time: int = 1, **data: Any) -> Command:
    """A command with the key that the core would give it; `time` counts the repeats."""
    key = "/".join(part for part in (call, extension, type_.value, str(time) if time > 1 else None) if part)
    summary = {"id": call, "client": "+79031234504", "direction": "inbound"}
    return Command(type_, key, call, extension, 5.0, WALL, {"key": key, "call": summary, **data})


def started(call: str = CALL, **data: Any) -> Command:
    return command(CommandType.CALL_STARTED, call, **data)


def opens(extension: str = "134", call: str = CALL, time: int = 1, **data: Any) -> Command:
    return command(CommandType.CARD_OPEN, call, extension, time, **data)


def closes(extension: str = "134", call: str = CALL, time: int = 1) -> Command:
    return command(CommandType.CARD_CLOSE, call, extension, time)


def finished(call: str = CALL, **data: Any) -> Command:
    return command(CommandType.CALL_FINISHED, call, **data)


def anchored(call: str = CALL, channel: str = "1795290971.8", outbound: bool = False) -> Anchored:
    return Anchored(call, channel, "79031234504", "74950000002", outbound, 5.0, WALL)


def verdict(
    extension: str, finding: Finding = Finding.PARTICIPANT, because: str = "talked", call: str = CALL
) -> Verdict:
    return Verdict(call, extension, finding, because, 6.0, WALL + 1)


def ended(call: str = CALL, **record: Any) -> Ended:
    whole = {
        "call_id": call,
        "direction": "inbound",
        "client": "+79031234504",
        "client_raw": "79031234504",
        "did": "74950000002",
        "started_at": "2026-11-21T19:56:11.250Z",
        **record,
    }
    trail = (Fact(WALL, None, "79031234504 calls"), Fact(WALL + 1, "134", "PJSIP/134 rings"))
    return Ended(call, End.SEEN, 9.0, WALL + 4, whole, trail)


class Clock:
    """A line of time that goes on only when a test says so."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at
        self._sleepers: dict[asyncio.Event, float | None] = {}
        self._changed = asyncio.Event()

    def now(self) -> float:
        return self.at

    async def wait(self, stir: asyncio.Event, until: float | None) -> None:
        if until is not None and until <= self.at:
            return
        self._sleepers[stir] = until
        self._changed.set()
        try:
            await stir.wait()
        finally:
            del self._sleepers[stir]

    def go_to(self, at: float) -> None:
        """The time is now `at`: who waited for it wakes."""
        self.at = max(self.at, at)
        for stir, until in self._sleepers.items():
            if until is not None and until <= self.at:
                stir.set()

    async def change(self) -> None:
        """Waits until somebody falls asleep."""
        self._changed.clear()
        await self._changed.wait()

    async def deadlines(self, sleepers: int) -> list[float]:
        """Waits until so many sleep whom nothing has stirred. Returns what they wait for."""
        while sum(not stir.is_set() for stir in self._sleepers) < sleepers:
            await self.change()
        return [until for until in self._sleepers.values() if until is not None]


SAFE = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE))
UNSAFE = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.UNSAFE))


class Crm:
    """A CRM that answers as it is told.

    answers: what to say to a command that comes for the n-th time (from 0); without, it is always done.
    """

    def __init__(
        self,
        name: str = "crm",
        answers: Callable[[Command, int], Answer] = lambda command, time: Done(),
        capabilities: Capabilities = SAFE,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.answers = answers
        self.sent: list[str] = []
        """The keys, in the order of their coming."""
        self.repeated: list[bool] = []
        self.memories: list[Memory] = []
        self.hold = asyncio.Event()
        """While it is not set, nobody gets an answer."""
        self.hold.set()
        self.came = asyncio.Event()
        """Set at each command."""
        self.under_way: set[str] = set()
        self.most_under_way = 0
        self.closed = False

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        assert command.call_id not in self.under_way, "two commands of one call at once"
        self.under_way.add(command.call_id)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        time = self.sent.count(command.key)
        self.sent.append(command.key)
        self.repeated.append(repeated)
        self.memories.append(memory)
        self.came.set()
        try:
            await self.hold.wait()
            return self.answers(command, time)
        finally:
            self.under_way.discard(command.call_id)

    async def probe(self) -> Sequence[str]:
        return ()

    async def close(self) -> None:
        self.closed = True

    async def has(self, number: int) -> None:
        """Waits until so many commands have come."""
        while len(self.sent) < number:
            self.came.clear()
            await self.came.wait()

    def types(self) -> list[str]:
        """What came, without the calls: `134/card.open`."""
        return [key.removeprefix(f"{CALL}/") for key in self.sent]


def in_turn(*answers: Answer) -> Callable[[Command, int], Answer]:
    """The answers one after the other, whatever comes; the last one for ever."""
    left: Iterator[Answer] = iter(answers)
    last = answers[-1]
    return lambda command, time: next(left, last)


@dataclass
class World:
    """A store, its CRMs and their delivery, on one clock."""

    path: Path
    store: Store
    delivery: Delivery
    clock: Clock
    crms: Sequence[Adapter]

    async def tell(self, *outputs: Output) -> None:
        """One read chunk."""
        await self.store.commit(outputs, "office")

    async def rest(self) -> list[float]:
        """Waits until nothing is under way. Returns what the couriers wait for."""
        async with asyncio.timeout(PATIENCE):
            while True:
                deadlines = await self.clock.deadlines(len(self.crms))
                if not any(status.under_way for status in self.delivery.status):
                    return deadlines
                # An errand that comes home stirs its courier, who will fall asleep again.
                await self.clock.change()

    async def rest_until_quiet(self, most: int = 500) -> None:
        """Lets time pass until nobody waits for it any more."""
        for _ in range(most):
            deadlines = await self.rest()
            if not deadlines:
                return
            self.clock.go_to(min(deadlines))
        raise AssertionError("the couriers never come to rest")

    async def states(self) -> dict[str, str]:
        """What became of each command, without the call's id (with one CRM)."""
        return {line.key.removeprefix(f"{CALL}/"): line.state.value for line in await self.deliveries()}

    async def deliveries(self, crm: str | None = None) -> list[DeliveryLine]:
        async with Archive.opened(self.path) as archive:
            return await archive.outbox(states=list(State), crm=crm, limit=10_000)


@asynccontextmanager
async def delivering(path: Path, *crms: Adapter, clock: Clock | None = None) -> AsyncIterator[World]:
    """A daemon's durable half at work."""
    clock = clock or Clock()
    store = await Store.open(path, [crm.name for crm in crms], now=clock.now)
    delivery = Delivery(store, crms, clock=clock, random=Random(1))
    running = asyncio.create_task(delivery.run())
    try:
        yield World(path, store, delivery, clock, crms)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await store.close()
