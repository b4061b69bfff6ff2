"""A copy of the database, taken while the daemon works."""

import os
import sqlite3
import stat
import tempfile
from pathlib import Path

from amibridge.store.errors import StoreFailedError
from amibridge.store.opening import opened_to_read


async def back_up(database: Path, target: Path, *, force: bool = False) -> None:
    """Copies the database as it is at one moment. The daemon's commits do not wait for it, nor it for them.

    target: a file that appears when it is whole, readable for its owner only. force: it may replace a file of that
    name; anything else that has the name is left alone.
    Raises NotOurDatabaseError and StoreFailedError.
    """
    _may_be_written(target, force=force)
    async with opened_to_read(database) as connection:
        try:
            part = part_of(target)
            try:
                await connection.copy_to(part)
                _may_be_written(target, force=force)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        except FileNotFoundError:
            raise StoreFailedError(f"cannot back up to {target}: there is no folder {target.parent}; make it") from None
        except (OSError, sqlite3.Error) as error:
            raise StoreFailedError(f"cannot back up to {target}: {error}") from error


def part_of(target: Path) -> Path:
    """A new file beside the target under a name that nobody can foresee, readable for its owner only: nothing that
    somebody has put there is followed or written. Raises OSError.
    """
    file, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    os.close(file)
    return Path(name)


def _may_be_written(target: Path, *, force: bool) -> None:
    try:
        there = target.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreFailedError(f"cannot back up to {target}: {error}") from error
    if not stat.S_ISREG(there.st_mode):
        raise StoreFailedError(f"{target} is no regular file; name another one")
    if not force:
        raise StoreFailedError(f"{target} exists; name another file, or replace it with --force")
