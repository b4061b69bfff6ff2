"""What commands print: plain tables, times, and lines that no terminal and no caller's name can break."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from amibridge.calls.readable import visible
from amibridge.calls.record import iso


def printed(lines: Iterable[str]) -> None:
    """Writes the lines to standard output, each as one line whatever is in it.

    Raises CannotWriteError, and BrokenPipeError when nobody reads them any more.
    """
    for line in lines:
        sys.stdout.write(f"{visible(line)}\n")
    sys.stdout.flush()


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table with its columns aligned; the first row is its head."""
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def talks(record: Mapping[str, Any]) -> Iterator[str]:
    """Who talked in a call, and for how long where that is known: `134:1.5s`, `134(unverified):1.5s`."""
    for part in record["participants"]:
        who = f"{part['extension']}(unverified)" if part.get("unverified") else part["extension"]
        seconds = part["talk_seconds"]
        yield who if seconds is None else f"{who}:{seconds:.1f}s"


def utc(wall: float | None) -> str:
    """Seconds since the epoch as `2026-11-21 19:56:11`, in UTC; `-` for a time that is not there."""
    text = iso(wall)
    return "-" if text is None else text[:19].replace("T", " ")
