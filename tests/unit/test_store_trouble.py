"""A disk that is slow, locked, full or broken: events go on, nothing is sent or lost, and it ends by itself."""

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from structlog.testing import capture_logs

from amibridge.calls import Output
from amibridge.store import Archive, Limits, Saved, Store, StoreFailedError
from amibridge.store.connection import Connection
from amibridge.store.opening import open_to_own
from tests.unit.durable import PATIENCE, Crm, delivering, ended, opens, started

IMPATIENT = Limits(prompt=0.1, waiting=10, closing=0.1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


class Disk:
    """A disk that a test can make slow or broken. Opens connections to it."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.error: sqlite3.Error | None = None
        self.refusals = 0
        self.refused = asyncio.Event()

    async def open(self, path: Path) -> Connection:
        opened = await open_to_own(path)
        return _OnDisk(opened._inner, self)


class _OnDisk(Connection):
    def __init__(self, inner: aiosqlite.Connection, disk: Disk) -> None:
        super().__init__(inner)
        self._disk = disk

    async def run(self, sql: str) -> None:
        if sql == "COMMIT":
            await self._disk.ready.wait()
            if self._disk.error is not None:
                self._disk.refusals += 1
                self._disk.refused.set()
                raise self._disk.error
        await super().run(sql)


@asynccontextmanager
async def opened(path: Path, disk: Disk | None = None, limits: Limits = IMPATIENT) -> AsyncIterator[Store]:
    store = await Store.open(path, ["crm"], limits=limits, connect=open_to_own if disk is None else disk.open)
    await written(store)
    try:
        yield store
    finally:
        await store.close()


async def written(store: Store) -> None:
    """Waits until nothing waits."""
    news = asyncio.Event()
    async with asyncio.timeout(PATIENCE):
        with store.outbox.listening(news):
            while store.waiting:
                news.clear()
                await news.wait()
        await store.outbox.pending()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else's transaction."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def keys(path: Path) -> list[str]:
    async with Archive.opened(path) as archive:
        return [line.key for line in await archive.outbox(limit=100_000)]


def events(logs: Sequence[Any]) -> list[str]:
    return [entry["event"] for entry in logs if entry["event"].startswith("store.")]


async def test_a_slow_commit_keeps_nobody_waiting(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk) as store:
        disk.ready.clear()
        with capture_logs() as logs:
            assert await store.commit([started("office:1.1")], "office") is Saved.WAITING
            assert await store.commit([started("office:2.2")], "office") is Saved.WAITING
            assert await store.commit([], "office") is Saved.WAITING
            assert store.waiting == 2
            disk.ready.set()
            await written(store)
            assert await store.commit([started("office:3.3")], "office") is Saved.DURABLE
        assert await keys(path) == [f"office:{n}.{n}/call.started" for n in (1, 2, 3)]
    assert events(logs) == ["store.waiting", "store.recovered"]


async def test_while_the_store_is_in_trouble_a_commit_returns_at_once(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk, Limits(prompt=0.1, waiting=1000)) as store:
        disk.ready.clear()
        await store.commit([started()], "office")
        for number in range(100):
            with pytest.raises(StopIteration) as returned:
                store.commit([started(f"office:{number}")], "office").send(None)
            assert returned.value.value is Saved.WAITING
        disk.ready.set()


async def test_a_locked_database_loses_nothing_and_recovers_by_itself(path: Path) -> None:
    calls = [f"office:{n}.1" for n in range(8)]
    async with opened(path) as store:
        with capture_logs() as logs:
            with locked(path):
                for call in calls:
                    assert await store.commit([started(call)], "office") is Saved.WAITING
                assert await keys(path) == []
            await written(store)
            assert await store.commit([], "office") is Saved.DURABLE
        assert await keys(path) == [f"{call}/call.started" for call in calls]
    assert events(logs) == ["store.waiting", "store.recovered"]
    assert logs[0]["reason"].startswith(("database is locked", "a commit takes longer"))


async def test_no_card_leaves_before_it_is_committed(path: Path) -> None:
    crm = Crm()
    async with delivering(path, crm) as world:
        with locked(path):
            assert await world.store.commit([opens("134")], "office") is Saved.WAITING
            assert await world.store.commit([opens("120")], "office") is Saved.WAITING
            assert crm.sent == []
        await crm.came.wait()
        await world.rest()
        assert await world.states() == {"134/card.open": "done", "120/card.open": "done"}


async def test_what_was_sent_is_not_sent_again_while_its_result_cannot_be_recorded(path: Path) -> None:
    crm = Crm()
    crm.hold.clear()
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await crm.came.wait()
        with locked(path):
            crm.hold.set()
            assert await world.store.commit([started("office:2.2")], "office") is Saved.WAITING
            assert crm.types() == ["134/card.open"]
        await written(world.store)
        await world.rest()
        assert crm.types() == ["134/card.open", "office:2.2/call.started"]


async def test_at_the_bound_the_caller_is_told_to_stop_reading(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk) as store:
        disk.ready.clear()
        with capture_logs() as logs:
            for _ in range(9):
                assert await store.commit([started()], "office") is Saved.WAITING
            assert await store.commit([started()], "office") is Saved.FULL
            assert await store.commit([], "office") is Saved.FULL
            waiting_for_room = asyncio.create_task(store.room())
            await asyncio.sleep(0)
            assert not waiting_for_room.done()
            disk.ready.set()
            await waiting_for_room
            await written(store)
            assert await store.commit([], "office") is Saved.DURABLE
            await store.room()
    assert events(logs) == ["store.waiting", "store.full", "store.recovered"]


async def test_a_second_spell_of_trouble_is_said_again(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk) as store:
        with capture_logs() as logs:
            for _ in range(2):
                disk.ready.clear()
                await store.commit([started()], "office")
                disk.ready.set()
                await written(store)
                # The commit that was late does not count as prompt itself.
                await store.commit([started()], "office")
                await written(store)
    assert events(logs) == ["store.waiting", "store.recovered"] * 2


async def test_a_disk_that_fails_is_asked_again(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk) as store:
        disk.error = sqlite3.OperationalError("disk I/O error")
        with capture_logs() as logs:
            assert await store.commit([started()], "office") is Saved.WAITING
            async with asyncio.timeout(PATIENCE):
                while disk.refusals < 3:
                    disk.refused.clear()
                    await disk.refused.wait()
            disk.error = None
            await written(store)
        assert len(await keys(path)) == 1
    assert [entry.get("reason") for entry in logs if entry["event"] == "store.waiting"] == ["disk I/O error"]


async def test_a_caller_that_is_cancelled_loses_nothing(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk, Limits()) as store:
        disk.ready.clear()
        caller = asyncio.create_task(store.commit([started()], "office"))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])
        assert caller.cancelled()
        disk.ready.set()
        await written(store)
        assert len(await keys(path)) == 1


async def test_outputs_that_no_database_can_hold_fail_alone(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk, Limits()) as store:
        disk.ready.clear()
        first: list[Output] = [started("office:1.1")]
        bad: list[Output] = [replace(started("office:2.2"), at=2**70)]
        last: list[Output] = [started("office:3.3")]
        commits = [asyncio.create_task(store.commit(outputs, "office")) for outputs in (first, first, bad, last)]
        await asyncio.sleep(0)
        disk.ready.set()
        with capture_logs() as logs:
            results = await asyncio.gather(*commits, return_exceptions=True)
        assert isinstance(results.pop(2), StoreFailedError)
        assert results == [Saved.DURABLE] * 3
        assert store.waiting == 0
        assert await keys(path) == ["office:1.1/call.started", "office:3.3/call.started"]
    assert "store.refused" in events(logs)


async def test_stopping_writes_what_waits(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk, Limits(prompt=0.1)) as store:
        disk.ready.clear()
        await store.commit([started()], "office")
        disk.ready.set()
    assert len(await keys(path)) == 1


async def test_stopping_on_a_broken_disk_ends_and_says_what_is_lost(path: Path) -> None:
    disk = Disk()
    with capture_logs() as logs:
        async with opened(path, disk) as store:
            disk.error = sqlite3.OperationalError("disk I/O error")
            await store.commit([started(), opens()], "office")
    assert [entry["outputs"] for entry in logs if entry["event"] == "store.lost"] == [2]


async def test_a_daemon_starts_on_a_database_that_is_locked(path: Path) -> None:
    async with opened(path):
        pass
    with locked(path):
        store = await Store.open(path, ["crm"], limits=IMPATIENT)
        assert await store.commit([started()], "office") is Saved.WAITING
    await written(store)
    assert len(await keys(path)) == 1
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a full disk needs a small tmpfs, which cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def fill(store: Store, call_ids: Iterator[str]) -> tuple[list[str], Saved]:
    """Calls with long records until the store has trouble with them."""
    said = []
    for call in call_ids:
        said.append(call)
        saved = await store.commit([started(call), ended(call, note="x" * 20_000)], "office")
        if saved is not Saved.DURABLE:
            return said, saved
    raise AssertionError("this disk is never full")


async def test_a_full_disk_loses_nothing_and_recovers_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "amibridge.db"
    limits = Limits(prompt=1.0, waiting=1000)
    call_ids = (f"office:{number}.1" for number in range(1000))
    async with opened(path, limits=limits) as store:
        with capture_logs() as logs:
            filled, saved = await fill(store, call_ids)
            assert saved is Saved.WAITING
            for call, _ in zip(call_ids, range(20), strict=False):
                filled.append(call)
                assert await store.commit([started(call), ended(call)], "office") is Saved.WAITING
            remounting = await asyncio.create_subprocess_exec("mount", "-o", "remount,size=16m", str(small_disk))
            assert await remounting.wait() == 0
            await written(store)
            assert await store.commit([started("office:last")], "office") is Saved.DURABLE
        assert await keys(path) == [f"{call}/call.started" for call in [*filled, "office:last"]]
    assert events(logs) == ["store.waiting", "store.recovered"]
    assert "full" in logs[0]["reason"]


async def test_of_one_read_only_what_no_database_can_hold_is_refused(path: Path) -> None:
    """At once, and after a disk that refused everything for a while."""
    disk = Disk()
    bad = replace(started("office:2.2"), at=2**70)
    async with opened(path, disk, Limits(prompt=0.1)) as store:
        with capture_logs() as logs:
            with pytest.raises(StoreFailedError):
                await store.commit([started("office:1.1"), bad, started("office:3.3")], "office")
            disk.ready.clear()
            for chunk in ([started("office:4.4"), bad], [started("office:5.5")]):
                assert await store.commit(chunk, "office") is Saved.WAITING
            disk.ready.set()
            await written(store)
            assert store.waiting == 0
        assert await keys(path) == [f"office:{n}.{n}/call.started" for n in (1, 3, 4, 5)]
    assert events(logs).count("store.refused") == 2


@pytest.mark.parametrize("error", [RuntimeError("ours"), KeyError("ours"), TypeError("ours")], ids=repr)
async def test_the_task_that_owns_the_store_survives_any_exception_and_says_so(path: Path, error: Exception) -> None:
    disk = Disk()
    async with opened(path, disk, Limits()) as store:
        disk.error = error  # type: ignore[assignment]
        with capture_logs() as logs:
            with pytest.raises(StoreFailedError):
                await store.commit([started("office:1.1")], "office")
            disk.error = None
            assert await store.commit([started("office:2.2")], "office") is Saved.DURABLE
        assert await keys(path) == ["office:2.2/call.started"]
    assert [(entry["event"], "ours" in entry["error"]) for entry in logs] == [("store.refused", True)]


async def test_a_fault_in_the_bookkeeping_of_the_store_costs_one_job(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path, limits=Limits()) as store:
        with capture_logs() as logs:
            monkeypatch.setattr(store._owner._connection, "fetch", lambda *arguments: None)
            with pytest.raises(StoreFailedError):
                await store.outbox.pending()
            monkeypatch.undo()
            monkeypatch.setattr(store._owner._connection, "begin", lambda *arguments: None)
            with pytest.raises(StoreFailedError):
                await store.commit([started("office:1.1")], "office")
            monkeypatch.undo()
            assert store.waiting == 0
            assert await store.commit([started("office:2.2")], "office") is Saved.DURABLE
            assert await store.outbox.pending() == {"crm": 1}
        assert await keys(path) == ["office:2.2/call.started"]
    assert set(events(logs)) == {"store.fault", "store.refused"}


async def test_a_moment_without_memory_is_no_fault_of_what_is_written(path: Path) -> None:
    disk = Disk()
    async with opened(path, disk) as store:
        disk.error = MemoryError()  # type: ignore[assignment]
        with capture_logs() as logs:
            assert await store.commit([started("office:1.1")], "office") is Saved.WAITING
            disk.error = None
            await written(store)
        assert await keys(path) == ["office:1.1/call.started"]
    assert events(logs)[0] == "store.waiting"
