"""`amibridge replay`: the calls of a capture, as a table or as JSON."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amibridge.cli.notes import notes
from amibridge.cli.playing import CannotPlayError, add_capture_arguments, played
from amibridge.cli.printing import printed, table, talks

COLUMNS = ("began", "direction", "client", "did", "outcome", "talked", "rang", "cards", "call", "notes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_capture_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line, by the output contract")


def run(args: argparse.Namespace) -> int:
    """Prints the calls; the exit status."""
    try:
        calls = played(args)
    except CannotPlayError as error:
        print(error, file=sys.stderr)
        return 1
    lines: Iterable[str]
    if args.json:
        lines = (json.dumps(call.record, ensure_ascii=False, separators=(",", ":")) for call in calls)
    else:
        lines = table([COLUMNS, *(_row(call.record) for call in calls)])
    printed(lines)
    if not calls:
        print("no call is in it", file=sys.stderr)
    return 0


def _row(record: Mapping[str, Any]) -> Sequence[str]:
    return (
        record["started_at"][11:19] if record["started_at"] else "-",
        record["direction"],
        record["client"] or record["client_raw"] or "-",
        record["did"] or "-",
        record["outcome"],
        " ".join(talks(record)) or "-",
        " ".join(record["rang"]) or "-",
        " ".join(card["extension"] for card in record["cards"]) or "-",
        record["call_id"],
        notes(record),
    )
