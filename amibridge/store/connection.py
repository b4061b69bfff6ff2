"""One connection to one SQLite file."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiosqlite

from amibridge.store.errors import StoreFailedError
from amibridge.store.statements import Statement, Value

Row = sqlite3.Row


class _Script(sqlite3.Connection):
    """Runs a whole list of statements where sqlite3 runs a script: aiosqlite carries a script to its thread in one hop,
    and single statements in one each.
    """

    def executescript(self, script: "_Begun") -> sqlite3.Cursor:  # type: ignore[override]
        cursor = self.execute("BEGIN IMMEDIATE")
        script.changes = [[cursor.executemany(one.sql, one.rows).rowcount for one in job] for job in script.jobs]
        return cursor


@dataclass(slots=True)
class _Begun:
    """What a transaction consists of. changes: how many rows each statement changed, once they have run."""

    jobs: Sequence[Sequence[Statement]]
    changes: list[list[int]] = field(default_factory=list)


class Connection:
    """The few moves of aiosqlite that the store makes; each is one hop to its thread. They raise sqlite3.Error."""

    def __init__(self, inner: aiosqlite.Connection) -> None:
        self._inner = inner

    async def run(self, sql: str) -> None:
        """One statement without rows in or out."""
        await self._inner.execute_fetchall(sql)

    async def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> int:
        """The same statement once for each row of parameters. Returns how many rows of the table it changed."""
        cursor = await self._inner.executemany(sql, rows)
        return cursor.rowcount

    async def begin(self, jobs: Sequence[Sequence[Statement]]) -> list[list[int]]:
        """Begins a transaction and carries all these out in it; COMMIT is up to the caller, and so is ROLLBACK, also
        after an error. Returns how many rows of its table each statement changed.
        """
        script = _Begun(jobs)
        await self._inner.executescript(script)
        return script.changes

    async def fetch(self, sql: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """The rows of a query with named parameters."""
        return list(await self._inner.execute_fetchall(sql, parameters or {}))

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    async def copy_to(self, target: Path) -> None:
        """Copies the database, as it is at one moment, into a file."""
        file = sqlite3.connect(target, check_same_thread=False)
        try:
            await self._inner.backup(file)
        finally:
            file.close()

    async def close(self) -> None:
        await self._inner.close()


async def connect(name: str, patience: float, *, uri: bool = False) -> Connection:
    """Opens a file, or what a URI names. patience: seconds to wait for somebody else's transaction.

    Raises StoreFailedError.
    """
    try:
        inner = await aiosqlite.connect(name, uri=uri, timeout=patience, isolation_level=None, factory=_Script)
    except sqlite3.Error as error:
        raise StoreFailedError(f"cannot open the database {name}: {error}") from error
    inner.row_factory = Row
    return Connection(inner)
