"""Reading a file that an admin names: a regular one, of a bounded size, and without waiting for anybody.

A FIFO is read when somebody writes to it, a device never ends, and what waits in a read hears no signal.
"""

import os
import stat
from pathlib import Path


class UnsuitableFileError(Exception):
    """There is something of this name that is not to be read: what is wrong with it, and what to do."""

    def __init__(self, wrong: str, remedy: str) -> None:
        self.wrong = wrong
        self.remedy = remedy
        super().__init__(f"{wrong}; {remedy}")


def contents(path: Path, at_most: int) -> bytes:
    """What the file holds. Raises UnsuitableFileError for more than so many bytes, and OSError."""
    # Asked before it is opened: opening a device may already do something.
    if not _may_be_read(path.stat().st_mode):
        raise UnsuitableFileError("is no regular file", "put the text itself into a file of this name")
    with open(path, "rb", opener=_without_waiting) as file:
        content = file.read(at_most + 1)
    if len(content) > at_most:
        remedy = "check that this is the file that was meant"
        raise UnsuitableFileError(f"is larger than {at_most // 1024} KiB", remedy)
    return content


def _may_be_read(mode: int) -> bool:
    """A folder too: reading it says that it is one."""
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
