"""The standard streams of a command: what they show is visible, and what cannot be written is said in one line."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, TextIO, cast

from amibridge.calls.readable import visible


class CannotWriteError(Exception):
    """Standard output takes no more; the text says why."""


class Shown(io.TextIOBase):
    """A stream for people: UTF-8 whatever the locale says; whatever would steer a terminal is shown as an escape.

    A text of one's own that steers it, as colours do, goes to `terminal`.
    """

    encoding = "utf-8"

    def __init__(self, stream: TextIO, *, steering: bool = False) -> None:
        self.buffer: BinaryIO = stream.buffer
        self._stream = stream
        self._steering = steering
        self._each_line = stream.isatty()
        self._nobody_reads = False

    def terminal(self) -> TextIO:
        """The same stream for texts that steer the terminal."""
        return cast(TextIO, Shown(self._stream, steering=True))

    def write(self, text: str) -> int:
        """Raises CannotWriteError, and BrokenPipeError where nobody reads."""
        shown = text if self._steering else "\n".join(map(visible, text.split("\n")))
        self._do(lambda: self.buffer.write(shown.encode("utf-8", "replace")))
        if self._each_line:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """As `write`."""
        self._do(self.buffer.flush)
        if self._nobody_reads:
            raise BrokenPipeError  # again: argparse lets it pass

    def close(self) -> None:
        """Nothing: Python closes its own stream, which is behind this one."""

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def _do(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            _let_go(self._stream)
            if isinstance(error, BrokenPipeError):
                self._nobody_reads = True
                raise
            raise CannotWriteError(f"cannot write the output: {error.strerror}") from None


class Complaints(Shown):
    """Standard error. What cannot be said there ends nothing, and changes no exit status."""

    def write(self, text: str) -> int:
        """Said at once, or not at all."""
        super().write(text)
        self.flush()
        return len(text)

    def _do(self, write: Callable[[], object]) -> None:
        with suppress(OSError):
            write()


@contextmanager
def standard_streams() -> Iterator[None]:
    """Puts both in the place of Python's own as long as a command runs."""
    _occupy()
    out, err = sys.stdout, sys.stderr
    # Python has none for a descriptor that was closed; it is /dev/null by now.
    sys.stdout = cast(TextIO, Shown(out or os.fdopen(1, "w", closefd=False)))
    sys.stderr = cast(TextIO, Complaints(err or os.fdopen(2, "w", closefd=False)))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        if err is not None:
            try:
                err.flush()
            except OSError:
                _let_go(err)  # else it would be tried again at the end of the process, which would change its status


def _occupy() -> None:
    """Opens /dev/null for each standard stream that is closed: else the next file to be opened gets its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _let_go(stream: TextIO) -> None:
    """What is still in the stream's buffer goes nowhere: Python would complain of it at the end of the process."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
