"""What a core that starts again is told: the calls that were live, and the ids that are taken."""

from collections import defaultdict
from collections.abc import Sequence

from amibridge.calls import Known
from amibridge.store.connection import Row
from amibridge.store.owner import Owner

IDS_KEPT = 48 * 3600.0
"""Seconds after a call's end during which its linkedid may come again: an agent's login lasts a day, not two."""

_LIVE = """
    SELECT call.*, uniqueid FROM call JOIN call_channel ON call_channel.rowid = (
        SELECT max(rowid) FROM call_channel WHERE call_channel.call_id = call.call_id
    )
    WHERE call.pbx = :pbx AND ended IS NULL ORDER BY began, call.call_id
"""
_CARDS = """
    SELECT card.* FROM card JOIN call USING (call_id) WHERE pbx = :pbx AND ended IS NULL AND openings > 0
"""
_PARTICIPANTS = """
    SELECT verdict.* FROM verdict JOIN call USING (call_id)
    WHERE pbx = :pbx AND ended IS NULL AND finding = 'participant' ORDER BY verdict.rowid
"""
# What was forgotten may still live, and be heard of again.
_TAKEN = """
    SELECT call_id FROM call WHERE (ended >= :since OR how_ended = 'forgotten') AND pbx = :pbx ORDER BY ended
"""


async def known_calls(owner: Owner, pbx: str, now: float) -> list[Known]:
    """The calls of a PBX that were live and had a client's channel, oldest first; then those that are just over.

    now: the wall clock, in seconds since the epoch. Raises StoreFailedError.
    """
    cards, participants = defaultdict[str, list[Row]](list), defaultdict[str, list[Row]](list)
    for card in await owner.read(_CARDS, {"pbx": pbx}):
        cards[card["call_id"]].append(card)
    for verdict in await owner.read(_PARTICIPANTS, {"pbx": pbx}):
        participants[verdict["call_id"]].append(verdict)
    live = await owner.read(_LIVE, {"pbx": pbx})
    taken = await owner.read(_TAKEN, {"pbx": pbx, "since": now - IDS_KEPT})
    return [
        *(_known(row, cards[row["call_id"]], participants[row["call_id"]]) for row in live),
        *(Known(call_id=row["call_id"], channel="", ended=True) for row in taken),
    ]


def _known(row: Row, cards: Sequence[Row], participants: Sequence[Row]) -> Known:
    return Known(
        call_id=row["call_id"],
        channel=row["uniqueid"],
        client_raw=row["client_raw"],
        did=row["did"],
        outbound=bool(row["outbound"]),
        began_wall=row["began"],
        announced=bool(row["announced"]),
        openings={card["extension"]: card["openings"] for card in cards},
        opened_at={card["extension"]: card["opened_at"] for card in cards},
        open_cards=frozenset(card["extension"] for card in cards if card["openings"] > card["closings"]),
        participants={verdict["extension"]: verdict["wall"] for verdict in participants},
    )
