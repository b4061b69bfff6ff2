"""The calls that have not ended, as far as the store knows."""

from pathlib import Path

from amibridge.store.archive import Archive, CallStory
from amibridge.store.opening import opened_to_read

_LIVE = "SELECT call_id FROM call WHERE ended IS NULL ORDER BY began DESC, call_id DESC"


async def live_calls(database: Path) -> list[CallStory]:
    """Their stories so far, the latest first. Without a daemon they are those that were live when it ended.

    Raises NotOurDatabaseError and StoreFailedError.
    """
    async with opened_to_read(database) as connection:
        archive = Archive(connection)
        stories = [await archive.call(row["call_id"]) for row in await connection.fetch(_LIVE)]
    # One that the daemon has forgotten in between is no more.
    return [story for story in stories if story is not None]
