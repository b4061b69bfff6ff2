"""Capture files: the raw stream of a manager session, plain or compressed by gzip or xz; `-` is standard input."""

import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from amibridge.ami.decode import Decoder
from amibridge.ami.line_ends import mended
from amibridge.ami.listing import HELD, CapturedListing
from amibridge.ami.no_capture import OLD, NotACaptureError, is_old, likely, refuse
from amibridge.ami.packets import END, Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Event, Picture

CHUNK = 1 << 16
DAMAGED = (gzip.BadGzipFile, zlib.error, lzma.LZMAError)
"""What is raised of a compressed file whose bytes are not what they were."""
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\0"
_EVENT = re.compile(rb"(?:\A|\n)Event: [^\r\n]*\r\nPrivilege: ")
_LONGEST = 256
"""Bytes in which the beginning of an event stands."""
_LISTED = b"Event: CoreShowChannel\r"


def chunks(path: str) -> Iterator[bytes]:
    """The bytes of a capture, decompressed, with the line ends of the manager.

    A compressed file that is cut short gives what can be read of it. Raises OSError where the file cannot be read, one
    of DAMAGED where it is damaged, and NotACaptureError: at once where its first bytes are something else's, and at
    the end of a file in which there was no event.
    """
    head = seam = b""
    begins = ends = False
    for chunk in mended(_raw(path)):
        head = head or chunk
        if not (begins and ends):
            looked_at = seam + chunk
            begins = begins or _EVENT.search(looked_at) is not None
            ends = ends or END in looked_at
            seam = looked_at[-_LONGEST:]
        yield chunk
    # A capture may end with its last line, without the empty one.
    if not (begins and (ends or seam.endswith(b"\r\n"))):
        raise likely(head)


def _raw(path: str) -> Iterator[bytes]:
    begun = False
    with _opened(path) as stream:
        try:
            while chunk := stream.read1(CHUNK):
                if not begun:
                    refuse(chunk)
                begun = True
                yield chunk
        except EOFError:
            if not begun:
                raise NotACaptureError("is cut off before anything in it can be unpacked") from None


def read(path: str, timeline: Timeline, framer: Framer) -> Iterator[Event | Picture]:
    """The events of a capture that the core has a use for, in the order of the file, and the listings in it.

    Raises what `chunks` raises, and NotACaptureError at the end of a capture of an Asterisk that is too old.
    """
    decoder, listing = Decoder(timeline, captured=True), CapturedListing()
    old = False
    for chunk in chunks(path):
        packets = framer.feed(chunk)
        old = old or (not decoder.understood and is_old(chunk))
        if listing.under_way or _LISTED in chunk:
            yield from _with_listing(packets, decoder, listing, timeline)
        else:
            yield from decoder.events(packets)
    # A capture may end with its last line: that packet is whole too. One cut inside a line is not.
    rest = framer.rest()
    if rest.endswith(b"\r\n"):
        yield from _with_listing([rest.removesuffix(b"\r\n")], decoder, listing, timeline)
    yield from listing.release()
    if old and not decoder.understood:
        raise NotACaptureError(OLD)


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


@contextmanager
def _opened(path: str) -> Iterator[io.BufferedReader]:
    """How it is compressed its first bytes say, not its name: standard input has none."""
    with cast(io.BufferedReader, sys.stdin.buffer) if path == "-" else Path(path).open("rb") as plain:
        head = plain.peek(len(_XZ))
        if head.startswith(_GZIP):
            with gzip.open(plain) as unpacked:
                yield cast(io.BufferedReader, unpacked)
        elif head.startswith(_XZ):
            with lzma.open(plain) as unpacked:
                yield cast(io.BufferedReader, unpacked)
        else:
            yield plain
