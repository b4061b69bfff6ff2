"""What the daemon tells: a webhook receiver, a Bitrix24 portal and a broker, on a loop in a thread of its own."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt
from aiohttp import web

from amibridge.demo.portal import Portal, User, running
from tests.chaos.proxy import between
from tests.unit.mosquitto import Broker
from tests.unit.webhook_receiver import Delivered, Receiver, receiving

PATIENCE = 20.0
"""Seconds after which what was told of a call should have arrived everywhere."""
USERS = {"120": 15, "121": 16, "134": 12, "135": 17, "136": 18, "137": 19, "250": 20}
"""Users of the portal by extension, as in the map; of 250, in the other office, only the portal knows."""
ALL_CARDS = "amibridge/+/extensions/+/card"

T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """One command as a webhook. at: when it came, in seconds since the epoch."""

    at: float
    type: str
    data: dict[str, Any]

    @property
    def call_id(self) -> str:
        return str(self.data["record"]["call_id"] if "record" in self.data else self.data["call"]["id"])


@dataclass(frozen=True)
class Retained:
    """One change of a card's topic. call_id: None when it was cleared."""

    at: float
    extension: str
    call_id: str | None


@dataclass
class Crms:
    """A context manager. Whatever has come is in order of its coming."""

    folder: Path
    told: list[Told] = field(default_factory=list)
    retained: list[Retained] = field(default_factory=list)
    portal: Portal = field(init=False)
    broker: Broker = field(init=False)
    receiver: Receiver = field(init=False)

    def through(self, port: int) -> int:
        """The port of a wire to this one, which can be cut."""
        self._proxy = self._do(self._stack.enter_async_context(between(port)))
        return self._proxy.port

    def cut(self) -> None:
        """Cuts the wire; the next connection is a good one."""
        self._loop.call_soon_threadsafe(self._proxy.cut)

    def now(self) -> float:
        """The clock by which things come."""
        return time.time()

    def __enter__(self) -> "Crms":
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def until(self, reached: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Waits until it is so. Returns whether it is; the condition is looked at in this thread, at every news."""
        with self._news:
            return self._news.wait_for(reached, seconds)

    def records(self, since: int) -> list[dict[str, Any]]:
        """The records of the calls that are over."""
        return [told.data["record"] for told in self.told[since:] if told.type == "call.finished"]

    async def _open(self) -> None:
        users = [User(1, None, "Admin"), *(User(user, inner) for inner, user in USERS.items())]
        self.portal = await self._stack.enter_async_context(running(Portal(users, capacity=10_000, rate=10_000)))
        self.receiver = await self._stack.enter_async_context(receiving(self._take))
        self.broker = Broker(self.folder)
        await self.broker.start()
        self._stack.push_async_callback(self.broker.stop)
        for watching in (self._watch_portal(), self._watch_broker()):
            task = asyncio.create_task(watching)
            self._stack.push_async_callback(_ended, task)

    def _take(self, delivered: Delivered) -> web.Response:
        body = delivered.body
        with self._news:
            self.told.append(Told(time.time(), body["type"], body["data"]))
            self._news.notify_all()
        return web.Response(status=204)

    async def _watch_portal(self) -> None:
        while True:
            seen = len(self.portal.shown)
            await self.portal.until(lambda seen=seen: len(self.portal.shown) > seen)  # type: ignore[misc]
            with self._news:
                self._news.notify_all()

    async def _watch_broker(self) -> None:
        async with aiomqtt.Client("127.0.0.1", self.broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe(ALL_CARDS)
            async for message in client.messages:
                content = message.payload
                assert isinstance(content, bytes)
                call_id = json.loads(content)["data"]["call"]["id"] if content else None
                with self._news:
                    self.retained.append(Retained(time.time(), str(message.topic).split("/")[3], call_id))
                    self._news.notify_all()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
