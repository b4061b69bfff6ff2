"""`amibridge backup` and `amibridge restore`: what a copy never replaces or follows, what never becomes the store."""

import asyncio
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from amibridge.store import Archive, Store
from amibridge.store.connection import connect
from amibridge.store.files import beside, files_of
from amibridge.store.migrations import MIGRATIONS, migrate
from tests.unit.durable import CALL, anchored, opens, started
from tests.unit.operators import CRMS, Operator, configuration, fill
from tests.unit.test_store_opening import damage, raw


@pytest.fixture
def operator(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Operator:
    """One call stands in the store."""
    fill(tmp_path, [anchored(), started(), opens()])
    return Operator(configuration(tmp_path), capsysbinary)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


@pytest.fixture
def copy(operator: Operator, tmp_path: Path) -> Path:
    file = tmp_path / "copies" / "copy.db"
    file.parent.mkdir()
    assert operator.types("backup", str(file)) == 0
    return file


def calls(database: Path) -> list[str]:
    return [str(call) for (call,) in raw(database, "SELECT call_id FROM call ORDER BY call_id")]


def owner_and_mode(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def a_null_device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [a_null_device, a_dangling_link, os.mkfifo], ids=lambda make: make.__name__)
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_backup_leaves_alone_what_is_no_file(
    tmp_path: Path, operator: Operator, make: Callable[[Path], None], force: list[str]
) -> None:
    target = tmp_path / "target"
    try:
        make(target)
    except PermissionError:
        pytest.skip("only root makes devices")
    before = target.lstat()
    assert operator.types("backup", *force, str(target)) == 1
    assert operator.err == f"{target} is no regular file; name another one\n"
    assert (target.lstat().st_mode, target.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert not (tmp_path / "nowhere").exists()


def test_a_backup_follows_nothing_that_was_laid_for_it(tmp_path: Path, operator: Operator) -> None:
    prey = tmp_path / "prey"
    prey.write_text("precious")
    (tmp_path / "copy.db.part").symlink_to(prey)
    assert operator.types("backup", str(tmp_path / "copy.db")) == 0
    assert prey.read_text() == "precious"
    assert (tmp_path / "copy.db.part").is_symlink()


def test_a_backup_replaces_a_file_only_when_it_is_told_to(tmp_path: Path, operator: Operator) -> None:
    target = tmp_path / "copy.db"
    target.write_text("yesterday's")
    target.chmod(0o666)
    assert operator.types("backup", str(target)) == 1
    assert operator.err == f"{target} exists; name another file, or replace it with --force\n"
    assert target.read_text() == "yesterday's"
    assert operator.types("backup", "--force", str(target)) == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert calls(target) == [CALL]


def test_a_name_that_no_file_can_have_is_said(tmp_path: Path, operator: Operator) -> None:
    target = tmp_path / ("x" * 300)
    assert operator.types("backup", str(target)) == 1
    assert operator.err == f"{target}: File name too long\n"


def test_a_copy_takes_the_place_and_what_was_there_is_kept(
    tmp_path: Path, operator: Operator, database: Path, copy: Path
) -> None:
    fill(tmp_path, [anchored("office:2.2", "2.2"), started("office:2.2")])
    before = copy.read_bytes()
    assert operator.types("restore", str(copy)) == 0
    restored, waiting = operator.err.splitlines()
    kept = Path(restored.rpartition(" ")[2])
    assert restored == f"{database}: {copy}, with 1 calls; what was there is kept as {kept}"
    assert waiting == "4 commands waited when it was copied: the daemon will send them"
    assert calls(database) == [CALL]
    assert calls(kept) == [CALL, "office:2.2"]
    assert copy.read_bytes() == before
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.glob("calls.db*")) == ["calls.db", kept.name, "calls.db.lock"]


def test_the_log_of_a_killed_daemon_does_not_come_over_the_copy(
    tmp_path: Path, operator: Operator, database: Path, copy: Path
) -> None:
    """Taken for the copy's own it makes it malformed; with what was there it is worth keeping."""
    work, aside = tmp_path / "killed", tmp_path / "aside"
    work.mkdir()
    aside.mkdir()

    async def killed() -> None:
        store = await Store.open(database, CRMS)
        for number in range(50):
            await store.commit([anchored(f"office:{number}", str(number))], "office")
        # As a daemon that is killed leaves them.
        for file in (database, files_of(database).log):
            shutil.copyfile(file, aside / file.name)
        await store.close()

    asyncio.run(killed())
    for file in aside.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    assert files_of(database).log.stat().st_size > 0
    assert operator.types("restore", str(copy)) == 0
    kept = Path(operator.err.splitlines()[0].rpartition(" ")[2])
    assert beside(kept, "-wal").exists()
    assert not files_of(database).log.exists()
    assert raw(database, "PRAGMA integrity_check") == [("ok",)]
    assert calls(database) == [CALL]
    assert len(calls(kept)) == 51


def test_a_copy_that_was_made_with_cp_is_taken_with_its_log(tmp_path: Path, operator: Operator, database: Path) -> None:
    copy = tmp_path / "copies" / "cp.db"
    copy.parent.mkdir()

    async def copied() -> None:
        store = await Store.open(database, CRMS)
        await store.commit([anchored("office:2.2", "2.2")], "office")
        shutil.copyfile(database, copy)
        shutil.copyfile(files_of(database).log, beside(copy, "-wal"))
        await store.close()

    asyncio.run(copied())
    database.unlink()
    assert operator.types("restore", str(copy)) == 0
    assert "kept" not in operator.err
    assert calls(database) == [CALL, "office:2.2"]
    assert beside(copy, "-wal").exists()


def test_while_a_daemon_runs_nothing_is_restored(operator: Operator, database: Path, copy: Path) -> None:
    async def accompanied(deleted: bool) -> int:
        store = await Store.open(database, CRMS)
        if deleted:
            await asyncio.to_thread(database.unlink)
        try:
            return await asyncio.to_thread(operator.types, "restore", str(copy))
        finally:
            await store.close()

    for deleted in (False, True):
        assert asyncio.run(accompanied(deleted)) == 3
        assert operator.err == (
            f"process {os.getpid()} is already using {database}; stop it first: systemctl stop amibridge\n"
        )
    assert not list(database.parent.glob("*.part*"))


def newer(copy: Path) -> None:
    raw(copy, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def foreign(copy: Path) -> None:
    copy.unlink()
    raw(copy, "CREATE TABLE theirs (a)")


def nonsense(copy: Path) -> None:
    copy.write_text("nothing like a database\n" * 20)


def empty(copy: Path) -> None:
    copy.write_bytes(b"")


def damaged(copy: Path) -> None:
    raw(copy, "PRAGMA journal_mode = DELETE")
    damage(copy, "command_call")


def amputated(copy: Path) -> None:
    raw(copy, "DROP TABLE verdict")


def orphaned(copy: Path) -> None:
    raw(copy, "PRAGMA foreign_keys = OFF", "DELETE FROM call")


BAD = [
    (newer, 4, "was written by a newer amibridge"),
    (foreign, 4, "is another program's database"),
    (nonsense, 5, "is no database"),
    (empty, 5, "is empty"),
    (damaged, 5, "damaged"),
    (amputated, 5, "lacks verdict"),
    (orphaned, 5, "something belongs to a call that is not in it"),
]


@pytest.mark.parametrize(("spoil", "status", "why"), BAD, ids=lambda part: getattr(part, "__name__", ""))
def test_a_bad_copy_changes_nothing(
    operator: Operator, database: Path, copy: Path, spoil: Callable[[Path], None], status: int, why: str
) -> None:
    spoil(copy)
    before = {file.name: file.read_bytes() for file in database.parent.glob("calls.db*")}
    assert operator.types("restore", str(copy)) == status
    assert str(copy) in operator.err
    assert why in operator.err
    assert "store.path" not in operator.err
    assert {file.name: file.read_bytes() for file in database.parent.glob("calls.db*")} == before


def test_a_copy_of_an_older_version_is_taken(operator: Operator, database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "old.db"

    async def make() -> None:
        connection = await connect(str(copy), 1.0)
        await migrate(connection, MIGRATIONS[:1])
        await connection.close()

    asyncio.run(make())
    assert operator.types("restore", str(copy)) == 0
    fill(tmp_path, [anchored()])
    assert calls(database) == [CALL]


@pytest.mark.parametrize("name", ["calls.db", "calls.db-wal", "none.db", "folder"])
def test_what_is_no_copy_is_refused(operator: Operator, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert operator.types("restore", str(tmp_path / name)) == 1
    assert operator.err.startswith(str(tmp_path / name))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("empty_place", [False, True])
def test_restored_by_root_it_belongs_to_whom_it_belonged(
    operator: Operator, database: Path, copy: Path, empty_place: bool
) -> None:
    os.chown(database.parent, 1234, 1234)
    os.chown(database, 1234, 1234)
    if empty_place:
        for file in database.parent.glob("calls.db*"):
            file.unlink()
    assert operator.types("restore", str(copy)) == 0
    assert owner_and_mode(database) == (1234, 1234, 0o600)
    assert owner_and_mode(files_of(database).lock)[:2] == (1234, 1234)


async def test_a_link_to_the_store_stays_a_link(operator: Operator, database: Path, copy: Path) -> None:
    real = database.parent / "elsewhere"
    await asyncio.to_thread(real.mkdir)
    await asyncio.to_thread(database.rename, real / "real.db")
    await asyncio.to_thread(database.symlink_to, real / "real.db")
    assert await asyncio.to_thread(operator.types, "restore", str(copy)) == 0
    assert await asyncio.to_thread(database.is_symlink)
    async with Archive.opened(database) as archive:
        assert [call.call_id for call in await archive.calls()] == [CALL]
