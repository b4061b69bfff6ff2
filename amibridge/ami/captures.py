"""Capture files: the raw stream of a manager session, plain, `.gz`, `.xz`, or `-` for standard input."""

import gzip
import io
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from amibridge.ami.decode import events
from amibridge.ami.packets import Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Event

CHUNK = 1 << 16


def chunks(path: str) -> Iterator[bytes]:
    """The bytes of a capture, decompressed. A compressed file that is cut short gives what can be read of it.

    Raises OSError where the file cannot be read, and `gzip.BadGzipFile` or `lzma.LZMAError` where it is damaged.
    """
    with _open(path) as stream:
        try:
            while chunk := stream.read1(CHUNK):
                yield chunk
        except EOFError:
            return


def read(path: str, timeline: Timeline | None = None, framer: Framer | None = None) -> Iterator[Event]:
    """The events of a capture that the core has a use for, in the order of the file."""
    framer = framer or Framer()
    timeline = timeline or Timeline()
    for chunk in chunks(path):
        yield from events(framer.feed(chunk), timeline)
    # A capture may end with its last line: that packet is whole too. One cut inside a line is not.
    rest = framer.rest()
    if rest.endswith(b"\r\n"):
        yield from events([rest.removesuffix(b"\r\n")], timeline)


def _open(path: str) -> io.BufferedReader:
    if path == "-":
        return cast(io.BufferedReader, sys.stdin.buffer)
    file = Path(path)
    opened: BinaryIO | gzip.GzipFile | lzma.LZMAFile
    if file.suffix == ".gz":
        opened = gzip.open(file)
    elif file.suffix == ".xz":
        opened = lzma.open(file)
    else:
        opened = file.open("rb")
    return cast(io.BufferedReader, opened)
