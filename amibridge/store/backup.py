"""A copy of the database, taken while the daemon works."""

import os
from pathlib import Path

from amibridge.store.errors import StoreFailedError
from amibridge.store.opening import opened_to_read


async def back_up(database: Path, target: Path) -> None:
    """Copies the database as it is at one moment. The daemon's commits do not wait for it, nor it for them.

    target: a file that appears when it is whole; one of that name is replaced.
    Raises NotOurDatabaseError and StoreFailedError.
    """
    part = target.with_name(f"{target.name}.part")
    async with opened_to_read(database) as connection:
        try:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
            await connection.copy_to(part)
            part.replace(target)
        except OSError as error:
            raise StoreFailedError(f"cannot back up to {target}: {error}") from error
        finally:
            part.unlink(missing_ok=True)
