"""Whether the daemon lives and can keep what it decides: told by its locks and by what it says beside the store, not by
the store, which may be what ails."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from amibridge.cli.printing import utc

if TYPE_CHECKING:
    from amibridge.store import Holder

STUCK = 30.0
"""Seconds without a word of the daemon's, which says something every ten."""
UNCOMMITTED = 90.0
"""Seconds without a commit; the daemon makes one of its own after half a minute."""
ROOM = 16 * 2**20
"""Bytes on the store's disk, below which it is as good as full: SQLite's log alone grows by some."""


def shown(daemon: "Holder | None") -> str:
    """The daemon in a line."""
    if daemon is None:
        return "daemon: not running"
    if daemon.health is None:
        return "daemon: running"
    committed = _seconds_since(daemon.health.committed)
    return f"daemon: running, process {daemon.health.pid}, last commit {committed:.0f} s ago"


def present(daemon: "Holder | None") -> float:
    """Now, on the line of time that the commands' ages are counted on: the daemon's goes on while a clock is set."""
    if daemon is None or daemon.health is None:
        return time.time()
    return daemon.health.now + _seconds_since(daemon.health.at)


def deadly(daemon: "Holder | None", database: Path) -> Iterator[str]:
    """What keeps cards from coming, and what to do. `database` is where the configuration says it is."""
    from amibridge.store.errors import PUT_BACK

    if daemon is None:
        yield "no daemon is running on this database; start it: systemctl start amibridge"
        return
    if not daemon.has_this_file:
        yield (
            f"the file that the daemon writes is no longer {database}, which was deleted, moved or replaced: what it"
            f" writes is lost when it ends; {PUT_BACK}"
        )
    health = daemon.health
    if health is None:
        yield "the daemon does not say how it is doing: its log says more"
        return
    silent, uncommitted = _seconds_since(health.at), _seconds_since(health.committed)
    if silent > STUCK:
        yield f"the daemon has said nothing for {silent:.0f} s: it is stuck, or cannot write beside {database}"
    if health.failing_since is not None:
        yield (
            f"nothing can be committed since {utc(health.failing_since)} UTC, and no card leaves: {health.reason};"
            f" what waits in memory: {health.waiting}; see to the disk of {database.parent}"
        )
    elif uncommitted > UNCOMMITTED:
        yield f"nothing was committed for {uncommitted:.0f} s; see to the disk of {database.parent}"
    for one in health.down:
        ends = "; it is asked no more until the daemon is started again" if one.for_good else ""
        yield f"{one.crm}: nothing gets through to it since {utc(one.since)} UTC: {one.why}{ends}"


def cramped(database: Path) -> Iterator[str]:
    """What will be trouble with the store's file."""
    from amibridge.store.errors import ONE_NAME

    room = os.statvfs(database)
    free = room.f_bavail * room.f_frsize
    if free < ROOM:
        yield f"{free / 2**20:.1f} MiB are left on the disk of {database.parent}: without room nothing can be committed"
    if (names := database.stat().st_nlink) > 1:
        yield f"{database} has {names} names; {ONE_NAME}"


def _seconds_since(moment: float) -> float:
    """Seconds since a moment of this start of the host; one of a former start is not known and counts as long ago."""
    from amibridge.store.health import since_boot

    return since_boot() - moment if since_boot() >= moment else float("inf")
