"""The lock beside the database: one daemon for one file."""

import asyncio
import fcntl
import os
from pathlib import Path

from amibridge.store.errors import AlreadyRunningError, StoreFailedError

ATTEMPTS, PAUSE = 10, 0.05
"""Attempts to take the lock and seconds between them: `holder` holds it for a moment, a daemon for its life."""


class Lock:
    """An exclusive lock on `<database>.lock`, held until `release` or the end of the process, however it ends.

    The file holds the holder's process id, and stays: deleting it would let two daemons lock two files of one name.
    """

    def __init__(self, file: int) -> None:
        self._file = file

    @classmethod
    async def take(cls, database: Path) -> "Lock":
        """Raises AlreadyRunningError when another process holds it, StoreFailedError when the file cannot be made."""
        try:
            file = os.open(lock_path(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreFailedError(f"cannot lock the database: {error}") from error
        for attempt in range(ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if attempt == ATTEMPTS - 1:
                    os.close(file)
                    raise AlreadyRunningError(database, holder(database)) from error
                await asyncio.sleep(PAUSE)
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        return cls(file)

    def release(self) -> None:
        os.close(self._file)


def lock_path(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")


def holder(database: Path) -> int | None:
    """The process id of the daemon that has this database now, or None."""
    try:
        with lock_path(database).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        text = lock_path(database).read_text().strip()
        return int(text) if text.isdecimal() else None
    return None
