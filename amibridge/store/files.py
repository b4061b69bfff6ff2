"""The files of one database: where it really stands, and what stands beside it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from amibridge.store.errors import BrokenStoreError


@dataclass(frozen=True, slots=True)
class Files:
    """database: the file itself, where a symbolic link leads to. log, index: SQLite's, while it is open or was killed.
    lock: ours.
    """

    database: Path
    log: Path
    index: Path
    lock: Path

    def __iter__(self) -> Iterator[Path]:
        return iter((self.database, self.log, self.index, self.lock))

    @property
    def size(self) -> int:
        """Bytes of the database with its log."""
        return sum(file.stat().st_size for file in (self.database, self.log) if file.exists())


def files_of(path: Path) -> Files:
    """The files of the database that a name leads to. SQLite too puts its own beside the file, not beside a link."""
    real = Path(os.path.realpath(path))
    return Files(real, beside(real, "-wal"), beside(real, "-shm"), beside(real, ".lock"))


def must_be_regular(opened: int, file: Path) -> None:
    """Raises BrokenStoreError where what was opened under this name is a FIFO, a device, a folder."""
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        raise BrokenStoreError(f"{file} is no regular file; move it away, or change store.path")


def beside(path: Path, end: str) -> Path:
    """The name with something more at its end."""
    return path.with_name(f"{path.name}{end}")
