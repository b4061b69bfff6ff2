"""The locks on a database: one daemon for one file, and one for one name."""

import asyncio
import errno
import fcntl
import os
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from amibridge.store.errors import AlreadyRunningError, StoreFailedError
from amibridge.store.files import files_of, must_be_regular
from amibridge.store.health import BLOCK, Health, decoded, encoded, since_boot

ATTEMPTS, PAUSE = 10, 0.05
"""Attempts to take the locks and seconds between them: `holder` holds one for a moment, a daemon for its life."""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Place(StrEnum):
    """Whether the name of a database still leads to the file that is open."""

    KEPT = "kept"
    GONE = "gone"
    REPLACED = "replaced"


class Lock:
    """Two exclusive locks, held until `release` or the end of the process, however it ends.

    One is on the database itself: whatever is deleted beside it and whatever name leads to it, no two daemons write one
    file. The other is on `<database>.lock`, for the name: whose database was deleted is still in the way of a second
    one. That file says how its holder is doing; it is written in place, so that a full disk does not keep it silent.

    Closing any descriptor of a file gives up SQLite's own locks on it: the connection has to be closed first.
    """

    def __init__(self, path: Path, database: int, name: int) -> None:
        self._path = path
        self._database = database
        self._name = name
        self._held = True
        # A report is written in a thread, which may still be at it when the daemon has given up waiting.
        self._writing = threading.Lock()

    @classmethod
    async def take(cls, path: Path) -> "Lock":
        """The database is made, empty, where there is none.

        Raises AlreadyRunningError when another process holds one of them, BrokenStoreError where there is something
        that is no file, and StoreFailedError when a file cannot be opened.
        """
        for _ in range(ATTEMPTS):
            try:
                return cls._taken(path)
            except BlockingIOError:
                await asyncio.sleep(PAUSE)
            except OSError as error:
                raise StoreFailedError(f"cannot open the database: {error}{_remedy(path, error)}") from error
        other = holder(path)
        raise AlreadyRunningError(path, None if other is None else other.pid)

    @classmethod
    def _taken(cls, path: Path) -> "Lock":
        """Raises BlockingIOError where somebody else has it, or where its name leads elsewhere by now."""
        files = files_of(path)
        held: list[int] = []
        with ExitStack() as undone:
            for file in (files.database, files.lock):
                opened = os.open(file, _OPEN, 0o600)
                undone.callback(os.close, opened)
                must_be_regular(opened, file)
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(opened)
            lock = cls(path, *held)
            if lock.place is not Place.KEPT:
                raise BlockingIOError
            lock.report(Health(os.getpid(), since_boot(), time.time(), since_boot()))
            undone.pop_all()
        return lock

    @property
    def place(self) -> Place:
        """Whether what is locked is still what a newcomer would open. Raises OSError where the disk does not say."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return Place.GONE
        return Place.KEPT if os.path.samestat(there, os.fstat(self._database)) else Place.REPLACED

    def report(self, health: Health) -> None:
        """Says in the lock file how the holder is doing; a lock file that was deleted is made again. Takes as long as
        the disk does. Raises OSError.
        """
        with self._writing:
            if not self._held:
                return
            self._make_again_if_gone()
            text = encoded(health)
            os.pwrite(self._name, text, 0)
            os.ftruncate(self._name, len(text))

    @property
    def names(self) -> int:
        """How many hard links lead to the database. 0: it was deleted."""
        return os.fstat(self._database).st_nlink

    def release(self) -> None:
        """Gives both up; the lock file stays: deleting it would let two daemons lock two files of one name."""
        with self._writing:
            if self._held:
                self._held = False
                os.close(self._database)
                os.close(self._name)

    def _make_again_if_gone(self) -> None:
        name = os.open(files_of(self._path).lock, _OPEN, 0o600)
        if os.path.samestat(os.fstat(name), os.fstat(self._name)):
            os.close(name)
            return
        try:
            fcntl.flock(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(name)
            raise
        os.close(self._name)
        self._name = name


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a database. health: what it says of itself; None as long as it has said nothing."""

    health: Health | None
    has_this_file: bool
    """Without, what it has open is another file than the name leads to: its own was deleted or replaced."""

    @property
    def pid(self) -> int | None:
        return None if self.health is None else self.health.pid


def holder(path: Path) -> Holder | None:
    """Who has this database now, or its name. Raises OSError where nobody may look."""
    files = files_of(path)
    by_name, by_file = _is_locked(files.lock), _is_locked(files.database)
    if not (by_name or by_file):
        return None
    return Holder(_said(files.lock) if by_name else None, by_file)


def _said(lock: Path) -> Health | None:
    with lock.open("rb") as file:
        return decoded(file.read(BLOCK))


def _is_locked(file: Path) -> bool:
    try:
        opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def _remedy(database: Path, error: OSError) -> str:
    folder = database.parent
    if isinstance(error, FileNotFoundError):
        return f"; make the folder {folder} for the user that the daemon runs as, or change store.path"
    if isinstance(error, PermissionError):
        return f"; {folder} and what is in it have to belong to the user that the daemon runs as"
    if error.errno == errno.EROFS:
        return f"; mount the file system of {folder} for writing, or change store.path"
    return ""
