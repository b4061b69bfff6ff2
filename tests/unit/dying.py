"""A daemon's durable half that dies at a chosen step, and the receivers that outlive it.

The steps are counted where the daemon touches the world: at each call of the database's connection, before and after
each commit, before and after each request. The product knows nothing of it.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amibridge.calls import Command, CommandType, Output
from amibridge.crm.interface import Adapter, Answer, Capabilities, Done, Memory, Repeat
from amibridge.delivery import Delivery
from amibridge.store import Limits, Saved, Store
from amibridge.store.connection import Connection, Row
from amibridge.store.opening import open_to_own
from amibridge.store.statements import Statement, Value
from tests.unit.durable import PATIENCE, closes, ended, finished, opens, started, verdict

Chunk = Sequence[Output]


class Death(BaseException):
    """The process is no more."""


class Steps:
    """Counts the steps of a life, and ends it at the last one."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.taken: list[str] = []
        self.died = asyncio.Event()
        self.committed = asyncio.Event()

    def take(self, step: str) -> None:
        """Raises Death at the last step and ever after."""
        if not self.died.is_set():
            self.taken.append(step)
            if len(self.taken) == self.last:
                self.die()
        if self.died.is_set():
            raise Death

    def die(self) -> None:
        """What happens at the last step; a process of its own has something better to do."""
        self.died.set()


class MortalConnection(Connection):
    """Every call is a step."""

    def __init__(self, connection: Connection, steps: Steps) -> None:
        super().__init__(connection._inner)
        self._steps = steps

    async def run(self, sql: str) -> None:
        self._steps.take(f"before {sql}")
        await super().run(sql)
        self._steps.take(f"after {sql}")
        if sql == "COMMIT":
            self._steps.committed.set()

    async def run_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> int:  # type: ignore[override]
        self._steps.take(f"before {' '.join(sql.split()[:3])}")
        return await super().run_many(sql, rows)

    async def begin(self, jobs: Sequence[Sequence[Statement]]) -> list[list[int]]:
        """One by one: each statement is a step."""
        await self.run("BEGIN IMMEDIATE")
        return [[await self.run_many(one.sql, one.rows) for one in job] for job in jobs]

    async def fetch(self, sql: str, parameters: dict[str, Value] | None = None) -> list[Row]:  # type: ignore[override]
        self._steps.take("before a query")
        return await super().fetch(sql, parameters)


class MortalAdapter:
    """Sending and being answered are steps."""

    def __init__(self, adapter: Adapter, steps: Steps) -> None:
        self.name, self.capabilities = adapter.name, adapter.capabilities
        self._adapter = adapter
        self._steps = steps

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        self._steps.take("before a request")
        answer = await self._adapter.send(command, memory, repeated=repeated)
        self._steps.take("after an answer")
        return answer

    async def probe(self) -> Sequence[str]:
        return ()

    async def close(self) -> None:
        await self._adapter.close()


class Receiver:
    """A CRM that takes a command with a known key for one that it has had. It lives on when the daemon dies."""

    def __init__(self, name: str, repeat: Repeat) -> None:
        self.name = name
        self.capabilities = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, repeat))
        self.requests: list[str] = []
        self.effects: list[str] = []

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        self.requests.append(command.key)
        if command.key not in self.effects:
            self.effects.append(command.key)
        return Done({**memory, command.type.value: command.key})

    async def probe(self) -> Sequence[str]:
        return ()

    async def close(self) -> None:
        pass


CALLS = ("office:1.1", "office:2.2")
STORY: Sequence[Chunk] = (
    [started(CALLS[0])],
    [opens("134", CALLS[0]), verdict("134", call=CALLS[0]), started(CALLS[1])],
    [closes("134", CALLS[0]), opens("120", CALLS[1])],
    [finished(CALLS[0]), ended(CALLS[0]), closes("120", CALLS[1]), finished(CALLS[1]), ended(CALLS[1])],
)
"""The chunks of two calls."""


def keys(call: str | None = None) -> list[str]:
    """The keys of the story's commands, of one call or of all, in their order."""
    commands = [output for chunk in STORY for output in chunk if isinstance(output, Command)]
    return [command.key for command in commands if call in (None, command.call_id)]


@dataclass
class Daemon:
    """The durable half of a daemon, from one start to one end. Each life is told the whole story, as by a PBX."""

    path: Path
    adapters: Sequence[Adapter]
    steps: Steps
    store: Store | None = None
    connection: Connection | None = None

    async def live(self) -> None:
        """Hears the story chunk by chunk, and sees to each before the next: cards are shown before they close."""
        mortal = [MortalAdapter(adapter, self.steps) for adapter in self.adapters]
        names, patient = [crm.name for crm in mortal], Limits(prompt=PATIENCE)
        self.store = await Store.open(self.path, names, limits=patient, connect=self._connect)
        delivering = asyncio.create_task(Delivery(self.store, mortal).run())
        for chunk in STORY:
            self.steps.take("received")
            self.steps.take("decided")
            assert await self.store.commit(chunk, "office") is Saved.DURABLE
            self.steps.take("told so")
            await self._all_final()
        delivering.cancel()
        await asyncio.wait([delivering])
        await self.store.close()

    async def bury(self) -> None:
        """What the system does with a process that was killed: its locks and its open transaction are gone."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.connection is not None:
            await self.connection._inner.close()
        if self.store is not None:
            await asyncio.gather(self.store._owner._task, return_exceptions=True)
            self.store._lock.release()

    async def _connect(self, path: Path) -> Connection:
        self.connection = MortalConnection(await open_to_own(path), self.steps)
        return self.connection

    async def _all_final(self) -> None:
        """Waits until no delivery is open."""
        other = sqlite3.connect(self.path)
        try:
            while True:
                self.steps.committed.clear()
                ((left,),) = other.execute("SELECT count(*) FROM delivery WHERE state IN ('pending', 'sending')")
                if not left:
                    return
                await self.steps.committed.wait()
        finally:
            other.close()


async def live_and_die(daemon: Daemon) -> bool:
    """A life. Returns whether it ended too soon."""
    life = asyncio.create_task(daemon.live())
    death = asyncio.create_task(daemon.steps.died.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([life, death], return_when=asyncio.FIRST_COMPLETED)
    if not daemon.steps.died.is_set():
        death.cancel()
        await life
        return False
    await daemon.bury()
    await asyncio.gather(life, death, return_exceptions=True)
    return True
