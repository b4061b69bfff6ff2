"""The log's way out: lines go to standard error in their order, and nobody ever waits for them.

A log line is never worth a call. What cannot be written, because the disk is full or the reader is gone, is counted and
said as soon as something can be written again. Where a reader has stopped reading, lines wait for it up to a bound.
"""

import os
import select
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress

WAITING = 4 << 20
"""Bytes that wait for a reader who has stopped reading; what comes after that is lost."""
CHUNK = 1 << 16
"""Bytes of one write."""

Write = Callable[[bytes], int]
"""Writes at once as much as there is room for. Raises BlockingIOError where there is none, and OSError."""


class LogStream:
    """What structlog writes to. told_loss: the line that says how many were lost, and why."""

    def __init__(self, descriptor: int, told_loss: Callable[[int, str], str]) -> None:
        self._descriptor, self._write = _without_waiting(descriptor)
        self._told_loss = told_loss
        # Reentrant: what the interpreter finalises while a line is written may want to log something itself.
        self._lock = threading.RLock()
        self._waiting = bytearray()
        self._drain: threading.Thread | None = None
        """Works as long as something waits."""
        self._lost = self._announced = 0
        """Lines that were lost and not yet told of; of these, those that the first of what waits tells of."""
        self._why = ""
        self._torn = False
        """What was written last lacks its end."""

    def line(self, text: str) -> None:
        """One more line (or a few: a traceback on a terminal). From any thread."""
        line = f"{text}\n".encode("utf-8", "replace")
        with self._lock:
            if self._drain is None:
                self._announce()
                self._waiting += line
                self._put()
                if self._waiting:
                    self._drain = threading.Thread(target=self._drained, name="log", daemon=True)
                    self._drain.start()
            # Once one is lost, all are until those before it are gone: so the gap is told in its place.
            elif self._lost > self._announced or len(self._waiting) + len(line) > WAITING:
                self._lost, self._why = self._lost + 1, "nobody reads it"
            else:
                self._waiting += line

    debug = info = warning = error = critical = line

    def finish(self, within: float) -> None:
        """Gives a reader so many seconds to take what waits."""
        drain = self._drain
        if drain is not None:
            drain.join(within)

    def _announce(self) -> None:
        """Where nothing waits, what was lost is said before anything else."""
        if self._lost and not self._waiting:
            told = f"{self._told_loss(self._lost, self._why)}\n".encode("utf-8", "replace")
            self._waiting += b"\n" + told if self._torn else told
            self._announced = self._lost

    def _put(self) -> bool:
        """Writes as much of what waits as there is room for. Returns False where nothing can be written: it is lost."""
        try:
            written = self._write(bytes(self._waiting[:CHUNK]))
        except BlockingIOError:
            return True
        except OSError as error:
            self._lost += self._waiting.count(b"\n") - (1 + self._torn if self._announced else 0)
            self._why = error.strerror or type(error).__name__
            self._announced = 0
            self._waiting.clear()
            return False
        self._lost -= self._announced
        self._announced = 0
        self._torn = not self._waiting.endswith(b"\n", 0, written)
        del self._waiting[:written]
        return True

    def _drained(self) -> None:
        """Writes what waits as room comes, and then what was lost meanwhile."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while True:
            poll.poll()
            with self._lock:
                self._announce()
                if not self._put() or not (self._waiting or self._lost):
                    self._drain = None
                    return


def _without_waiting(descriptor: int) -> tuple[int, Write]:
    """How to write to a descriptor at once, and the descriptor that then shows when there is room.

    Its own flags are left alone: they are those of every process that shares it, a shell's terminal too.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        sender = socket.socket(fileno=os.dup(descriptor))
        return sender.fileno(), lambda data: sender.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    if stat.S_ISREG(mode):
        return descriptor, lambda data: os.write(descriptor, data)
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        opened = os.open(f"/proc/self/fd/{descriptor}", flags)
        return opened, lambda data: os.write(opened, data)
    return descriptor, lambda data: _where_there_is_room(descriptor, data)


def _where_there_is_room(descriptor: int, data: bytes) -> int:
    """For what cannot be opened once more, as a pipe of another user: only another writer can take the room away."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError
    return os.write(descriptor, data[: select.PIPE_BUF])
