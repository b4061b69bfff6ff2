"""Opening a database: the lock, foreign and newer files, migrations, copies; and who may read it."""

import asyncio
import fcntl
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from amibridge.store import (
    AlreadyRunningError,
    Archive,
    NotOurDatabaseError,
    Store,
    StoreError,
    StoreFailedError,
    back_up,
    by_hand,
    holder,
)
from amibridge.store.connection import connect
from amibridge.store.lock import lock_path
from amibridge.store.migrations import APPLICATION_ID, MIGRATIONS, migrate
from tests.unit.durable import CALL, opens, started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


def raw(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """What plain SQLite says to the last of these statements."""
    connection = sqlite3.connect(path, isolation_level=None)
    rows: list[tuple[object, ...]] = []
    for statement in statements:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def everything_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith((".lock", "-shm"))}


async def test_a_commit_survives_power_loss(path: Path) -> None:
    store = await Store.open(path)
    assert [row[0] for row in await store._owner.read("PRAGMA synchronous", {})] == [2]
    assert [row[0] for row in await store._owner.read("PRAGMA journal_mode", {})] == ["wal"]
    assert [row[0] for row in await store._owner.read("PRAGMA foreign_keys", {})] == [1]
    await store.close()


async def test_only_its_owner_reads_the_file(path: Path) -> None:
    umask = os.umask(0)
    try:
        store = await Store.open(path)
        await store.commit([started()], "office")
        assert {
            file.stat().st_mode & 0o077 for file in path.parent.glob("amibridge.db*") if file.suffix != ".lock"
        } == {0}
        await store.close()
    finally:
        os.umask(umask)


async def test_a_second_daemon_on_the_same_database_is_refused(path: Path) -> None:
    store = await Store.open(path)
    assert holder(path) == os.getpid()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()} is already using"):
        await Store.open(path)
    await store.commit([started()], "office")
    await store.close()
    assert holder(path) is None
    again = await Store.open(path)
    await again.close()


async def test_another_process_that_holds_the_lock_is_named_until_it_dies(path: Path) -> None:
    code = (
        "import pathlib, sys, time; from amibridge.store.lock import Lock\n"
        "import asyncio; lock = asyncio.run(Lock.take(pathlib.Path(sys.argv[1])))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(path)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyRunningError) as refused:
        await Store.open(path)
    assert refused.value.pid == other.pid
    other.kill()
    await other.wait()
    store = await Store.open(path)
    await store.close()


async def test_who_asks_for_the_holder_keeps_no_daemon_from_starting(path: Path) -> None:
    asking = os.open(lock_path(path), os.O_RDWR | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    asyncio.get_running_loop().call_later(0.01, os.close, asking)
    store = await Store.open(path)
    await store.close()


def test_each_reason_has_an_exit_status_of_its_own() -> None:
    statuses = {error.exit_status for error in (StoreError, AlreadyRunningError, NotOurDatabaseError)}
    assert len(statuses) == 3
    assert 0 not in statuses


async def test_a_newer_database_is_refused_untouched(path: Path) -> None:
    raw(path, "PRAGMA journal_mode = WAL", f"PRAGMA application_id = {APPLICATION_ID}", "CREATE TABLE later (a)")
    raw(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = everything_in(path.parent)
    with pytest.raises(NotOurDatabaseError, match="a newer amibridge"):
        await Store.open(path)
    assert everything_in(path.parent) == before
    assert holder(path) is None


async def test_a_newer_database_whose_daemon_was_killed_is_refused_untouched(path: Path) -> None:
    """The version then stands in the write-ahead log only."""
    store = await Store.open(path)
    await store.close()
    code = (
        "import os, sqlite3, sys; file = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        f"file.execute('PRAGMA user_version = {len(MIGRATIONS) + 1}'); os._exit(0)"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path))
    assert await killed.wait() == 0
    before = everything_in(path.parent)
    assert path.with_name("amibridge.db-wal").name in before
    with pytest.raises(NotOurDatabaseError, match="a newer amibridge"):
        await Store.open(path)
    assert everything_in(path.parent) == before


@pytest.mark.parametrize("pragmas", [[], ["PRAGMA application_id = 7"], ["PRAGMA user_version = 1"]])
async def test_another_program_s_database_is_refused_untouched(path: Path, pragmas: Sequence[str]) -> None:
    raw(path, *pragmas, "CREATE TABLE theirs (a)")
    before = everything_in(path.parent)
    with pytest.raises(NotOurDatabaseError, match="another program's"):
        await Store.open(path)
    assert everything_in(path.parent) == before


@pytest.fixture
def no_database(path: Path) -> Path:
    path.write_text("numbers:\n  region: RU\n" * 20)
    return path


async def test_a_file_that_is_no_database_is_refused_untouched(no_database: Path) -> None:
    before = everything_in(no_database.parent)
    with pytest.raises(NotOurDatabaseError, match="is not a database"):
        await Store.open(no_database)
    assert everything_in(no_database.parent) == before


@pytest.fixture
def nothing_in_it(path: Path) -> Path:
    path.touch()
    return path


async def test_an_empty_file_is_a_new_database(nothing_in_it: Path) -> None:
    path = nothing_in_it
    store = await Store.open(path)
    await store.close()
    assert raw(path, "PRAGMA application_id") == [(APPLICATION_ID,)]


async def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreFailedError, match="No such file or directory"):
        await Store.open(tmp_path / "missing" / "amibridge.db")
    with pytest.raises(StoreFailedError, match="missing"):
        async with Archive.opened(tmp_path / "missing.db"):
            pass


async def test_an_older_database_is_brought_up_to_date(path: Path) -> None:
    store = await Store.open(path, ["sales"])
    await store.commit([started()], "office")
    await store.close()
    newer = (*MIGRATIONS, ("ALTER TABLE call ADD COLUMN mood TEXT", "UPDATE call SET mood = 'good'"))
    connection = await connect(str(path), 1.0)
    await migrate(connection, newer)
    assert [tuple(row) for row in await connection.fetch("SELECT call_id, mood FROM call")] == [(CALL, "good")]
    await migrate(connection, newer)
    await connection.close()
    assert raw(path, "PRAGMA user_version") == [(len(newer),)]


async def test_the_first_release_s_database_is_brought_up_to_date(path: Path) -> None:
    connection = await connect(str(path), 1.0)
    await migrate(connection, MIGRATIONS[:1])
    await connection.close()
    store = await Store.open(path, ["sales"])
    await store.commit([started()], "office")
    await store.close()
    assert raw(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert raw(path, "SELECT call_id FROM call") == [(CALL,)]


async def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path) -> None:
    store = await Store.open(path)
    await store.close()
    connection = await connect(str(path), 1.0)
    with pytest.raises(sqlite3.OperationalError):
        await migrate(connection, (*MIGRATIONS, ("CREATE TABLE extra (a)", "UPDATE nothing SET a = 1")))
    await connection.close()
    assert raw(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert raw(path, "SELECT count(*) FROM sqlite_master WHERE name = 'extra'") == [(0,)]


async def test_those_who_read_wait_for_the_daemon_to_convert(path: Path) -> None:
    raw(path, "PRAGMA journal_mode = WAL")
    with pytest.raises(StoreFailedError, match="start the daemon once"):
        async with Archive.opened(path):
            pass
    with pytest.raises(StoreFailedError, match="start the daemon once"):
        await by_hand.drop(path, 1)


async def test_a_copy_taken_at_work_is_whole(path: Path, tmp_path: Path) -> None:
    store = await Store.open(path, ["sales"])
    await store.commit([started(), opens()], "office")
    target = tmp_path / "copy.db"
    target.write_text("yesterday's")
    await back_up(path, target)
    await store.commit([opens("120")], "office")
    await store.close()
    assert raw(target, "PRAGMA integrity_check") == [("ok",)]
    assert raw(target, "SELECT count(*) FROM command") == [(2,)]
    assert target.stat().st_mode & 0o077 == 0
    assert not target.with_name("copy.db.part").exists()
    opened = await Store.open(target, ["sales"])
    await opened.close()


async def test_a_copy_that_cannot_be_written_is_said(path: Path, tmp_path: Path) -> None:
    store = await Store.open(path)
    with pytest.raises(StoreFailedError, match="cannot back up"):
        await back_up(path, tmp_path / "missing" / "copy.db")
    await store.close()
