"""Capture files: the raw stream of a manager session, plain, `.gz`, `.xz`, or `-` for standard input."""

import gzip
import io
import lzma
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from amibridge.ami.decode import Decoder
from amibridge.ami.listing import HELD, CapturedListing
from amibridge.ami.packets import Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Event, Picture

CHUNK = 1 << 16
_LISTED = b"Event: CoreShowChannel\r"


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


def read(path: str, timeline: Timeline, framer: Framer) -> Iterator[Event | Picture]:
    """The events of a capture that the core has a use for, in the order of the file, and the listings in it."""
    decoder, listing = Decoder(timeline, captured=True), CapturedListing()
    for chunk in chunks(path):
        packets = framer.feed(chunk)
        if listing.under_way or _LISTED in chunk:
            yield from _with_listing(packets, decoder, listing, timeline)
        else:
            yield from decoder.events(packets)
    # A capture may end with its last line: that packet is whole too. One cut inside a line is not.
    rest = framer.rest()
    if rest.endswith(b"\r\n"):
        yield from _with_listing([rest.removesuffix(b"\r\n")], decoder, listing, timeline)
    yield from listing.release()


def _with_listing(
    packets: Sequence[bytes], decoder: Decoder, listing: CapturedListing, timeline: Timeline
) -> Iterator[Event | Picture]:
    """As a live session does: the picture first, then what came while it was taken."""
    for packet in packets:
        if not decoder.mending and listing.takes(packet, strict=decoder.understood):
            continue
        picture = listing.complete(packet)
        if picture is not None:
            timeline.place(listing.stamp, None)
            yield picture
            yield from listing.release()
            continue
        events = list(decoder.events([packet]))
        if listing.under_way and len(listing.held) < HELD:
            listing.held += events
            continue
        listing.give_up()
        yield from listing.release()
        yield from events


def _open(path: str) -> io.BufferedReader:
    if path == "-":
        return cast(io.BufferedReader, sys.stdin.buffer)
    file = Path(path)
    opened: BinaryIO | gzip.GzipFile | lzma.LZMAFile
    if file.suffix == ".gz":
        opened = gzip.open(file)  # noqa: SIM115 -- the caller closes it
    elif file.suffix == ".xz":
        opened = lzma.open(file)  # noqa: SIM115 -- the caller closes it
    else:
        opened = file.open("rb")
    return cast(io.BufferedReader, opened)
