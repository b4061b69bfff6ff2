"""What an admin does to the outbox, beside the daemon or without one. A running daemon is told by `Outbox.stir`."""

import time
from pathlib import Path

from amibridge.store.opening import opened_by_hand

_RETRY = """
    UPDATE delivery SET state = 'pending', not_before = 0, error = 'to be tried again, by hand', changed_at = ?
    WHERE seq = ? AND crm = coalesce(?, crm) AND state IN ('pending', 'refused', 'unclear')
        AND seq NOT IN (SELECT seq FROM command WHERE type = 'card.open')
"""
_DROP = """
    UPDATE delivery SET state = 'superseded', error = 'dropped by hand', changed_at = ?
    WHERE seq = ? AND crm = coalesce(?, crm) AND state IN ('pending', 'refused', 'unclear')
"""


async def retry(database: Path, seq: int, crm: str | None = None) -> int:
    """Lets a command be tried again at once, at one CRM or at each.

    Returns at how many. Cards are never among them: nobody wants the card of a call that is over.
    Raises NotOurDatabaseError and StoreFailedError.
    """
    return await _change(database, _RETRY, seq, crm)


async def drop(database: Path, seq: int, crm: str | None = None) -> int:
    """Gives up a command that waits or is a dead letter, at one CRM or at each. Returns at how many.

    Raises NotOurDatabaseError and StoreFailedError.
    """
    return await _change(database, _DROP, seq, crm)


async def _change(database: Path, sql: str, seq: int, crm: str | None) -> int:
    async with opened_by_hand(database) as connection:
        return await connection.run_many(sql, [(time.time(), seq, crm)])
