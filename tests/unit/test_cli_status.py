"""`amibridge status` and `amibridge backup`: what monitoring asks, and the copy that is kept."""

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from amibridge.store import Result, State, Store
from amibridge.store.link import Link
from tests.unit.durable import anchored, finished, opens, started
from tests.unit.operators import CRMS, REFUSED, Operator, configuration, fill

UNCLEAR = Result(State.UNCLEAR, "no answer in time")


def in_a_daemons_company(folder: Path, operator: Operator, *command: str) -> int:
    """The command's exit status while this process has the store as a daemon has it."""

    async def accompanied() -> int:
        store = await Store.open(folder / "calls.db", CRMS)
        store.note_link(Link("office", True, 1800000000.0))
        await store.known_calls("office")
        try:
            return await asyncio.to_thread(operator.types, *command)
        finally:
            await store.close()

    return asyncio.run(accompanied())


def test_all_is_well(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored(), started()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status") == 0
    daemon, link, database, live, head, sales, bus = operator.lines
    assert daemon == f"daemon: running, process {os.getpid()}"
    assert link == "pbx office: connected since 2027-01-15 08:00:00 UTC"
    assert database.startswith(f"database: {tmp_path}/calls.db, 0.")
    assert live == "live calls: office 1"
    assert head.split("  ")[0] == "crm"
    assert sales.split()[:5] == ["sales", "1", "0", "0", "0"]
    assert bus.split()[:5] == ["bus", "1", "0", "0", "0"]


def test_without_a_daemon(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("status") == 1
    assert operator.lines[0] == "daemon: not running"
    assert operator.lines[-1] == ("trouble: no daemon is running on this database; start it: systemctl start amibridge")


def test_dead_letters_are_trouble_until_somebody_saw_to_them(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    fill(tmp_path, [opens(), finished()], answers=[("sales", REFUSED), ("bus", UNCLEAR)])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status") == 1
    assert operator.lines[-2:] == [
        "trouble: bus: 1 unclear; see amibridge outbox list --state unclear, then retry or drop",
        "trouble: sales: 1 refused; see amibridge outbox list --state refused, then retry or drop",
    ]
    assert operator.types("outbox", "drop", "1") == 0
    assert in_a_daemons_company(tmp_path, operator, "status") == 0


def test_what_waits_too_long_is_trouble(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [started()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status", "--late", "0") == 1
    assert operator.lines[-1].endswith("; amibridge outbox list --crm sales says why")


def test_a_crm_that_is_configured_no_more_is_trouble(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    fill(tmp_path, [started()])
    operator = Operator(configuration(tmp_path, crm="[{name: sales, kind: mqtt}]"), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status") == 1
    assert operator.lines[-1] == (
        "trouble: bus: commands wait for it and it is not configured; configure it, or amibridge outbox drop them"
    )


def test_shadow_mode_is_told(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored()])
    operator = Operator(configuration(tmp_path, "shadow: true", crm="[]"), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status") == 0
    assert operator.lines[-1] == "shadow: cards are decided and logged, nothing is sent"


def test_a_database_of_a_newer_version(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored()])
    with sqlite3.connect(tmp_path / "calls.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("status") == 1
    assert "written by a newer amibridge (version 99" in operator.err
    assert operator.err.endswith("or use the amibridge that wrote the file\n")


def test_a_backup_beside_a_daemon(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored(), started()])
    copy = tmp_path / "copy.db"
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "backup", str(copy)) == 0
    assert operator.err == f"{copy}: {copy.stat().st_size} bytes, a copy of {tmp_path}/calls.db\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    copy.replace(tmp_path / "calls.db")
    assert operator.types("calls", "--live") == 0
    assert len(operator.lines) == 2


@pytest.mark.parametrize("name", ["calls.db", "calls.db-wal", "calls.db.lock", "../{here}/calls.db"])
def test_a_backup_never_replaces_the_store(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], name: str
) -> None:
    fill(tmp_path, [anchored()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    target = f"{tmp_path}/{name.format(here=tmp_path.name)}"
    assert operator.types("backup", target) == 1
    assert operator.err == f"{target} is the store itself; name another file\n"
    assert operator.types("calls") == 0


def test_a_backup_that_cannot_be_written(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("backup", str(tmp_path)) == 1
    assert operator.err == f"{tmp_path} is a folder; name a file in it\n"
    assert operator.types("backup", str(tmp_path / "none" / "copy.db")) == 1
    assert operator.err.startswith(f"cannot back up to {tmp_path}/none/copy.db: ")
