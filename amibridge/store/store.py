"""The store's face for the daemon: outputs go in and are durable, the outbox and the known calls come out."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from amibridge.calls import Command, Known, Output
from amibridge.store import concern, known, retention, shown
from amibridge.store.clock import Now, steady
from amibridge.store.connection import Connection
from amibridge.store.errors import BrokenStoreError
from amibridge.store.health import Down, Health, since_boot
from amibridge.store.journal import statements
from amibridge.store.link import Link, doubted, none_yet, noted
from amibridge.store.lock import Lock, Place
from amibridge.store.opening import open_to_own
from amibridge.store.outbox import Outbox, take_over
from amibridge.store.owner import Owner
from amibridge.store.statements import once
from amibridge.store.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the store may fall behind."""

    prompt: float = 0.2
    """Seconds that a caller waits for its commit; after them it goes on without."""
    waiting: int = 20_000
    """Outputs that may wait in memory for a disk that fails."""
    closing: float = 5.0
    """Seconds that a failing disk is given when the daemon is stopped."""


BEAT = 30.0
"""Seconds without a commit after which the store makes one for its own sake."""
_BEAT = "UPDATE heart SET beat = ?"


class Saved(StrEnum):
    """What became of the outputs of a read chunk. They are safe in each case while the daemon lives."""

    DURABLE = "durable"
    WAITING = "waiting"
    """The disk is slow or fails: they wait in memory, and no command among them is sent. Read on."""
    FULL = "full"
    """They wait too, but no more may: read on when `Store.room()` returns."""


class Store:
    """One SQLite file behind one owner task. Made by `Store.open`."""

    def __init__(self, path: Path, crms: Sequence[str], limits: Limits, now: Now, lock: Lock, owner: Owner) -> None:
        self.path = path
        self.outbox = Outbox(owner, now)
        self._crms = crms
        self._limits = limits
        self.now = now
        self._lock = lock
        self._owner = owner
        # Not waited for: a daemon that starts on a full disk hears the PBX all the same.
        self._beaten = owner.write([*take_over(now()), none_yet(), concern.none_yet()])

    @classmethod
    async def open(
        cls,
        path: Path,
        crms: Sequence[str] = (),
        *,
        limits: Limits | None = None,
        now: Now | None = None,
        connect: Callable[[Path], Awaitable[Connection]] = open_to_own,
    ) -> "Store":
        """Opens a daemon's database, made or brought up to date as needed.

        crms: the names of those who are to be told; none in shadow mode.
        now: the host's clock. connect: how the file is opened.
        Raises AlreadyRunningError, NotOurDatabaseError and BrokenStoreError (the file is untouched then), and
        StoreFailedError.
        """
        now, limits = now or steady(), limits or Limits()
        lock = await Lock.take(path)
        try:
            connection = await connect(path)
        except BaseException:
            lock.release()
            raise
        owner = Owner(connection, Trouble(now), limits.prompt)
        return cls(path, crms, limits, now, lock, owner)

    async def commit(self, outputs: Sequence[Output], pbx: str) -> Saved:
        """Writes the outputs of one read chunk of a PBX in one transaction.

        Returns when they are on the disk, or sooner: after `Limits.prompt` seconds, and at once while the store is in
        trouble. The order of chunks is kept in any case, and a cancelled caller loses nothing.
        Raises StoreFailedError when there is one among them that no database can hold: a fault of ours, which the log
        describes. The others are written.
        """
        if outputs:
            whose = (pbx, self._crms, self.now())
            written = statements(outputs, *whose)
            done = self._owner.write(written, len(outputs), lambda: [statements([one], *whose) for one in outputs])
            if not self._owner.trouble.active:
                await asyncio.wait([done], timeout=self._limits.prompt)
            if done.done():
                done.result()
                return Saved.DURABLE
            self._owner.trouble.begin(f"a commit takes longer than {self._limits.prompt:g} s")
        if self.waiting >= self._limits.waiting:
            self._owner.trouble.full(self.waiting)
            return Saved.FULL
        return Saved.WAITING if self.waiting else Saved.DURABLE

    async def room(self) -> None:
        """Returns when at most half of the outputs wait that may."""
        while self.waiting > self._limits.waiting // 2:
            self._owner.room.clear()
            await self._owner.room.wait()

    @property
    def waiting(self) -> int:
        """How many outputs are not on the disk yet."""
        return self._owner.waiting

    async def known_calls(self, pbx: str) -> list[Known]:
        """What the core is to know of the calls of this PBX from before the start. Raises StoreFailedError."""
        return await known.known_calls(self._owner, pbx, self.now())

    def beat(self) -> None:
        """Commits something where nothing was committed for a while: a disk that takes nothing more is to be known
        before the next call comes."""
        if self._beaten.done() and since_boot() - self._owner.committed >= BEAT:
            self._beaten = self._owner.write([once(_BEAT, self.now())])

    def health(self, down: Sequence[Down] = ()) -> Health:
        """How the store is doing now. down: the CRMs to which nothing gets through."""
        trouble = self._owner.trouble
        return Health(
            pid=os.getpid(),
            at=since_boot(),
            now=self.now(),
            committed=self._owner.committed,
            waiting=self.waiting,
            failing_since=trouble.since,
            reason=trouble.reason,
            down=down,
        )

    async def report(self, health: Health) -> None:
        """Says it beside the database, for those who ask; also while the database takes nothing.

        Raises OSError where that cannot be written either.
        """
        await asyncio.to_thread(self._lock.report, health)

    async def place(self) -> Place:
        """Whether the store's name still leads to the file that is open. Raises OSError where the disk does not say."""
        return await asyncio.to_thread(lambda: self._lock.place)

    @property
    def names(self) -> int:
        """How many hard links lead to the file that is open."""
        return self._lock.names

    async def breaks(self) -> NoReturn:
        """Raises BrokenStoreError as soon as the database turns out to be damaged."""
        raise BrokenStoreError(f"{self.path}: {await self._owner.damage()}")

    async def shown_cards(self, crm: str, seconds: float) -> list[tuple[Command, float]]:
        """The `card.open` commands of the last so many seconds whose cards a CRM shows, each with its age in seconds.
        Raises StoreFailedError."""
        return await shown.shown_cards(self._owner, crm, seconds, self.now())

    def note_link(self, link: Link) -> None:
        """Writes how the link to a PBX stands, when the disk takes it."""
        self._owner.write([noted(link)])

    def note_doubt(self, pbx: str, why: str | None, remedy: str | None) -> None:
        """Writes what is wrong with the events of a link that is up, or that nothing is any more."""
        self._owner.write([doubted(pbx, why, remedy)])

    def note_concern(self, crm: str, about: str, what: str | None) -> None:
        """Writes what an adapter has found that somebody should see to, when the disk takes it; None: it is over."""
        found = None if what is None else concern.noted(concern.Concern(crm, about, self.now(), what))
        self._owner.write([found or concern.over(crm, about)])

    async def forget(self, before: float) -> int:
        """Deletes the calls that ended before a moment (seconds since the epoch). Returns how many."""
        return await retention.forget(self._owner, before)

    async def give_up(self, crms: Collection[str], before: float) -> dict[str, int]:
        """Makes dead letters of what waits for others than these CRMs and was committed before a moment (seconds since
        the epoch). Returns how many there were, by CRM.
        """
        return await retention.give_up(self._owner, crms, before, self.now())

    async def close(self) -> None:
        """Writes what waits, closes the file and gives up the lock."""
        await self._owner.close(self._limits.closing)
        self._lock.release()
