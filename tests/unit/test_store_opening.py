"""Opening a database: the lock, foreign and newer files, migrations, copies; and who may read it."""

import asyncio
import fcntl
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from amibridge.store import (
    AlreadyRunningError,
    Archive,
    BrokenStoreError,
    Limits,
    NotOurDatabaseError,
    Store,
    StoreError,
    StoreFailedError,
    back_up,
    by_hand,
    holder,
)
from amibridge.store.connection import connect
from amibridge.store.files import files_of
from amibridge.store.lock import Place
from amibridge.store.migrations import APPLICATION_ID, MIGRATIONS, migrate
from tests.unit.durable import CALL, PATIENCE, opens, started


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


def held_by(path: Path) -> tuple[int | None, bool] | None:
    """The process that has the database, and whether it has this file of that name."""
    held = holder(path)
    return None if held is None else (held.pid, held.has_this_file)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith((".lock", "-shm"))}


async def left_by_a_newer_daemon_that_was_killed(path: Path) -> None:
    """Its version stands in the log only."""
    store = await Store.open(path)
    await store.close()
    code = (
        "import os, sqlite3, sys; file = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        f"file.execute('PRAGMA user_version = {len(MIGRATIONS) + 1}'); os._exit(0)"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path))
    assert await killed.wait() == 0


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
    assert held_by(path) == (os.getpid(), True)
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()} is already using"):
        await Store.open(path)
    await store.commit([started()], "office")
    await store.close()
    assert holder(path) is None
    again = await Store.open(path)
    await again.close()


@pytest.mark.parametrize("take_away", [os.unlink, lambda file: file.rename(f"{file}.old")], ids=["deleted", "moved"])
async def test_a_lock_file_that_is_gone_lets_nobody_in_and_is_made_again(
    path: Path, take_away: Callable[[Path], None]
) -> None:
    store = await Store.open(path)
    take_away(files_of(path).lock)
    with pytest.raises(AlreadyRunningError, match="another process is already using"):
        await Store.open(path)
    assert not files_of(path).lock.exists()
    await store.report(store.health())
    assert held_by(path) == (os.getpid(), True)
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()} is already using"):
        await Store.open(path)
    await store.close()
    assert holder(path) is None


@pytest.mark.parametrize("link", [os.symlink, os.link])
async def test_another_name_of_the_file_is_no_other_file(
    path: Path, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    store = await Store.open(path)
    other = tmp_path / "elsewhere.db"
    link(path, other)
    with pytest.raises(AlreadyRunningError):
        await Store.open(other)
    assert holder(other) is not None
    await store.close()


async def test_a_database_behind_a_symbolic_link_is_read_with_its_log(path: Path, tmp_path: Path) -> None:
    """A killed daemon's changes stand in the log, which is beside the file and not beside the link."""
    await left_by_a_newer_daemon_that_was_killed(path)
    link = tmp_path / "link" / "calls.db"
    link.parent.mkdir()
    link.symlink_to(path)
    with pytest.raises(NotOurDatabaseError, match="a newer amibridge"):
        await Store.open(link)


async def test_whose_file_was_deleted_or_replaced_still_has_its_name(path: Path) -> None:
    store = await Store.open(path)
    assert await store.place() is Place.KEPT
    aside = path.with_name("aside.db")
    os.rename(path, aside)  # noqa: PTH104
    assert await store.place() is Place.GONE
    assert held_by(path) == (os.getpid(), False)
    shutil.copyfile(aside, path)
    assert await store.place() is Place.REPLACED
    with pytest.raises(AlreadyRunningError):
        await Store.open(path)
    os.replace(aside, path)  # noqa: PTH105
    assert await store.place() is Place.KEPT
    await store.close()


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
    asking = os.open(files_of(path).lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    asyncio.get_running_loop().call_later(0.01, os.close, asking)
    store = await Store.open(path)
    await store.close()


def test_each_reason_has_an_exit_status_of_its_own() -> None:
    errors = (StoreError, AlreadyRunningError, NotOurDatabaseError, BrokenStoreError)
    statuses = {error.exit_status for error in errors}
    assert len(statuses) == len(errors)
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
    await left_by_a_newer_daemon_that_was_killed(path)
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
    with pytest.raises(BrokenStoreError, match="is no database; is store"):
        await Store.open(no_database)
    assert everything_in(no_database.parent) == before
    with pytest.raises(BrokenStoreError, match="amibridge restore"):
        async with Archive.opened(no_database):
            pass


def damage(path: Path, table: str) -> None:
    """Makes the first page of a table no page any more. The file's own header is left as it is."""
    ((size,),) = raw(path, "PRAGMA page_size")
    pages = raw(path, f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'") or [(1,)]
    assert isinstance(size, int)
    assert isinstance(pages[0][0], int)
    with path.open("r+b") as file:
        begin = (pages[0][0] - 1) * size
        file.seek(begin or 100)
        file.write(b"\xff" * 1000)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "folder"])
async def test_what_is_no_file_is_refused_at_once(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(StoreFailedError, match=r"no regular file|Is a directory"):
        await Store.open(path)
    with pytest.raises(StoreFailedError, match=r"no regular file|Is a directory"):
        async with Archive.opened(path):
            pass


async def test_a_damaged_database_is_told_from_a_disk_that_fails(path: Path) -> None:
    """At the start, where it cannot be read, and at work, where a page turns out to be no page."""
    store = await Store.open(path)
    await store.commit([started()], "office")
    await store.close()
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    damage(copy, "sqlite_schema")
    with pytest.raises(BrokenStoreError, match="damaged"):
        await Store.open(copy)
    damage(path, "call")
    store = await Store.open(path, limits=Limits(closing=0.1))
    with pytest.raises(BrokenStoreError, match="damaged"):
        await store.known_calls("office")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(BrokenStoreError, match="damaged"):
            await store.breaks()
    await store.close()


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
    with pytest.raises(StoreFailedError, match=f"make the folder {tmp_path}/missing for the user"):
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
    with pytest.raises(StoreFailedError, match="exists; name another file, or replace it with --force"):
        await back_up(path, target)
    target.chmod(0o644)
    await back_up(path, target, force=True)
    await store.commit([opens("120")], "office")
    await store.close()
    assert raw(target, "PRAGMA integrity_check") == [("ok",)]
    assert raw(target, "SELECT count(*) FROM command") == [(2,)]
    assert target.stat().st_mode & 0o077 == 0
    assert not list(target.parent.glob("*.part"))
    opened = await Store.open(target, ["sales"])
    await opened.close()


async def test_a_copy_that_cannot_be_written_is_said(path: Path, tmp_path: Path) -> None:
    store = await Store.open(path)
    with pytest.raises(StoreFailedError, match="cannot back up"):
        await back_up(path, tmp_path / "missing" / "copy.db")
    await store.close()
