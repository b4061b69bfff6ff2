"""What a real daemon says when its disk, its file or its CRM fails: to the log, systemd and `amibridge status`."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from amibridge.cli.status import CRITICAL, WARNING
from amibridge.store.files import files_of
from tests.unit.daemon_process import PATIENCE, Daemon, Systemd, daemon, listening
from tests.unit.manager_server import ManagerServer, served
from tests.unit.operators import Operator, configuration
from tests.unit.test_daemon_life import CALL, calls_in, connected
from tests.unit.webhook_receiver import receiving


@dataclass
class Ward:
    """A daemon that is watched."""

    config: Path
    operator: Operator
    pbx: ManagerServer
    systemd: Systemd
    running: Daemon

    @property
    def database(self) -> Path:
        return self.config.parent / "calls.db"

    async def is_well(self) -> bool:
        """Asks until nothing is wrong."""
        return await self.status("daemon: running", until=0) == 0

    async def status(self, told: str, until: int | None = None) -> int:
        """Asks until this is told. Returns the exit status."""
        for _ in range(100):
            exit_status = await asyncio.to_thread(self.operator.types, "status")
            if told in self.operator.out and until in (None, exit_status):
                return exit_status
            await asyncio.sleep(0.1)
        raise AssertionError(f"never told {told}, but {self.operator.out}{self.operator.err}")


@asynccontextmanager
async def watched(
    folder: Path, capture: pytest.CaptureFixture[bytes], crm: str = "[]", where: Path | None = None
) -> AsyncIterator[Ward]:
    """where: the folder of the store."""
    async with served() as pbx, listening(folder / "notify") as systemd:
        config = configuration(folder, port=pbx.port, crm=crm)
        if where is not None:
            config.write_text(config.read_text().replace("calls.db", f"{where}/calls.db"))
        async with daemon(config, {"NOTIFY_SOCKET": str(folder / "notify")}) as running:
            await connected(pbx, running)
            yield Ward(config, Operator(config, capture), pbx, systemd, running)


async def test_a_file_that_is_deleted_or_replaced_is_said_everywhere(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async with watched(tmp_path, capsysbinary) as ward:
        assert await ward.is_well()
        aside = tmp_path / "aside.db"
        os.rename(ward.database, aside)  # noqa: PTH104
        assert await ward.status("is no longer") == CRITICAL
        assert "there is no database" in ward.operator.err
        await ward.running.says("event=store.file_gone", "restore the last backup")
        await ward.systemd.hears_like("STATUS=the store's file was deleted or moved away")
        shutil.copyfile(aside, ward.database)
        assert await ward.status("is no longer") == CRITICAL
        await ward.running.says("event=store.file_replaced")
        os.replace(aside, ward.database)  # noqa: PTH105
        await ward.running.says("event=store.file_back")
        assert await ward.is_well()
        assert await ward.running.stops() == 0


async def test_a_deleted_lock_file_lets_no_second_daemon_in(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async with watched(tmp_path, capsysbinary) as ward:
        files_of(ward.database).lock.unlink()
        async with daemon(ward.config) as second:
            assert await second.ends() == 3
        assert await ward.status(f"daemon: running, process {ward.running.pid}", until=0) == 0
        assert await ward.running.stops() == 0


async def test_a_crm_that_is_down_is_known_at_once(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda delivered: web.Response(status=503)
        crm = f"[{{name: sales, kind: webhook, url: '{receiver.url}'}}]"
        async with watched(tmp_path, capsysbinary, crm) as ward:
            ward.pbx.links[-1].send(*map(calls_in, range(4)))
            await ward.running.says("event=crm.down", "crm=sales")
            assert await ward.status("sales: nothing gets through to it since 20") == CRITICAL
            assert "HTTP 503" in ward.operator.out
            await ward.systemd.hears_like("STATUS=sales: down: ")
            receiver.answer = lambda delivered: web.Response(status=204)
            assert await asyncio.to_thread(ward.operator.types, "outbox", "retry", "1") == 0, ward.operator.err
            await ward.running.says("event=crm.up")
            await ward.systemd.hears_like("STATUS=all is well")
            assert await ward.is_well()
            assert await ward.running.stops() == 0


async def test_a_crm_that_wants_no_more_is_known_at_once(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda delivered: web.Response(status=410)
        crm = f"[{{name: sales, kind: webhook, url: '{receiver.url}'}}]"
        async with watched(tmp_path, capsysbinary, crm) as ward:
            ward.pbx.links[-1].send(calls_in(1))
            await ward.running.says("event=crm.gone", "crm=sales")
            assert await ward.status("; it is asked no more until the daemon is started again") == CRITICAL
            assert await asyncio.to_thread(ward.operator.types, "outbox", "retry", "1") == 0
            assert ward.operator.err.startswith("sales is asked no more until the daemon is started again: ")
            assert await ward.running.stops() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a full disk needs a small tmpfs, which cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill_up(folder: Path) -> None:
    """Leaves no byte."""
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


async def test_a_full_disk_is_known_at_once_and_that_it_is_over(
    tmp_path: Path, small_disk: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async with watched(tmp_path, capsysbinary, where=small_disk) as ward:
        assert await ward.is_well()
        fill_up(small_disk)
        assert await ward.status("0.0 MiB are left on the disk") == WARNING
        ward.pbx.links[-1].send(*map(calls_in, range(100)))
        await ward.running.says("event=store.waiting")
        assert await ward.status("nothing can be committed since 20") == CRITICAL
        assert "database or disk is full" in ward.operator.out
        await ward.systemd.hears_like("STATUS=nothing can be committed, no card leaves: ")
        (small_disk / "ballast").unlink()
        await ward.running.says("event=store.recovered")
        assert await ward.is_well()
        assert await ward.running.stops() == 0


async def test_a_disk_for_reading_only(
    tmp_path: Path, small_disk: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It ends with 1: mounted for writing again, another start mends it. What is kept can be read all the same."""
    async with watched(tmp_path, capsysbinary, where=small_disk) as ward:
        ward.pbx.links[-1].send(*CALL)
        await ward.running.says("event=card.open")
        assert await ward.running.stops() == 0
    remounting = await asyncio.create_subprocess_exec("mount", "-o", "remount,ro", str(small_disk))
    assert await remounting.wait() == 0
    async with daemon(ward.config) as running:
        assert await running.ends() == 1
        assert "Read-only file system" in running.log[-1]
        assert f"mount the file system of {small_disk} for writing" in running.log[-1]
    assert await asyncio.to_thread(ward.operator.types, "calls") == 0, ward.operator.err
    assert "79031234504" in ward.operator.out
    assert await ward.status("no daemon is running") == CRITICAL


async def test_what_is_no_database_ends_with_5_and_is_not_touched(tmp_path: Path) -> None:
    config = configuration(tmp_path, crm="[]")
    (tmp_path / "calls.db").write_text("numbers:\n  region: RU\n" * 20)
    before = (tmp_path / "calls.db").read_bytes()
    async with daemon(config) as running:
        assert await running.ends() == 5
        assert f"{tmp_path}/calls.db is no database" in running.log[-1]
        assert "amibridge restore" in running.log[-1]
    assert (tmp_path / "calls.db").read_bytes() == before


async def test_a_database_that_is_damaged_at_work_ends_with_5(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Another file's bytes come into the open one, as `cp` brings them."""
    async with watched(tmp_path, capsysbinary) as ward:
        with sqlite3.connect(ward.database, isolation_level=None) as other:
            ((page,),) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'call'")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        with ward.database.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
        ward.pbx.links[-1].send(*CALL)
        assert await ward.running.ends(within=2 * PATIENCE) == 5
        assert "the database is damaged" in ward.running.log[-1]
