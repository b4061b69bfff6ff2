"""Which cards a CRM shows, as far as this store knows: an adapter that starts again believes nothing else."""

import structlog

from amibridge.calls import Command
from amibridge.calls.faults import place
from amibridge.store.outbox import command_of
from amibridge.store.owner import Owner

log = structlog.get_logger(__name__)

# What the CRM has taken and was not told to close since. Only calls that live or ended lately can have such a card.
_SHOWN = """
    SELECT card.* FROM command AS card JOIN delivery AS shown ON shown.seq = card.seq AND shown.crm = :crm
    WHERE card.call_id IN (
            SELECT call_id FROM call WHERE ended IS NULL UNION ALL SELECT call_id FROM call WHERE ended >= :since
        )
        AND card.type = 'card.open' AND shown.state = 'done' AND card.created_at >= :since
        AND NOT EXISTS (
            SELECT 1 FROM command AS closing JOIN delivery AS told ON told.seq = closing.seq AND told.crm = :crm
            WHERE closing.call_id = card.call_id AND closing.extension = card.extension AND closing.seq > card.seq
                AND closing.type = 'card.close' AND told.state != 'pending'
        )
    ORDER BY card.seq
"""


async def shown_cards(owner: Owner, crm: str, seconds: float, now: float) -> list[tuple[Command, float]]:
    """The `card.open` commands of the last so many seconds whose cards a CRM shows, and how long ago each was
    committed, in seconds; oldest first. now: the host's clock. Raises StoreFailedError.
    """
    shown = []
    for row in await owner.read(_SHOWN, {"crm": crm, "since": now - seconds}):
        try:
            shown.append((command_of(row), max(0.0, now - row["created_at"])))
        except (ValueError, TypeError) as error:
            log.error("outbox.unreadable", crm=crm, key=row["key"], error=place(error))
    return shown
