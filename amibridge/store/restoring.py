"""A copy put into the place of the database; what was there is kept aside."""

import os
import shutil
import sqlite3
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from amibridge.store.backup import part_of
from amibridge.store.connection import Connection, connect
from amibridge.store.errors import BROKEN, BrokenStoreError, StoreError, StoreFailedError, failures_named
from amibridge.store.files import Files, beside, files_of
from amibridge.store.lock import Lock, holder
from amibridge.store.migrations import MIGRATIONS, migrate
from amibridge.store.opening import PATIENCE, is_ours

_SCHEMA = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
_HELD = "SELECT count(*), (SELECT count(*) FROM delivery WHERE state = 'pending') FROM call"


@dataclass(frozen=True, slots=True)
class Restored:
    """calls, waiting: how many calls, and how many commands that wait for a CRM, are in the store now. kept: where that
    is which was there before; None where there was nothing.
    """

    calls: int
    waiting: int
    kept: Path | None


async def restore(copy: Path, path: Path) -> Restored:
    """Puts a copy into the place of the database `path`, when it has turned out to be whole and one of ours. The copy
    is left as it is.

    Raises AlreadyRunningError while a daemon has the database, NotOurDatabaseError, BrokenStoreError for a copy that is
    damaged, and StoreFailedError.
    """
    files = files_of(path)
    try:
        _may_be_taken(copy, files)
        part = part_of(files.database)
        try:
            calls, waiting = await _checked(copy, part)
            lock = await Lock.take(path)
            try:
                return Restored(calls, waiting, _exchange(part, files))
            finally:
                lock.release()
        finally:
            for left in files_of(part):
                left.unlink(missing_ok=True)
    except OSError as error:
        raise StoreFailedError(f"cannot restore {copy} to {path}: {error}") from error


def _may_be_taken(copy: Path, files: Files) -> None:
    if files_of(copy).database in files:
        raise StoreFailedError(f"{copy} is the store itself; name a copy of it")
    if not copy.is_file():
        raise StoreFailedError(f"{copy} is not there, or no regular file")
    if holder(copy) is not None:
        raise StoreFailedError(f"a daemon works on {copy}: copy it with amibridge backup, and restore that")


async def _checked(copy: Path, part: Path) -> tuple[int, int]:
    """Copies the copy, with the log that may be beside it, and looks into every page. Returns how many calls and how
    many waiting commands are in it.
    """
    log = files_of(copy).log
    shutil.copyfile(copy, part)
    if log.exists():
        shutil.copyfile(log, files_of(part).log)
    try:
        if not await is_ours(part):
            raise BrokenStoreError(f"{copy} is empty")
        connection = await connect(str(part), PATIENCE)
        try:
            with failures_named(copy):
                return await _looked_through(copy, connection)
        finally:
            await connection.close()
    except StoreError as error:
        # What is said of the part is meant of the copy; and whoever reads it is restoring already.
        raise type(error)(str(error).replace(str(part), str(copy)).removesuffix(BROKEN)) from error


async def _looked_through(copy: Path, connection: Connection) -> tuple[int, int]:
    ((version,),) = await connection.fetch("PRAGMA user_version")
    found = {tuple(row) for row in await connection.fetch(_SCHEMA)}
    if lacking := {name for name, _ in await _schema(version) - found}:
        raise BrokenStoreError(f"{copy} lacks {', '.join(sorted(lacking))}, or has it otherwise: no copy of a store")
    problems = [row[0] for row in await connection.fetch("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise BrokenStoreError(f"{copy} is damaged: {'; '.join(problems)}")
    if await connection.fetch("PRAGMA foreign_key_check"):
        raise BrokenStoreError(f"{copy} is damaged: something belongs to a call that is not in it")
    ((calls, waiting),) = await connection.fetch(_HELD)
    await connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    return calls, waiting


async def _schema(version: int) -> set[tuple[str, str]]:
    """What a database of that version consists of."""
    model = await connect(":memory:", PATIENCE)
    try:
        await migrate(model, MIGRATIONS[:version])
        return {(row["name"], row["sql"]) for row in await model.fetch(_SCHEMA)}
    except sqlite3.Error as error:
        raise StoreFailedError(str(error)) from error
    finally:
        await model.close()


def _exchange(part: Path, files: Files) -> Path | None:
    """Gives the part the name of the database. Returns where what was there is kept.

    The log of what was there goes before the part has the name: SQLite would take it for the part's.
    """
    there = files.database.stat()
    # The lock has made an empty file where there was none, for whoever restores; its folder knows whose it has to be.
    owner = there if there.st_size else files.database.parent.stat()
    kept = None
    with ExitStack() as undone:
        if there.st_size:
            kept = beside(files.database, time.strftime(".%Y-%m-%dT%H%M%SZ", time.gmtime()))
            for file, aside in ((files.database, kept), (files.log, files_of(kept).log)):
                if file.exists():
                    os.link(file, aside)
                    undone.callback(aside.unlink)
        for file in (part, files.lock):
            if os.geteuid() == 0:
                os.chown(file, owner.st_uid, owner.st_gid)
        _flush(part)
        undone.pop_all()
        files.log.unlink(missing_ok=True)
        files.index.unlink(missing_ok=True)
        part.replace(files.database)
    _flush(files.database.parent)
    return kept


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
