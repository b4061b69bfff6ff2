"""What an admin does to the outbox, beside the daemon or without one. A running daemon is told by `Outbox.stir`."""

import time
from pathlib import Path

from amibridge.store.opening import opened_by_hand
from amibridge.store.outbox import State

DROPPABLE = (State.PENDING, State.REFUSED, State.UNCLEAR)
"""What can be given up: what waits, and the dead letters."""
AT_ONCE = 500
"""Deliveries in one transaction: the daemon's own commits wait no longer than that takes."""

_RETRY = """
    UPDATE delivery SET state = 'pending', not_before = 0, error = 'to be tried again, by hand', changed_at = ?
    WHERE seq = ? AND crm = coalesce(?, crm) AND state IN ('pending', 'refused', 'unclear')
        AND seq NOT IN (SELECT seq FROM command WHERE type = 'card.open')
"""
# One that rests keeps its whole lane waiting.
_NO_MORE_REST = """
    UPDATE delivery SET not_before = 0
    WHERE state = 'pending' AND not_before > 0
        AND (crm, call_id) IN (SELECT crm, call_id FROM delivery WHERE seq = ? AND crm = coalesce(?, crm))
"""
_DROP = """
    UPDATE delivery SET state = 'superseded', error = 'dropped by hand', changed_at = ?
    WHERE seq = ? AND crm = coalesce(?, crm) AND state IN ('pending', 'refused', 'unclear')
"""
_DROP_OLDER = """
    UPDATE delivery SET state = 'superseded', error = 'dropped by hand', changed_at = ?
    WHERE crm = ? AND seq IN (
        SELECT seq FROM delivery JOIN command USING (seq) WHERE crm = ? AND state = '{}' AND created_at < ? LIMIT ?
    )
"""


async def retry(database: Path, seq: int, crm: str | None = None) -> int:
    """Lets a command be tried again at once, at one CRM or at each.

    Returns at how many. Cards are never among them: nobody wants the card of a call that is over.
    Raises NotOurDatabaseError and StoreFailedError.
    """
    async with opened_by_hand(database) as connection:
        changed = await connection.run_many(_RETRY, [(time.time(), seq, crm)])
        if changed:
            await connection.run_many(_NO_MORE_REST, [(seq, crm)])
        return changed


async def drop(database: Path, seq: int, crm: str | None = None) -> int:
    """Gives up a command that waits or is a dead letter, at one CRM or at each. Returns at how many.

    Raises NotOurDatabaseError and StoreFailedError.
    """
    async with opened_by_hand(database) as connection:
        return await connection.run_many(_DROP, [(time.time(), seq, crm)])


async def drop_older(database: Path, crm: str, before: float) -> dict[State, int]:
    """Gives up all that waits for a CRM or is a dead letter of it and was committed before a moment (seconds since the
    epoch). Returns how many of them were in which state.

    Raises NotOurDatabaseError and StoreFailedError.
    """
    dropped: dict[State, int] = {}
    async with opened_by_hand(database) as connection:
        for state in DROPPABLE:
            # SQLite takes a state's small index only where the state stands in the SQL.
            sql, changed = _DROP_OLDER.format(state.value), AT_ONCE
            while changed == AT_ONCE:
                changed = await connection.run_many(sql, [(time.time(), crm, crm, before, AT_ONCE)])
                dropped[state] = dropped.get(state, 0) + changed
    return dropped
