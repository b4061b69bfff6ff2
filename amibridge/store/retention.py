"""How long calls are kept."""

from amibridge.store.owner import Owner
from amibridge.store.statements import once

AT_ONCE = 200
"""Calls in one transaction: the events' own commits wait no longer than that takes."""

# With a call go its channels, cards, verdicts, commands, deliveries and memories.
_FORGET = """
    DELETE FROM call WHERE call_id IN (
        SELECT call_id FROM call
        WHERE ended < ? AND NOT EXISTS (
            SELECT 1 FROM command JOIN delivery USING (seq)
            WHERE command.call_id = call.call_id AND state IN ('pending', 'sending')
        )
        LIMIT ?
    )
"""


async def forget(owner: Owner, before: float) -> int:
    """Deletes the calls that ended before a moment (seconds since the epoch), unless a CRM still has to be told.

    Returns how many. Raises StoreFailedError.
    """
    forgotten = 0
    while True:
        (deleted,) = await owner.write([once(_FORGET, before, AT_ONCE)])
        forgotten += deleted
        if deleted < AT_ONCE:
            return forgotten
