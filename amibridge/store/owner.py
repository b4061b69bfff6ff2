"""The one task that owns the connection: jobs come in order, and all that wait are committed together."""

import asyncio
import math
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from amibridge.calls import DEFECT
from amibridge.store.connection import Connection, Row
from amibridge.store.errors import StoreFailedError, is_broken, named
from amibridge.store.health import since_boot
from amibridge.store.statements import Statement, Value
from amibridge.store.trouble import Trouble

log = structlog.get_logger(__name__)

GROUP = 100
"""Jobs in one transaction, at most."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two attempts to write what could not be written."""


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    statements: Sequence[Statement]
    weight: int
    done: asyncio.Future[list[int]]
    apart: Callable[[], Sequence[Sequence[Statement]]] | None = None
    """The same in pieces of weight 1: where no database can hold one of them, the others are written all the same."""


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    sql: str
    parameters: Mapping[str, Value]
    done: asyncio.Future[list[Row]]


class Owner:
    """Writes in groups, reads in between, and never gives up a write: what fails is tried until it succeeds.

    listeners: events that are set after every commit that brought something heavier than nothing.
    """

    def __init__(self, connection: Connection, trouble: Trouble, prompt: float) -> None:
        """prompt: seconds within which a commit is as fast as it should be."""
        self._connection = connection
        self.trouble = trouble
        self._prompt = prompt
        self._jobs: deque[_Write | _Read] = deque()
        self._work = asyncio.Event()
        self._closing = asyncio.Event()
        self._give_up_at = math.inf
        self._task = asyncio.create_task(self._run(), name="store owner")
        self.listeners: set[asyncio.Event] = set()
        self.waiting = 0
        """The weight of what is not yet committed."""
        self.room = asyncio.Event()
        """Set whenever some of it has been."""
        self.committed = since_boot()
        """When the last commit was, in seconds since the host's start."""
        self._damage = ""
        self._damaged = asyncio.Event()

    def write(
        self,
        statements: Sequence[Statement],
        weight: int = 0,
        apart: Callable[[], Sequence[Sequence[Statement]]] | None = None,
    ) -> asyncio.Future[list[int]]:
        """Queues statements for one transaction; at once, so that a cancelled caller loses nothing.

        apart: the same in `weight` pieces, asked for where they cannot be written together.
        Returns the future of how many rows each statement changed. It stays open for as long as the disk refuses.
        """
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self.waiting += weight
        self._queue(_Write(statements, weight, done, apart))
        return done

    async def read(self, sql: str, parameters: Mapping[str, Value]) -> list[Row]:
        """The rows of a query that sees all writes queued before it. Raises StoreFailedError."""
        done: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        self._queue(_Read(sql, parameters, done))
        return await done

    async def close(self, patience: float) -> None:
        """Writes what waits and closes the connection.

        patience: seconds that a failing disk is given; what it refuses even then is lost, and the log says how much.
        """
        self._give_up_at = asyncio.get_running_loop().time() + patience
        self._closing.set()
        self._work.set()
        await self._task
        if self.waiting:
            log.error("store.lost", outputs=self.waiting, meaning="the disk refused them until the daemon was stopped")
        for job in self._jobs:
            job.done.cancel()
        await self._connection.close()

    async def damage(self) -> str:
        """Returns what is damaged, as soon as the database turns out to be. What cannot be written is tried all the
        same, until the store is closed.
        """
        await self._damaged.wait()
        return self._damage

    def stir(self) -> None:
        """Sets the listeners' events."""
        for listener in self.listeners:
            listener.set()

    def _queue(self, job: _Write | _Read) -> None:
        if self._closing.is_set() or self._task.done():
            raise StoreFailedError("the store is closed")
        self._jobs.append(job)
        self._work.set()

    async def _run(self) -> None:
        while self._jobs or not self._closing.is_set():
            if not self._jobs:
                self._work.clear()
                await self._work.wait()
                continue
            job = self._jobs[0]
            try:
                if isinstance(job, _Read):
                    await self._answer(job)
                    self._jobs.popleft()
                else:
                    group = self._group()
                    if not await self._commit(group):
                        return
                    for _ in group:
                        self._jobs.popleft()
            except Exception as error:
                # Without this task the daemon would go on and keep nothing: rather one job is lost.
                log.exception("store.fault", remedy=DEFECT)
                self._jobs.popleft()
                self._refuse(job, error)

    def _group(self) -> list[_Write]:
        group: list[_Write] = []
        for job in self._jobs:
            if not isinstance(job, _Write) or len(group) == GROUP:
                break
            group.append(job)
        return group

    async def _answer(self, job: _Read) -> None:
        try:
            rows = await self._connection.fetch(job.sql, job.parameters)
        except sqlite3.Error as error:
            self._look_at(error)
            _fail(job.done, error)
        else:
            if not job.done.done():
                job.done.set_result(rows)

    async def _commit(self, group: Sequence[_Write]) -> bool:
        """Commits the group, however long it takes. A job with a fault of its own fails alone.

        Returns False when the store is being closed and the disk has used up its patience.
        """
        pause = FIRST_PAUSE
        while True:
            began = asyncio.get_running_loop().time()
            try:
                changes = await self._transaction(group)
                break
            except sqlite3.Error as error:
                if _is_fault_of_ours(error):
                    return await self._commit_one_by_one(group, error)
                self._look_at(error)
                self.trouble.begin(str(error))
            except (MemoryError, OSError) as error:
                self.trouble.begin(f"{type(error).__name__}: {error}")
            except Exception as error:  # noqa: BLE001 - the log names it where the job is refused
                # Text or numbers that no database can hold; or whatever else: trying again would not help.
                return await self._commit_one_by_one(group, error)
            if asyncio.get_running_loop().time() >= self._give_up_at:
                return False
            await self._rest(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self.committed = since_boot()
        for job, changed in zip(group, changes, strict=True):
            self.waiting -= job.weight
            if not job.done.done():
                job.done.set_result(changed)
        if asyncio.get_running_loop().time() - began < self._prompt:
            self.trouble.end()
        self.room.set()
        if any(job.weight for job in group):
            self.stir()
        return True

    async def _transaction(self, group: Sequence[_Write]) -> list[list[int]]:
        await self._roll_back()
        try:
            changes = await self._connection.begin([job.statements for job in group])
            await self._connection.run("COMMIT")
        except Exception:
            await self._roll_back()
            raise
        return changes

    async def _roll_back(self) -> None:
        """Ends a transaction that failed. After some errors SQLite has done so itself, a full disk among them."""
        if self._connection.in_transaction:
            await self._connection.run("ROLLBACK")

    async def _commit_one_by_one(self, group: Sequence[_Write], error: Exception) -> bool:
        if len(group) > 1:
            for job in group:
                if not await self._commit([job]):
                    return False
            return True
        (job,) = group
        if job.apart is not None and job.weight > 1:
            return await self._commit_in_pieces(job, job.apart())
        said = f"{type(error).__name__}: {error}"
        log.error("store.refused", error=said, statements=[one.sql for one in job.statements], remedy=DEFECT)
        self._refuse(job, error)
        return True

    async def _commit_in_pieces(self, job: _Write, pieces: Sequence[Sequence[Statement]]) -> bool:
        refused: BaseException | None = None
        for statements in pieces:
            piece = _Write(statements, 1, asyncio.get_running_loop().create_future())
            if not await self._commit([piece]):
                return False
            refused = refused or piece.done.exception()
        if refused is not None:
            _fail(job.done, refused)
        elif not job.done.done():
            job.done.set_result([])
        return True

    def _look_at(self, error: sqlite3.Error) -> None:
        if is_broken(error):
            self._damage = str(named(error))
            self._damaged.set()

    def _refuse(self, job: _Write | _Read, error: Exception) -> None:
        if isinstance(job, _Write) and not job.done.done():
            self.waiting -= job.weight
            self.room.set()
        _fail(job.done, error)

    async def _rest(self, seconds: float) -> None:
        """Waits; no longer than it has to when the store is being closed."""
        if self._closing.is_set():
            await asyncio.sleep(FIRST_PAUSE)
            return
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    """Whoever waits for it is told; where nobody does, the log has told."""
    if not done.done():
        done.set_exception(error if isinstance(error, StoreFailedError) else named(error))
        done.exception()


def _is_fault_of_ours(error: sqlite3.Error) -> bool:
    """Whether trying again cannot help: the statement is wrong, not the disk."""
    if isinstance(
        error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError
    ):
        return True
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
