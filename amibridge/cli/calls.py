"""`amibridge calls`: the calls that the store knows, the latest first."""

import argparse
import json
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, asked, configured, e164_or_as_typed
from amibridge.cli.moment import moment
from amibridge.cli.notes import notes
from amibridge.cli.printing import printed, table, talks
from amibridge.cli.typed import client_number, count

if TYPE_CHECKING:
    from amibridge.directory.loading import Loaded
    from amibridge.store.archive import CallStory

COLUMNS = ("began (UTC)", "direction", "client", "did", "outcome", "talked", "cards", "call", "notes")
AT_MOST = 100

Record = Mapping[str, Any]
NotShown = Mapping[str, Sequence[str]]
Told = tuple[Record, NotShown]
"""A call's record, and which of its cards were not seen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_argument(parser)
    parser.add_argument("--live", action="store_true", help="only calls that have not ended")
    parser.add_argument(
        "--client", type=client_number, metavar="NUMBER", help="only this client's, however the number is written"
    )
    parser.add_argument("--extension", metavar="EXT", help="only those with a verdict on this extension")
    parser.add_argument(
        "--since", type=moment, default=0.0, metavar="WHEN", help="only later ones: 2h, 3d, 2026-11-21T19:30 (UTC)"
    )
    parser.add_argument(
        "--limit", type=count, default=AT_MOST, metavar="N", help=f"at most so many (default {AT_MOST})"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, by the output contract; null: not known yet"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the calls; the exit status is 1 when the store cannot be read."""
    try:
        loaded = configured(args.config)
        client = None if args.client is None else e164_or_as_typed(args.client, loaded)
        database = loaded.settings.store.path
        search = _live(database, args, client) if args.live else _recent(database, args, client)
        calls = asked(database, _told(database, search, loaded))
    except CannotLookError as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        printed(json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in map(_whole, calls))
    else:
        printed(table([COLUMNS, *(_row(*call) for call in calls)]))
    if not calls:
        print("no call goes on" if args.live else "the store knows no such call", file=sys.stderr)
    if len(calls) == args.limit:
        print(f"not more than {args.limit} are shown; --limit shows more", file=sys.stderr)
    return 0


async def _told(database: Path, search: Coroutine[Any, Any, list[Record]], loaded: "Loaded") -> list[Told]:
    """What was found, with what became of the cards."""
    from amibridge.cli.fate import Listeners, not_shown
    from amibridge.store import Archive

    records, listeners = await search, Listeners.of(loaded.settings)
    async with Archive.opened(database) as archive:
        deliveries = await archive.card_deliveries([record["call_id"] for record in records])
    return [(record, not_shown(record, deliveries[record["call_id"]], listeners, short=True)) for record in records]


def _whole(call: Told) -> Record:
    """The output contract's object; a card that was not seen says so in `not_shown`."""
    record, lost = call
    cards = [
        {**card, "not_shown": lost[card["extension"]]} if card["extension"] in lost else card
        for card in record["cards"]
    ]
    return {**record, "cards": cards}


async def _recent(database: Path, args: argparse.Namespace, client: str | None) -> list[Record]:
    """The records of what was asked for; of live calls as far as they go."""
    from amibridge.cli.stored import record_so_far
    from amibridge.store import Archive

    async with Archive.opened(database) as archive:
        records: list[Record] = []
        for line in await archive.calls(since=args.since, client=client, extension=args.extension, limit=args.limit):
            if line.record is not None:
                records.append(line.record)
            elif (story := await archive.call(line.call_id)) is not None:
                records.append(record_so_far(story))
        return records


async def _live(database: Path, args: argparse.Namespace, client: str | None) -> list[Record]:
    """The same of live calls only."""
    from amibridge.cli.stored import record_so_far
    from amibridge.store.live import live_calls

    def wanted(story: "CallStory") -> bool:
        line = story.line
        return (
            line.began >= args.since
            and client in (None, line.client, line.client_raw)
            and args.extension in (None, *(said.extension for said in story.verdicts))
        )

    return [record_so_far(story) for story in await live_calls(database) if wanted(story)][: args.limit]


def _row(record: Record, not_shown: NotShown) -> Sequence[str]:
    return (
        str(record["started_at"])[:19].replace("T", " "),
        record["direction"],
        record["client"] or record["client_raw"] or "-",
        record["did"] or "-",
        record["outcome"] or "live",
        " ".join(talks(record)) or "-",
        " ".join(card["extension"] for card in record["cards"]) or "-",
        record["call_id"],
        notes(record, not_shown),
    )
