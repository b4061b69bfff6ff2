"""How the link to each PBX stands: kept for those who ask beside the daemon."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amibridge.store.encoding import clean_or_none
from amibridge.store.opening import opened_to_read
from amibridge.store.statements import Statement, once


@dataclass(frozen=True, slots=True)
class Link:
    """up: events come. since: when that began, or its opposite (seconds since the epoch). why, remedy: of a link that
    is down, or of one whose events are not whole, in words for an admin.
    """

    pbx: str
    up: bool
    since: float
    why: str | None = None
    remedy: str | None = None


_NONE_YET = "DELETE FROM link"
# A link that is still down is so since it was lost, although it is down for another reason now.
_NOTED = """
    INSERT INTO link (pbx, up, since, why, remedy) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET up = excluded.up, why = excluded.why, remedy = excluded.remedy,
        since = CASE WHEN up = excluded.up THEN since ELSE excluded.since END
"""
_DOUBTED = "UPDATE link SET why = ?, remedy = ? WHERE pbx = ? AND up = 1"


def none_yet() -> Statement:
    """What a new run knows of its links."""
    return once(_NONE_YET)


def noted(link: Link) -> Statement:
    """How a link stands from now on."""
    return once(_NOTED, link.pbx, link.up, link.since, clean_or_none(link.why), clean_or_none(link.remedy))


def doubted(pbx: str, why: str | None, remedy: str | None) -> Statement:
    """What is wrong with the events of a link that is up; None: nothing any more. A new connection begins without."""
    return once(_DOUBTED, why, remedy, pbx)


async def links(database: Path) -> Sequence[Link]:
    """The links of the daemon that runs, or of the last one; a PBX that it has not heard of yet is not among them.

    Raises NotOurDatabaseError and StoreFailedError.
    """
    async with opened_to_read(database) as connection:
        rows = await connection.fetch("SELECT * FROM link ORDER BY pbx")
    return [Link(row["pbx"], bool(row["up"]), row["since"], row["why"], row["remedy"]) for row in rows]
