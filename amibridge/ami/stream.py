"""One manager connection's bytes: in as packets, out as actions. It is the protocol that panoramisk's Manager drives.

panoramisk's own protocol damages text, dies of a callback's exception and keeps everything for ever, so this one stands
in its place. It never tells the Manager that it is gone: a Manager that knows reconnects and sends actions again.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from structlog.typing import FilteringBoundLogger

from amibridge.ami.clock import Clock
from amibridge.ami.decode import torn
from amibridge.ami.faults import LinkError, LinkLostError, UnreachableError
from amibridge.ami.guard import contained
from amibridge.ami.packets import END, LIMIT, Framer, headers
from amibridge.ami.question import Question, packet
from amibridge.calls import Headers

GREETING = b"Asterisk Call Manager/"
_GREETING_LIMIT = 256
_ACTION_ID = b"\r\nActionID: "

Receive = Callable[[list[bytes], float], object]
"""What to do with whole packets that arrived together, and when they did (epoch seconds)."""


class Stream(asyncio.Protocol):
    """Cuts packets, answers questions, and hands on what is left. An exception of whoever is told changes nothing here.

    greeting: resolves to the PBX's first line. gone: resolves to why the connection ended.
    """

    def __init__(self, clock: Clock, log: FilteringBoundLogger, tap: Receive, receive: Receive) -> None:
        """tap: gets every packet. receive: gets those that answer no question of ours."""
        loop = asyncio.get_running_loop()
        self.greeting: asyncio.Future[str] = loop.create_future()
        self.gone: asyncio.Future[LinkError] = loop.create_future()
        self.pending: dict[str, Question] = {}
        self.paused = False
        self.heard_at = clock.monotonic()
        """The host's monotonic time when the PBX sent something last, or reading began again."""
        self._clock = clock
        self._log = log
        self._tap = tap
        self._receive = receive
        self._framer = Framer()
        self._greeting = b""
        self._torn = b""
        """The beginning of a row that a caller's number tore apart: what comes next is the rest of it."""
        self._transport: asyncio.Transport | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection that can be ended."""
        return self._transport is not None and not self.gone.done()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard_at, received = self._clock.monotonic(), self._clock.wall()
        if not self.greeting.done():
            data = self._greeted(data)
        dropped = self._framer.dropped
        packets = self._framer.feed(data)
        if self._framer.dropped != dropped:
            self._log.warning(
                "ami.packet_too_large",
                limit_bytes=LIMIT,
                packets=self._framer.dropped - dropped,
                remedy="real packets have a few kB: look what writes so much into a channel variable",
            )
        if packets:
            # Raised through asyncio, an exception of our own would end the connection.
            with contained(self._log):
                self._tap(packets, received)
            if self.pending:
                packets = [packet for packet in packets if not self._answers(packet)]
            with contained(self._log):
                self._receive(packets, received)

    def connection_lost(self, exc: Exception | None) -> None:
        # Debian 12's asyncio raises out of the `abort` of a TLS connection that has ended.
        self._transport = None
        why = "the PBX closed the connection" if exc is None else f"the connection broke: {exc}"
        self._end(LinkLostError(why, "is Asterisk running? See its log for the account's name"))

    # What panoramisk's Manager calls.

    def send(self, action: Any, as_list: bool | None = None) -> "asyncio.Future[Headers]":
        """Sends an Action and answers with the future of its answer. Raises UnsafeValueError, LinkLostError."""
        if self.gone.done():
            raise self.gone.result()
        assert self._transport is not None
        data = packet(action)
        question = self.pending[action.id] = Question(action)
        self._transport.write(data)
        return question.answer

    def close(self) -> None:
        """Closes the connection when what was written has left."""
        if self._transport is not None:
            self._transport.close()

    # What the connection calls.

    def abort(self, why: LinkError) -> None:
        """Ends the connection at once, whatever the PBX thinks of it."""
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Reads no more, until `resume`. The PBX has our socket's buffer, and after that its `writetimeout`."""
        if not self.paused and self._transport is not None:
            self.paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads again. The time in which nobody listened is no silence of the PBX."""
        if self.paused and self._transport is not None:
            self.paused = False
            self.heard_at = self._clock.monotonic()
            self._transport.resume_reading()

    def _greeted(self, data: bytes) -> bytes:
        """The first line is a greeting, with no empty line behind it; what follows it is handed back."""
        self._greeting += data
        line, end, rest = self._greeting.partition(b"\r\n")
        known = line[: len(GREETING)] == GREETING[: len(line)]
        if not known or (not end and len(line) > _GREETING_LIMIT):
            said = line[:40].decode("ascii", "backslashreplace")
            remedy = "is this the port of manager.conf (5038, with TLS 5039), and does `tls` fit it?"
            self.abort(UnreachableError(f"this is no manager interface: it says {said!r}", remedy))
            return b""
        if not end:
            return b""
        self.greeting.set_result(line.decode("ascii", "backslashreplace"))
        return rest

    def _answers(self, packet: bytes) -> bool:
        """Whether the packet belongs to a question of ours; then it has been taken in there."""
        if self._torn:
            packet, self._torn = self._torn + END + packet, b""
        elif _ACTION_ID not in packet:
            return False
        read = headers(packet)
        question = self.pending.get(read["ActionID"])
        if question is None:
            return False
        if question.rows is not None and torn(packet) and len(packet) <= LIMIT:
            self._torn = packet
            return True
        with contained(self._log):
            question.take(read)
        return True

    def _end(self, why: LinkError) -> None:
        if self.gone.done():
            return
        self.gone.set_result(why)
        if not self.greeting.done():
            self.greeting.set_exception(why)
            self.greeting.exception()
        for question in self.pending.values():
            question.fail(why)
        self.pending.clear()
