"""`amibridge status`: is a daemon running, does it hear the PBXs, can it keep what it decides, and does that reach the
CRMs?"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, asked, configured
from amibridge.cli.printing import printed, table, utc
from amibridge.cli.typed import seconds
from amibridge.cli.vital import cramped, deadly, present, shown

if TYPE_CHECKING:
    from amibridge.directory.settings import Settings
    from amibridge.store import Holder, State
    from amibridge.store.concern import Concern
    from amibridge.store.link import Link

LATE = 600
WARNING, CRITICAL, UNKNOWN = 1, 2, 3
"""Exit statuses, as monitoring systems know them."""
COLUMNS = ("crm", "pending", "sending", "refused", "unclear", "oldest pending (UTC)")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lock and the store show at one moment. Of a CRM, `oldest` is since when its first command waits."""

    database: Path
    size: int
    daemon: "Holder | None"
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
    parser.epilog = (
        "The exit status is for monitoring: 0 all is well; 1 somebody should look: commands wait too long or were"
        " refused, or the disk is nearly full; 2 cards do not come now: no daemon runs, it does not hear a PBX, nothing"
        " gets through to a CRM, or the store takes nothing; 3 it cannot be told: the configuration or the store cannot"
        " be read. What is wrong is printed."
    )
    add_config_argument(parser)
    parser.add_argument(
        "--late",
        type=seconds,
        default=LATE,
        metavar="SECONDS",
        help=f"a command that waits longer than that for its CRM is trouble (default {LATE})",
    )


def run(args: argparse.Namespace) -> int:
    """Prints how it stands; the exit status says how bad it is, for whoever monitors it."""
    from amibridge.store import BrokenStoreError, holder

    try:
        settings = configured(args.config).settings
        database = settings.store.path
        try:
            daemon = holder(database)
        except OSError as error:
            raise CannotLookError(f"{error}; run this as root or as the user that the daemon runs as") from None
    except CannotLookError as error:
        print(error, file=sys.stderr)
        return UNKNOWN
    critical = list(deadly(daemon, database))
    try:
        standing = asked(database, _standing(database, daemon))
    except CannotLookError as error:
        room = cramped(database) if os.access(database.parent, os.X_OK) else ()
        printed([shown(daemon), *map("trouble: {}".format, (*critical, *room))])
        print(error, file=sys.stderr)
        return CRITICAL if critical or isinstance(error.__context__, BrokenStoreError) else UNKNOWN
    critical += _deaf(standing, settings)
    warnings = list(_troubles(standing, settings, present(daemon) - args.late))
    printed(_shown(standing, settings))
    printed(f"trouble: {trouble}" for trouble in (*critical, *warnings))
    return CRITICAL if critical else WARNING if warnings else 0


async def _standing(database: Path, daemon: "Holder | None") -> Standing:
    from amibridge.store import Archive, State
    from amibridge.store.concern import concerns
    from amibridge.store.files import files_of
    from amibridge.store.link import links
    from amibridge.store.live import live_calls

    live = Counter(story.line.pbx for story in await live_calls(database))
    async with Archive.opened(database) as archive:
        counts = await archive.counts()
        oldest: dict[str, float] = {}
        for crm in {crm for crm, state in counts if state is State.PENDING}:
            for line in await archive.outbox([State.PENDING], crm, limit=1):
                oldest[crm] = line.created_at
    return Standing(
        database=database,
        size=files_of(database).size,
        daemon=daemon,
        links={} if daemon is None else {link.pbx: link for link in await links(database)},
        live=live,
        counts=counts,
        oldest=oldest,
        concerns=[] if daemon is None else await concerns(database),
    )


def _shown(standing: Standing, settings: "Settings") -> Iterator[str]:
    yield shown(standing.daemon)
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
    """What somebody should look at, and what to do. late: since when a command that waits is late."""
    from amibridge.delivery.delivery import FOR_NOBODY
    from amibridge.store import State

    yield from cramped(standing.database)
    for concern in standing.concerns:
        yield f"{concern.crm}: since {utc(concern.since)} UTC {concern.what}"
    known = {crm.name for crm in settings.crm}
    for crm, since in sorted(standing.oldest.items()):
        if crm not in known:
            wait = f"{standing.counts[crm, State.PENDING]} commands wait"
            yield f"{crm}: {wait}, the first since {utc(since)} UTC; {FOR_NOBODY.format(crm=crm)}"
        elif since < late:
            yield f"{crm}: something waits since {utc(since)} UTC; amibridge outbox list --crm {crm} says why"
    for (crm, state), number in sorted(standing.counts.items()):
        if state in (State.REFUSED, State.UNCLEAR):
            yield f"{crm}: {number} {state}; see amibridge outbox list --state {state}, then retry or drop"


def _deaf(standing: Standing, settings: "Settings") -> Iterable[str]:
    """The PBXs that the daemon does not hear."""
    if standing.daemon is None:
        return
    for pbx in settings.pbx:
        link = standing.links.get(pbx.name)
        if link is None:
            yield f"{pbx.name}: not reached yet; the daemon's log says more"
        elif not link.up:
            yield f"{pbx.name}: not connected since {utc(link.since)} UTC: {link.why}; {link.remedy}"
        elif link.why is not None:
            yield f"{pbx.name}: {link.why} {link.remedy}"
