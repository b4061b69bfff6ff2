"""Why a store cannot be used; each reason has its own exit status, so that the unit file can tell them apart."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar


class StoreError(Exception):
    """The store cannot do what was asked. The text is for the administrator."""

    exit_status: ClassVar[int] = 1


class AlreadyRunningError(StoreError):
    """Another daemon has this database. Starting again does not help, and the unit does not do it."""

    exit_status = 3

    def __init__(self, path: Path, pid: int | None) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"{holder} is already using {path}")


class NotOurDatabaseError(StoreError):
    """The database was written by a newer amibridge, or by another program. It was not touched."""

    exit_status = 4


class StoreFailedError(StoreError):
    """SQLite or the disk under it refused; it may work later."""


class BrokenStoreError(StoreFailedError):
    """What is there is no database, or a damaged one. Starting again does not help, and the unit does not do it."""

    exit_status = 5


BROKEN = "; `amibridge restore FILE` puts a copy that `amibridge backup` made in its place, and keeps this one aside"


PUT_BACK = "put it back; or stop the daemon and restore the last backup: amibridge restore FILE"
"""What to do where the daemon's file has no name any more, or its name another file."""
ONE_NAME = "SQLite's log is beside one of its names only: remove its other hard links"


@contextmanager
def failures_named(path: Path) -> Iterator[None]:
    """SQLite's errors inside the context come out as StoreFailedError, with the file's name; those that say that the
    file is damaged as BrokenStoreError.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise named(error, f"{path}: ") from error


def named(error: BaseException, where: str = "") -> StoreFailedError:
    """What SQLite said, as an error of ours. where: what to put before it."""
    if is_broken(error):
        return BrokenStoreError(f"{where}the database is damaged ({error}){BROKEN}")
    return StoreFailedError(f"{where}{error}")


def is_broken(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is damaged, or none of its own."""
    code = getattr(error, "sqlite_errorcode", 0)
    # The low byte is the kind; the others tell it in detail.
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
