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
    """The file was written by a newer amibridge, or by another program. It was not touched."""

    exit_status = 4


class StoreFailedError(StoreError):
    """SQLite or the disk under it refused; it may work later."""


@contextmanager
def failures_named(path: Path) -> Iterator[None]:
    """SQLite's errors inside the context come out as StoreFailedError, with the file's name."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreFailedError(f"{path}: {error}") from error
