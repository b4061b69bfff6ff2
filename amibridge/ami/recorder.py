"""Recording: what a live PBX sends, as a capture that says of each packet when it arrived.

Each packet gets two lines at its end: `Elapsed`, seconds that never step, by which a replay counts spans of time where
the host's clock was set; and last `Received`, the wall clock.
"""

import gzip
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from amibridge.ami.packets import END


def create(path: str) -> BinaryIO:
    """A new capture file, readable by its owner only; `.gz` and `.xz` compress, `-` is standard output.

    Raises FileExistsError rather than write over a capture, and other OSErrors. The same bytes make the same file.
    """
    if path == "-":
        return os.fdopen(sys.stdout.fileno(), "wb", closefd=False)
    # Captures hold who called whom.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    match Path(path).suffix:
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile(path, "wb", mtime=0))
        case ".xz":
            return cast(BinaryIO, lzma.LZMAFile(path, "wb"))
        case _:
            return Path(path).open("wb")


class Recorder:
    """Writes packets as they arrive. packets, bytes: how many were written. failure: why no more are."""

    def __init__(
        self, file: BinaryIO, failed: Callable[[], object], elapsed: Callable[[], float] | None = None
    ) -> None:
        """failed: called when the file takes no more. elapsed: the host's seconds that never step, to be noted too."""
        self.packets = 0
        self.bytes = 0
        self.failure: OSError | None = None
        self._file = file
        self._failed = failed
        self._elapsed = elapsed

    def take(self, packets: list[bytes], received: float) -> None:
        """A session's tap. received: when the packets arrived, epoch seconds."""
        if self.failure is not None:
            return
        passed = "" if self._elapsed is None else f"\r\nElapsed: {self._elapsed():.6f}"
        stamp = f"{passed}\r\nReceived: {received:.6f}".encode() + END
        try:
            for packet in packets:
                self.bytes += self._file.write(packet + stamp)
                self.packets += 1
        except OSError as error:
            self.failure = error
            self._failed()
