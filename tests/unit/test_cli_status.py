"""`amibridge status` and `amibridge backup`: what monitoring asks, and the copy that is kept."""

import asyncio
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amibridge.cli import vital
from amibridge.cli.status import CRITICAL, UNKNOWN, WARNING
from amibridge.store import Down, Result, State, Store
from amibridge.store.health import Health, decoded, encoded
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
    assert daemon.startswith(f"daemon: running, process {os.getpid()}, last commit ")
    assert link == "pbx office: connected since 2027-01-15 08:00:00 UTC"
    assert database.startswith(f"database: {tmp_path}/calls.db, 0.")
    assert live == "live calls: office 1"
    assert head.split("  ")[0] == "crm"
    assert sales.split()[:5] == ["sales", "1", "0", "0", "0"]
    assert bus.split()[:5] == ["bus", "1", "0", "0", "0"]


def test_without_a_daemon(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("status") == CRITICAL
    assert operator.lines[0] == "daemon: not running"
    assert operator.lines[-1] == ("trouble: no daemon is running on this database; start it: systemctl start amibridge")


def test_without_a_store(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("status") == CRITICAL
    assert operator.lines == [
        "daemon: not running",
        "trouble: no daemon is running on this database; start it: systemctl start amibridge",
    ]
    assert operator.err.startswith(f"there is no database {tmp_path}/calls.db; start the daemon once")


def test_what_cannot_be_told(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    operator = Operator(configuration(tmp_path, "shadwo: true"), capsysbinary)
    assert operator.types("status") == UNKNOWN
    assert "did you mean `shadow`?" in operator.err


SICK: list[tuple[dict[str, Any], str]] = [
    ({"at": -45.0}, "the daemon has said nothing for 45 s: it is stuck, or cannot write beside"),
    ({"committed": -200.0}, "nothing was committed for 200 s; see to the disk of"),
    (
        {"failing_since": 1_800_000_000.0, "reason": "database or disk is full", "waiting": 12},
        "nothing can be committed since 2027-01-15 08:00:00 UTC, and no card leaves: database or disk is full;"
        " what waits in memory: 12; see to the disk of",
    ),
    (
        {"down": [Down("sales", 1_800_000_000.0, "HTTP 503")]},
        "sales: nothing gets through to it since 2027-01-15 08:00:00 UTC: HTTP 503",
    ),
    (
        {"down": [Down("sales", 1_800_000_000.0, "HTTP 410", for_good=True)]},
        "HTTP 410; it is asked no more until the daemon is started again",
    ),
]


@pytest.mark.parametrize(("said", "told"), SICK, ids=["stuck", "uncommitted", "full", "down", "gone"])
def test_what_the_daemon_says_beside_its_store(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], said: dict[str, Any], told: str
) -> None:
    fill(tmp_path, [anchored()])
    operator = Operator(configuration(tmp_path), capsysbinary)

    async def look() -> int:
        store = await Store.open(tmp_path / "calls.db", CRMS)
        store.note_link(Link("office", True, 1800000000.0))
        await store.known_calls("office")
        health = store.health()
        # Moments are told here as seconds from now.
        shift = {name: getattr(health, name) + said[name] for name in ("at", "committed") if name in said}
        await store.report(replace(health, **(said | shift)))
        try:
            return await asyncio.to_thread(operator.types, "status")
        finally:
            await store.close()

    assert asyncio.run(look()) == CRITICAL
    (trouble,) = [line for line in operator.lines if line.startswith("trouble: ")]
    assert told in trouble


def test_a_long_report_is_read_as_it_was_written() -> None:
    down = [Down(f"crm {number}", 1.5, "why " * 200) for number in range(100)]
    health = Health(7, 1.0, 2.0, 3.0, down=down)
    read = decoded(encoded(health))
    assert read is not None
    assert [one.crm for one in read.down] == [one.crm for one in down]
    assert decoded(b"") is decoded(b"1234\n") is decoded(encoded(health)[:1000]) is None


def test_what_is_late_is_told_on_the_daemon_s_clock(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The host's clock was set while the daemon ran: ages are counted on the line that it did not move."""
    operator = Operator(configuration(tmp_path), capsysbinary)

    async def look(asked_after: float) -> int:
        now = 1_000_000.0
        store = await Store.open(tmp_path / "calls.db", CRMS, now=lambda: now)
        store.note_link(Link("office", True, 1800000000.0))
        await store.commit([started()], "office")
        now += asked_after
        await store.report(store.health())
        try:
            return await asyncio.to_thread(operator.types, "status")
        finally:
            await store.close()

    assert asyncio.run(look(500)) == 0
    (tmp_path / "calls.db").unlink()
    assert asyncio.run(look(700)) == WARNING
    assert "sales: something waits since 1970-01-12 13:46:40 UTC" in operator.out


def test_dead_letters_are_trouble_until_somebody_saw_to_them(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    fill(tmp_path, [opens(), finished()], answers=[("sales", REFUSED), ("bus", UNCLEAR)])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status") == WARNING
    assert operator.lines[-2:] == [
        "trouble: bus: 1 unclear; see amibridge outbox list --state unclear, then retry or drop",
        "trouble: sales: 1 refused; see amibridge outbox list --state refused, then retry or drop",
    ]
    assert operator.types("outbox", "drop", "1") == 0
    assert in_a_daemons_company(tmp_path, operator, "status") == 0


def test_what_waits_too_long_is_trouble(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [started()])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status", "--late", "0") == WARNING
    assert operator.lines[-1].endswith("; amibridge outbox list --crm sales says why")


def test_a_crm_that_is_configured_no_more_is_trouble(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    fill(tmp_path, [started()])
    operator = Operator(configuration(tmp_path, crm="[{name: sales, kind: mqtt}]"), capsysbinary)
    assert in_a_daemons_company(tmp_path, operator, "status") == WARNING
    assert operator.lines[-1].startswith("trouble: bus: 1 commands wait, the first since 20")
    assert operator.lines[-1].endswith(
        "; this CRM is not configured: configure it again, or amibridge outbox drop --crm bus --older 0m"
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
    assert operator.types("status") == CRITICAL
    assert operator.lines[0] == "daemon: not running"
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


def test_a_full_disk_is_told_although_there_is_no_store(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon could not even begin: to start it again would not help."""
    monkeypatch.setattr(vital, "ROOM", float("inf"))
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("status") == CRITICAL
    assert "are left on the disk of" in operator.lines[-1]
