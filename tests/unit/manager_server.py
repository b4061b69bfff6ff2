"""A manager interface on loopback that says what a test wants it to, and what else a session's test stands on."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger, Processor

from amibridge.ami.clock import Clock
from amibridge.ami.handler import Handler
from amibridge.ami.login import Login
from amibridge.ami.packets import Framer, headers
from amibridge.ami.session import Session
from amibridge.ami.stream import Receive
from amibridge.calls import Event, Headers, Picture

PATIENCE = 5.0
"""Seconds after which a test gives up waiting for what should have happened at once."""

CERTIFICATE = Path(__file__).with_name("manager_server.pem")


def packet(*lines: str) -> bytes:
    """A whole packet of these lines."""
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")


def event(name: str, privilege: str = "call,all", **named: str) -> bytes:
    """A whole event packet."""
    stamped = {"Timestamp": stamp} if (stamp := named.pop("Timestamp", None)) else {}
    lines = {"Event": name, "Privilege": privilege, **stamped, **named}
    return packet(*(f"{key}: {value}" for key, value in lines.items()))


def call(uid: str, **more: str) -> bytes:
    """A whole event packet that a session hands on, told apart by its Uniqueid."""
    return event("Newchannel", Uniqueid=uid, Channel=f"PJSIP/134-{uid}", **more)


class Change:
    """Something that changes, and can be waited for until it is as wanted."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def changed(self) -> None:
        """Looks who has waited for this."""
        for wanted, waiter in self._waiting:
            if not waiter.done() and wanted():
                waiter.set_result(None)

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Waits; fails the test when it does not come."""
        if wanted():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, waiter))
        async with asyncio.timeout(PATIENCE):
            await waiter


class Link(asyncio.Protocol):
    """One client's connection to the server."""

    def __init__(self, server: "ManagerServer") -> None:
        self.server = server
        self.open = True
        self.transport: asyncio.Transport
        self._framer = Framer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.links.append(self)
        self.transport.write(self.server.greeting)
        self.server.change.changed()

    def data_received(self, data: bytes) -> None:
        for received in self._framer.feed(data):
            asked = headers(received)
            self.server.actions.append(asked)
            if (answer := self.server.answers.get(asked.get("Action", ""))) is not None:
                answer(self, asked)
        self.server.change.changed()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self.server.change.changed()

    def send(self, *packets: bytes) -> None:
        """Sends all of it in one write."""
        self.transport.write(b"".join(packets))

    def answer(self, asked: Headers, *lines: str) -> None:
        """A response to this action."""
        self.send(packet(lines[0], f"ActionID: {asked.get('ActionID', '')}", *lines[1:]))

    def rows(self, asked: Headers, row: str, complete: str, rows: Sequence[Mapping[str, str]]) -> None:
        """A list answer, as CoreShowChannels and BridgeList give it."""
        mark = f"ActionID: {asked.get('ActionID', '')}"
        self.answer(asked, "Response: Success", "EventList: start", "Message: List will follow")
        for shown in rows:
            self.send(packet(f"Event: {row}", mark, *(f"{key}: {value}" for key, value in shown.items())))
        self.send(packet(f"Event: {complete}", mark, "EventList: Complete", f"ListItems: {len(rows)}"))

    def close(self) -> None:
        """Hangs up."""
        self.transport.close()


Answer = Callable[[Link, Headers], object]


class ManagerServer:
    """Answers like an idle Asterisk unless `answers` says otherwise; an action without an answer gets none.

    actions: all actions received, of all connections. links: all connections, the gone ones too.
    """

    def __init__(self, *, tls: bool = False) -> None:
        self.greeting = b"Asterisk Call Manager/11.0.0\r\n"
        self.actions: list[Headers] = []
        self.links: list[Link] = []
        self.channels: list[dict[str, str]] = []
        self.bridges: list[dict[str, str]] = []
        self.change = Change()
        self.answers: dict[str, Answer] = {
            "Login": self.accept,
            "Ping": lambda link, asked: link.answer(asked, "Response: Success", "Ping: Pong"),
            "ListCommands": lambda link, asked: link.answer(
                asked, "Response: Success", "CoreShowChannels: List currently active channels.  (Priv: reporting,all)"
            ),
            "CoreShowChannels": lambda link, asked: link.rows(
                asked, "CoreShowChannel", "CoreShowChannelsComplete", self.channels
            ),
            "BridgeList": lambda link, asked: link.rows(asked, "BridgeListItem", "BridgeListComplete", self.bridges),
        }
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listens on a free port of the loopback."""
        context = None
        if self._tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATE)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self), "127.0.0.1", 0, ssl=context)

    async def stop(self) -> None:
        """Stops listening and hangs up on everybody."""
        if self._server is not None:
            self._server.close()
            for link in self.links:
                link.transport.abort()
            await self._server.wait_closed()

    def login(self, **other: Any) -> Login:
        """How a session gets in."""
        return replace(Login("office", "127.0.0.1", "u", "s", port=self.port), **other)

    def accept(self, link: Link, asked: Headers) -> None:
        """A login is right."""
        link.answer(asked, "Response: Success", "Message: Authentication accepted")
        link.send(event("FullyBooted", "system,all", Uptime="31", Status="Fully Booted"))

    def refuse(self, link: Link, asked: Headers) -> None:
        """A login is wrong."""
        link.answer(asked, "Response: Error", "Message: Authentication failed")
        link.close()

    def deny(self, link: Link, asked: Headers) -> None:
        """The account may not do this."""
        link.answer(asked, "Response: Error", "Message: Permission denied")

    def named(self, action: str) -> list[Headers]:
        """The actions of this name that were received."""
        return [asked for asked in self.actions if asked.get("Action") == action]

    async def asked(self, action: str, times: int = 1) -> Link:
        """Waits for an action to be received so many times. Returns the newest connection."""
        await self.change.until(lambda: len(self.named(action)) >= times)
        return self.links[-1]

    async def connected(self, times: int = 1) -> Link:
        """Waits for so many connections. Returns the newest."""
        await self.change.until(lambda: len(self.links) >= times)
        return self.links[-1]


class ManualClock:
    """Time stands still until a test moves it. slept: the length of every sleep that was begun.

    Chance is always 0.5, so the waits for the next attempt are 0.375, 0.75, 1.5 … seconds; nothing else sleeps so long.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.set_by = 0.0
        """How far somebody has set the wall clock."""
        self.suspended = 0.0
        """Seconds that the host has slept: they have passed, and `now` does not count them."""
        self.slept: list[float] = []
        self.change = Change()
        self._sleeping: list[tuple[float, asyncio.Future[None]]] = []

    @property
    def clock(self) -> Clock:
        """What a session is given. The epoch began a million seconds before `now` did."""
        return Clock(
            lambda: self.now,
            lambda: self.now + self.suspended + self.set_by + 1e6,
            self._sleep,
            lambda: 0.5,
            lambda: self.suspended,
        )

    def _sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.now + seconds, sleeper))
        self.slept.append(seconds)
        self.change.changed()

        async def sleep() -> None:
            await sleeper

        return sleep()

    async def asleep(self, seconds: float, times: int = 1) -> None:
        """Waits until somebody has begun a sleep of this length, so many times."""
        await self.change.until(lambda: self.slept.count(seconds) >= times)

    def move(self, seconds: float) -> None:
        """Lets time pass; whoever has slept long enough wakes."""
        self.now += seconds
        for due, sleeper in self._sleeping:
            if due <= self.now and not sleeper.done():
                sleeper.set_result(None)


class Listener:
    """A handler that keeps what it is told. told: `picture`, `lost`, or the Uniqueids of a group of events."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.groups: list[list[Event]] = []
        self.pictures: list[tuple[Picture, float, float]] = []
        self.losses: list[tuple[str, float, float]] = []
        self.change = Change()

    async def events(self, group: Sequence[Event]) -> None:
        self.groups.append(list(group))
        self._tell([event.headers.get("Uniqueid", "") for event in group])

    async def picture(self, picture: Picture, at: float, wall: float) -> None:
        self.pictures.append((picture, at, wall))
        self._tell("picture")

    async def lost(self, why: str, at: float, wall: float) -> None:
        self.losses.append((why, at, wall))
        self._tell("lost")

    @property
    def uids(self) -> list[str]:
        """The Uniqueids of all events, in the order they came."""
        return [event.headers.get("Uniqueid", "") for group in self.groups for event in group]

    async def heard(self, count: int) -> None:
        """Waits for so many events."""
        await self.change.until(lambda: len(self.uids) >= count)

    async def until_told(self, what: object, times: int = 1) -> None:
        """Waits until this was told, so many times."""
        await self.change.until(lambda: self.told.count(what) >= times)

    def _tell(self, what: object) -> None:
        self.told.append(what)
        self.change.changed()


class Slow(Listener):
    """A listener that works on a group until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def events(self, group: Sequence[Event]) -> None:
        self.at_work.set()
        await self.may_go_on.wait()
        await super().events(group)


class Logbook:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self._capture = LogCapture()
        processors: list[Processor] = [structlog.processors.format_exc_info, self._capture]
        self.log: FilteringBoundLogger = structlog.wrap_logger(None, processors=processors)

    @property
    def lines(self) -> Sequence[Mapping[str, Any]]:
        """Every line, as its fields."""
        return self._capture.entries

    def named(self, *events: str) -> list[Mapping[str, Any]]:
        """The lines with these events, in order."""
        return [line for line in self.lines if line["event"] in events]

    @property
    def text(self) -> str:
        """All of it, to look for what must not be there."""
        return repr(self._capture.entries)


@asynccontextmanager
async def served(*, tls: bool = False) -> AsyncIterator[ManagerServer]:
    """A server that listens in the block."""
    server = ManagerServer(tls=tls)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def running(
    login: Login,
    handler: Handler,
    book: Logbook | None = None,
    time: ManualClock | None = None,
    tap: Receive | None = None,
) -> AsyncIterator[Session]:
    """A session that runs in the block."""
    session = Session(login, handler, log=(book or Logbook()).log, clock=time.clock if time else None, tap=tap)
    run = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        await session.close()
        await run
