"""`amibridge status`: is a daemon running, does it hear the PBXs, and does what it decides reach the CRMs?"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, asked, configured
from amibridge.cli.printing import printed, table, utc

if TYPE_CHECKING:
    from amibridge.directory.settings import Settings
    from amibridge.store import State
    from amibridge.store.concern import Concern
    from amibridge.store.link import Link

LATE = 600
COLUMNS = ("crm", "pending", "sending", "refused", "unclear", "oldest pending (UTC)")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lock and the store show at one moment. Of a CRM, `oldest` is since when its first command waits."""

    database: Path
    size: int
    daemon: int | None
    links: Mapping[str, "Link"]
    """By PBX; of the daemon that runs."""
    live: Mapping[str, int]
    """PBX to number."""
    counts: Mapping[tuple[str, "State"], int]
    oldest: Mapping[str, float]
    concerns: Sequence["Concern"]
    """What the adapters of the daemon that runs have found."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.epilog = "The exit status is 0 when all is well and 1 when something is not; what it is, is printed."
    add_config_argument(parser)
    parser.add_argument(
        "--late",
        type=float,
        default=LATE,
        metavar="SECONDS",
        help=f"a command that waits longer than that for its CRM is trouble (default {LATE})",
    )


def run(args: argparse.Namespace) -> int:
    """Prints how it stands; the exit status is 0 when nothing needs anybody, for whoever monitors it."""
    try:
        settings = configured(args.config).settings
        standing = asked(settings.store.path, _standing(settings.store.path))
    except CannotLookError as error:
        print(error, file=sys.stderr)
        return 1
    troubles = list(_troubles(standing, settings, time.time() - args.late))
    printed(_shown(standing, settings))
    printed(f"trouble: {trouble}" for trouble in troubles)
    return 1 if troubles else 0


async def _standing(database: Path) -> Standing:
    from amibridge.store import Archive, State, holder
    from amibridge.store.concern import concerns
    from amibridge.store.link import links
    from amibridge.store.live import live_calls

    daemon = holder(database)
    live = Counter(story.line.pbx for story in await live_calls(database))
    async with Archive.opened(database) as archive:
        counts = await archive.counts()
        oldest: dict[str, float] = {}
        for crm in {crm for crm, state in counts if state is State.PENDING}:
            for line in await archive.outbox([State.PENDING], crm, limit=1):
                oldest[crm] = line.created_at
    files = (database, database.with_name(f"{database.name}-wal"))
    return Standing(
        database=database,
        size=sum(file.stat().st_size for file in files if file.exists()),
        daemon=daemon,
        links={} if daemon is None else {link.pbx: link for link in await links(database)},
        live=live,
        counts=counts,
        oldest=oldest,
        concerns=[] if daemon is None else await concerns(database),
    )


def _shown(standing: Standing, settings: "Settings") -> Iterator[str]:
    running = "not running" if standing.daemon is None else f"running, process {standing.daemon}"
    yield f"daemon: {running}"
    for link in standing.links.values():
        yield f"pbx {link.pbx}: {'connected' if link.up else 'not connected'} since {utc(link.since)} UTC"
    yield f"database: {standing.database}, {standing.size / 2**20:.1f} MiB"
    names = sorted({pbx.name for pbx in settings.pbx} | set(standing.live))
    yield f"live calls: {', '.join(f'{name} {standing.live.get(name, 0)}' for name in names)}"
    if settings.shadow:
        yield "shadow: cards are decided and logged, nothing is sent"
    if crms := _crms(standing, settings):
        yield from table([COLUMNS, *(_row(standing, crm) for crm in crms)])


def _row(standing: Standing, crm: str) -> Sequence[str]:
    from amibridge.store import State

    states = (State.PENDING, State.SENDING, State.REFUSED, State.UNCLEAR)
    return (crm, *(str(standing.counts.get((crm, state), 0)) for state in states), utc(standing.oldest.get(crm)))


def _crms(standing: Standing, settings: "Settings") -> Sequence[str]:
    """The configured ones, then those that only the store knows."""
    configured_ones = [crm.name for crm in settings.crm]
    return [*configured_ones, *sorted({crm for crm, _ in standing.counts} - set(configured_ones))]


def _troubles(standing: Standing, settings: "Settings", late: float) -> Iterable[str]:
    """What needs somebody, and what to do. late: since when a command that waits is late."""
    from amibridge.store import State

    if standing.daemon is None:
        yield "no daemon is running on this database; start it: systemctl start amibridge"
    else:
        yield from _deaf(standing, settings)
    for concern in standing.concerns:
        yield f"{concern.crm}: since {utc(concern.since)} UTC {concern.what}"
    known = {crm.name for crm in settings.crm}
    for crm, since in sorted(standing.oldest.items()):
        if crm not in known:
            yield f"{crm}: commands wait for it and it is not configured; configure it, or amibridge outbox drop them"
        elif since < late:
            yield f"{crm}: something waits since {utc(since)} UTC; amibridge outbox list --crm {crm} says why"
    for (crm, state), number in sorted(standing.counts.items()):
        if state in (State.REFUSED, State.UNCLEAR):
            yield f"{crm}: {number} {state}; see amibridge outbox list --state {state}, then retry or drop"


def _deaf(standing: Standing, settings: "Settings") -> Iterable[str]:
    """The PBXs that the daemon does not hear."""
    for pbx in settings.pbx:
        link = standing.links.get(pbx.name)
        if link is None:
            yield f"{pbx.name}: not reached yet; the daemon's log says more"
        elif not link.up:
            yield f"{pbx.name}: not connected since {utc(link.since)} UTC: {link.why}; {link.remedy}"
