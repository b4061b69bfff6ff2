"""How the file is opened: by the daemon that owns it, by those who read it beside the daemon, by an admin's hand."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from amibridge.store.connection import Connection, connect
from amibridge.store.errors import BROKEN, BrokenStoreError, NotOurDatabaseError, StoreFailedError, failures_named
from amibridge.store.files import files_of, must_be_regular
from amibridge.store.migrations import APPLICATION_ID, MIGRATIONS, migrate

PATIENCE = 5.0
"""Seconds to wait for somebody else's transaction."""
OWNERS_PATIENCE = 0.1
"""Seconds that one of the owner's attempts waits for it: there will be another one."""

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
_PAGES, _USER_VERSION, _APPLICATION_ID = slice(28, 32), slice(60, 64), slice(68, 72)


async def open_to_own(path: Path) -> Connection:
    """The daemon's connection, to a database made or brought up to date as needed; a commit is on the disk.

    Raises NotOurDatabaseError, having changed nothing, and StoreFailedError.
    """
    await is_ours(path)
    connection = await _open_to_write(path)
    with failures_named(path):
        try:
            await migrate(connection)
            await connection.run(f"PRAGMA busy_timeout = {OWNERS_PATIENCE * 1000:.0f}")
        except BaseException:
            await connection.close()
            raise
    return connection


@asynccontextmanager
async def opened_by_hand(path: Path) -> AsyncIterator[Connection]:
    """A connection for a change or two beside the daemon, or without one.

    Raises NotOurDatabaseError and StoreFailedError.
    """
    async with opened_to_read(path):
        connection = await _open_to_write(path)
    with failures_named(path):
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def opened_to_read(path: Path) -> AsyncIterator[Connection]:
    """A connection that can change nothing. Raises NotOurDatabaseError and StoreFailedError."""
    if not await is_ours(path):
        raise StoreFailedError(f"there is no database {path}")
    connection = await _open_to_read(path)
    with failures_named(path):
        try:
            ((version,),) = await connection.fetch("PRAGMA user_version")
            if version != len(MIGRATIONS):
                raise StoreFailedError(f"{path} is of version {version}: start the daemon once, it will convert it")
            yield connection
        finally:
            await connection.close()


async def is_ours(path: Path) -> bool:
    """Looks into the file without changing a byte of it. Returns False where there is nothing yet.

    Raises NotOurDatabaseError for the database of a newer amibridge or of another program, BrokenStoreError for what is
    no database, and StoreFailedError where it cannot be read.
    """
    try:
        header = _header(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreFailedError(f"cannot open the database: {error}") from error
    if not header:
        return False
    if not header.startswith(_MAGIC):
        raise BrokenStoreError(f"{path} is no database; is store.path right?{BROKEN}")
    version, owner, pages = (int.from_bytes(header[field]) for field in (_USER_VERSION, _APPLICATION_ID, _PAGES))
    log = files_of(path).log
    if log.exists() and log.stat().st_size > 0:
        # Whoever wrote last died before its changes were brought home: the header is older than the database.
        connection = await _open_to_read(path)
        with failures_named(path):
            try:
                ((version,),) = await connection.fetch("PRAGMA user_version")
                ((owner,),) = await connection.fetch("PRAGMA application_id")
                ((pages,),) = await connection.fetch("PRAGMA page_count")
            finally:
                await connection.close()
    if owner != APPLICATION_ID and pages > 1:
        raise NotOurDatabaseError(f"{path} is another program's database")
    if version > len(MIGRATIONS):
        raise NotOurDatabaseError(
            f"{path} was written by a newer amibridge (version {version}, this one knows {len(MIGRATIONS)})"
        )
    return True


def _header(path: Path) -> bytes:
    """The first bytes of the file. Raises BrokenStoreError where it is none, and OSError."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        must_be_regular(file.fileno(), path)
        return file.read(_HEADER)


async def _open_to_write(path: Path) -> Connection:
    try:
        # The file holds clients' numbers: nobody else reads it, whatever the umask.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreFailedError(f"cannot open the database: {error}") from error
    connection = await connect(str(path), PATIENCE)
    with failures_named(path):
        try:
            ((mode,),) = await connection.fetch("PRAGMA journal_mode = WAL")
            if mode != "wal":
                raise StoreFailedError(f"{path}: this file system cannot hold a database in WAL mode")
            await connection.run("PRAGMA synchronous = FULL")
            await connection.run("PRAGMA foreign_keys = ON")
        except BaseException:
            await connection.close()
            raise
    return connection


async def _open_to_read(path: Path) -> Connection:
    return await connect(f"file:{quote(str(path))}?mode=ro{_rested(path)}", PATIENCE, uri=True)


def _rested(path: Path) -> str:
    """Where nobody can write, SQLite cannot make the files by which it would hear of those who do, and need not."""
    log = files_of(path).log
    whole = not log.exists() or log.stat().st_size == 0
    return "&immutable=1" if whole and os.statvfs(path).f_flag & os.ST_RDONLY else ""
