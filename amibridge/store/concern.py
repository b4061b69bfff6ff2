"""What an adapter finds that somebody should see to, as long as it lasts: kept for those who ask beside the daemon."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amibridge.store.encoding import clean
from amibridge.store.opening import opened_to_read
from amibridge.store.statements import Statement, once


@dataclass(frozen=True, slots=True)
class Concern:
    """crm: who has found it. about: the PBX or whatever else it is about; of each there is one. since: seconds since
    the epoch. what: in words for an admin, with the remedy.
    """

    crm: str
    about: str
    since: float
    what: str


_NONE_YET = "DELETE FROM concern"
# The same trouble in other words has lasted as long.
_NOTED = """
    INSERT INTO concern (crm, about, since, what) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET what = excluded.what
"""
_OVER = "DELETE FROM concern WHERE crm = ? AND about = ?"


def none_yet() -> Statement:
    """What a new run has found."""
    return once(_NONE_YET)


def noted(concern: Concern) -> Statement:
    return once(_NOTED, concern.crm, clean(concern.about), concern.since, clean(concern.what))


def over(crm: str, about: str) -> Statement:
    return once(_OVER, crm, clean(about))


async def concerns(database: Path) -> Sequence[Concern]:
    """Those of the daemon that runs, or of the last one. Raises NotOurDatabaseError and StoreFailedError."""
    async with opened_to_read(database) as connection:
        rows = await connection.fetch("SELECT * FROM concern ORDER BY crm, about")
    return [Concern(row["crm"], row["about"], row["since"], row["what"]) for row in rows]
