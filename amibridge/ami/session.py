"""The session with one PBX: connect, log in, list what is there, hand on what happens; begin again when it breaks."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

import structlog
from structlog.typing import FilteringBoundLogger

from amibridge.ami.account import NOTICED, ReadClasses, lacking_write, look_for_read_classes
from amibridge.ami.clock import Clock
from amibridge.ami.connection import Action, Connection
from amibridge.ami.decode import Decoder
from amibridge.ami.faults import LinkError, LinkLostError, LoginRefusedError, NotLiveError
from amibridge.ami.guard import contained
from amibridge.ami.handler import Handler
from amibridge.ami.inbox import Inbox
from amibridge.ami.keepalive import watch
from amibridge.ami.line import Line
from amibridge.ami.listing import HELD
from amibridge.ami.login import Login
from amibridge.ami.resync import take_first_picture
from amibridge.ami.status import Standing, State, Status
from amibridge.ami.stream import Receive
from amibridge.calls import DEFECT, Headers, Picture
from amibridge.waiting import STEADY, Backoff, Flapping

T = TypeVar("T")


class _InterruptedError(Exception):
    """`close` or `retry` cut a wait short."""


class Session:
    """Keeps one PBX's events coming until it is closed, whatever happens to the connection."""

    def __init__(
        self,
        login: Login,
        handler: Handler,
        *,
        log: FilteringBoundLogger | None = None,
        clock: Clock | None = None,
        tap: Receive | None = None,
    ) -> None:
        """tap: is given every packet as it arrives, with its arrival (epoch seconds): a recorder."""
        self._login = login
        self._handler = handler
        self._log: FilteringBoundLogger = (log or structlog.get_logger()).bind(pbx=login.pbx)
        self._clock = clock or Clock()
        self._tap: Receive = tap or (lambda packets, received: None)
        self._line = Line(self._clock)
        self._backoff = Backoff(self._clock.chance)
        self._flapping = Flapping(self._clock.monotonic)
        self._standing = Standing(self._clock.wall)
        self._trouble: str | None = None
        """Why the last attempt failed: the same reason is an error only once."""
        self._told_lacking: set[str] = set()
        self._connection: Connection | None = None
        self._running: asyncio.Task[Any] | None = None
        self._waiting: asyncio.Task[Any] | None = None
        self._closing = False

    @property
    def status(self) -> Status:
        """How it stands now."""
        return self._standing.now

    @property
    def state(self) -> State:
        """`status.state`."""
        return self._standing.now.state

    async def reached(self, *states: State) -> Status:
        """Waits until the session is in one of these states or is closed. Returns the status that it has then."""
        return await self._standing.reached(*states)

    def at(self) -> float:
        """The present on the PBX's line of time, in the seconds of `Event.at`, for timers.

        It may step back when a stalled network delivers late. Where no event was ever seen it is the host's time.
        """
        return self._line.at()

    async def run(self) -> None:
        """Runs until `close`. Once only."""
        if self._running is not None:
            raise RuntimeError("a session runs once")
        self._running = asyncio.current_task()
        try:
            while not self._closing:
                delay = await self._attempt()
                with suppress(_InterruptedError):
                    await self._interruptible(self._clock.sleep(delay))
        finally:
            self._standing.become(State.CLOSED)

    async def close(self) -> None:
        """Closes the connection and ends `run`. A handler at work finishes; what waits behind it is dropped."""
        self._closing = True
        self._interrupt()
        if self._connection is not None:
            await self._connection.close()
        if self._running is not None and self._running is not asyncio.current_task():
            await asyncio.wait({self._running})

    def retry(self) -> None:
        """Tries again now instead of after the delay: an admin has mended something."""
        if self.state in (State.DOWN, State.REFUSED):
            self._interrupt()

    def log_in_with(self, secret: str) -> None:
        """From the next login on; a connection that is there stays."""
        self._login = replace(self._login, secret=secret)

    async def action(self, action: Action, within: float | None = None) -> Headers:
        """Sends one action, once, and returns the headers of its answer, also where that is an `Error`.

        action: header to value, `Action` among them. within: seconds, None for the login's; after it the action is
        forgotten. Raises NotLiveError (nothing was sent), NoAnswerError and LinkLostError (it may have been done),
        UnsafeValueError (CR or LF in a value), RuntimeError when the handler asks, which would wait for itself.
        """
        if self._running is not None and self._running is asyncio.current_task():
            raise RuntimeError("the handler waits for an answer that is not read before it returns")
        if self._connection is None or self.state is not State.LIVE:
            raise NotLiveError(f"the session with {self._login.pbx} is {self.state}", "its log says why")
        return await self._connection.ask(action, within)

    async def _attempt(self) -> float:
        """One connection's life. Returns the seconds to wait before the next one."""
        self._standing.become(State.CONNECTING)
        ended: LinkError = LinkLostError("a fault of our own ended the connection", DEFECT)
        with contained(self._log):
            try:
                await self._serve()
            except _InterruptedError:
                return 0.0
            except LoginRefusedError as refused:
                return self._refused(refused)
            except LinkError as error:
                ended = error
        return await self._broken(ended)

    async def _serve(self) -> NoReturn:
        """From the connection to its end. Raises the LinkError that ended it."""
        reading, decoder = ReadClasses(), Decoder(self._line.timeline)

        def receive(packets: list[bytes], received: float) -> None:
            reading.notice(packets)
            elapsed = connection.stream.heard_at + self._clock.suspended()
            group = list(decoder.events(packets, received, elapsed))
            if group:
                self._line.placed()
                inbox.put(group)

        connection = Connection(self._login, self._clock, self._log, tap=self._tap, receive=receive)
        inbox = Inbox(connection.stream.pause, connection.stream.resume, HELD)
        connection.stream.gone.add_done_callback(lambda _: inbox.end())
        self._connection = connection
        try:
            greeting = await self._interruptible(connection.open())
            # The picture stands before whatever comes from now on: events must not be older than it.
            at, wall = self._line.mark()
            await self._interruptible(connection.log_in())
            self._standing.become(State.LISTING)
            self._standing.lacks()
            self._change("ami.connected", **self._account(), tls=self._login.tls, greeting=greeting)
            self._lacks(await self._interruptible(lacking_write(connection)))
            picture = await self._interruptible(take_first_picture(connection, inbox))
            self._standing.become(State.LIVE)
            self._trouble = None
            self._backoff.reset()
            self._flapping.worked()
            channels = None if picture is None else len(picture.channels)
            self._change("ami.live", channels=channels, events_meanwhile=inbox.release())
            reading.look(picture or Picture((), ()))
            beside = [
                self._beside(watch(connection, self._login.silence, self._clock)),
                self._beside(look_for_read_classes(connection, reading, self._clock, self._lacks)),
                *([self._beside(self._hold())] if self._flapping.flaps else []),
            ]
            try:
                if picture is not None:
                    await self._tell(self._handler.picture(picture, at, wall))
                await self._hand_on(inbox)
            finally:
                for task in beside:
                    task.cancel()
            raise connection.stream.gone.result()
        finally:
            self._connection = None
            await connection.close()

    async def _hand_on(self, inbox: Inbox) -> None:
        """Hands on events until the connection has ended and all of them are handled."""
        while (group := await inbox.get()) is not None and not self._closing:
            await self._tell(self._handler.events(group))
        if self._closing:
            raise _InterruptedError

    async def _hold(self) -> None:
        """Says of a connection that has flapped that it holds, when it does."""
        await self._clock.sleep(STEADY)
        within = round(self._flapping.within)
        self._log.info("ami.steady", losses=self._flapping.steady(), within=within)

    async def _tell(self, telling: Awaitable[None]) -> None:
        with contained(self._log, "ami.handler_failed"):
            await telling

    def _beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            with contained(self._log):
                await work

        return asyncio.create_task(guarded())

    async def _interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for something that `close` and `retry` may cut short. Raises _InterruptedError when they did."""
        if self._closing:
            work.close()
            raise _InterruptedError
        task = asyncio.create_task(work)
        self._waiting = task
        try:
            return await task
        except asyncio.CancelledError:
            if self._waiting is None:
                raise _InterruptedError from None
            raise
        finally:
            self._waiting = None

    def _interrupt(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refused(self, error: LoginRefusedError) -> float:
        """Nothing but a person helps. Returns the seconds to wait."""
        delay = self._login.refused_retry
        if error.why != self._trouble:
            self._log.error("ami.login_refused", why=error.why, remedy=error.remedy, **self._account(), retry_in=delay)
        self._trouble = error.why
        self._standing.become(State.REFUSED, error)
        return delay

    async def _broken(self, error: LinkError) -> float:
        """There is no connection, or no more. Returns the seconds to wait."""
        was_live = self.state is State.LIVE
        delay = self._backoff.delay()
        if was_live:
            told, event = self._flapping.broke(), "ami.flapping" if self._flapping.flaps else "ami.lost"
        else:
            # In the gaps of a connection that flaps there is nothing new, unless a gap does not end.
            told, event = error.why != self._trouble, "ami.unreachable"
            told = told and (self._backoff.grown or not self._flapping.flaps)
        if told:
            often = {"losses": self._flapping.breaks, "within": round(self._flapping.within)}
            said = {"why": error.why, "remedy": error.remedy, **self._account(), "retry_in": round(delay, 1)}
            self._log.warning(event, **said, **(often if self._flapping.flaps else {}))
        else:
            self._log.debug("ami.retry", why=error.why, retry_in=round(delay, 1))
        if told or was_live:
            self._trouble = error.why if told else None
        self._standing.become(State.DOWN, error)
        if was_live:
            await self._tell(self._handler.lost(error.why, *self._line.mark()))
        return delay

    def _change(self, event: str, **said: object) -> None:
        """A change for the better: news, unless the connection flaps."""
        self._log.log(logging.DEBUG if self._flapping.flaps else logging.INFO, event, **said)

    def _lacks(self, lacking: tuple[str, ...]) -> None:
        """Says what the account is missing, each thing once."""
        for entry in lacking:
            if entry not in self._told_lacking:
                line = f"[{self._login.username}] in manager.conf needs {entry}; then: asterisk -rx 'manager reload'"
                self._log.warning("ami.account_lacks", lacks=entry, noticed=NOTICED[entry], remedy=line)
        self._told_lacking.update(lacking)
        self._standing.lacks(*self.status.lacking, *lacking)

    def _account(self) -> dict[str, str]:
        return {"address": self._login.address, "username": self._login.username}
