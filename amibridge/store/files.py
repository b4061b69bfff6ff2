"""The files of one database: where it really stands, and what stands beside it."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """database: the file itself, where a symbolic link leads to. log, index: SQLite's, while it is open or was killed.
    lock: ours.
    """

    database: Path
    log: Path
    index: Path
    lock: Path

    @property
    def size(self) -> int:
        """Bytes of the database with its log."""
        return sum(file.stat().st_size for file in (self.database, self.log) if file.exists())


def files_of(path: Path) -> Files:
    """The files of the database that a name leads to. SQLite too puts its own beside the file, not beside a link."""
    real = Path(os.path.realpath(path))
    return Files(real, beside(real, "-wal"), beside(real, "-shm"), beside(real, ".lock"))


def beside(path: Path, end: str) -> Path:
    """The name with something more at its end."""
    return path.with_name(f"{path.name}{end}")
