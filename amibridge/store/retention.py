"""How long calls are kept, and commands for a CRM that is gone."""

import json
from collections.abc import Collection

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
_STRANGERS = """
    SELECT DISTINCT crm FROM delivery WHERE state = 'pending' AND crm NOT IN (SELECT value FROM json_each(:crms))
"""
# A card comes too late and needs no closing; everything else is a dead letter, which an admin may still retry.
_GIVE_UP = """
    UPDATE delivery SET
        state = CASE (SELECT type FROM command WHERE command.seq = delivery.seq)
            WHEN 'card.open' THEN 'expired' WHEN 'card.close' THEN 'superseded' ELSE 'refused' END,
        error = 'this CRM is not configured any more', changed_at = ?
    WHERE crm = ? AND seq IN (
        SELECT seq FROM delivery JOIN command USING (seq)
        WHERE crm = ? AND state = 'pending' AND created_at < ? LIMIT ?
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


async def give_up(owner: Owner, crms: Collection[str], before: float, now: float) -> dict[str, int]:
    """Makes dead letters of what waits for others than these CRMs and was committed before a moment.

    before, now: seconds since the epoch. Returns how many there were, by CRM. Raises StoreFailedError.
    """
    given_up: dict[str, int] = {}
    for row in await owner.read(_STRANGERS, {"crms": json.dumps(list(crms))}):
        crm, number, changed = row["crm"], 0, AT_ONCE
        while changed == AT_ONCE:
            (changed,) = await owner.write([once(_GIVE_UP, now, crm, crm, before, AT_ONCE)])
            number += changed
        if number:
            given_up[crm] = number
    return given_up
