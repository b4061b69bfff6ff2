"""A connection to an MQTT broker that is kept up: its status and last will, its back-off, what becomes of a message."""

import asyncio
import math
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import aiomqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from structlog.typing import FilteringBoundLogger

from amibridge.crm.interface import Answer, Done, Lost, Refused, Retry
from amibridge.crm.mqtt.client import FAILURES, NO_ACCESS, OF_THE_MESSAGE, Client, answer, code_of, remedy_for, why
from amibridge.crm.mqtt.others import OFFLINE, ONLINE, signed
from amibridge.waiting import STEADY, Backoff, Flapping

LONGEST_PAUSE = 15.0
"""Seconds between two attempts to connect, at most."""
FAREWELL = 2.0
"""Seconds for taking leave of a broker."""


class Watcher(Protocol):
    """Whoever keeps a connection, and is told what comes over it."""

    def begins(self) -> None:
        """A new connection: what the broker shows is not known yet."""

    def hears(self, said: aiomqtt.Message) -> None:
        """One message on the topics that are watched."""

    async def puts_right(self) -> None:
        """What is retained has been heard; awaited before `reached`."""


class Connection:
    """Begins with `start`, ends with `close`, and is there as often as the broker is."""

    def __init__(
        self,
        arguments: Mapping[str, Any],
        status: str,
        watched: str,
        name: str,
        watcher: Watcher,
        log: FilteringBoundLogger,
    ) -> None:
        """arguments: of aiomqtt's client. status: the topic that tells whether we are there, under this name. watched:
        topics of which others' messages are wanted.
        """
        self._arguments = {**arguments, "will": aiomqtt.Will(status, OFFLINE, 1, True, signed(name))}
        self._status = status
        self._watched = watched
        self._name = name
        self._watcher = watcher
        self._log = log
        self.why = "not connected yet"
        """What was wrong with it the last time."""
        self._backoff = Backoff(random.random, longest=LONGEST_PAUSE)
        self._flapping = Flapping(time.monotonic)
        self._told: set[str] = set()
        """What has been said since it was up: each once."""
        self._up = asyncio.Event()
        self._closing = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._ending: asyncio.Task[None] | None = None
        """Ends when the connection does."""
        self._turn = asyncio.Lock()
        """How a message was taken is known of the last one only."""

    def start(self) -> None:
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name=self._status)

    async def close(self) -> None:
        self._closing.set()
        if self._ending is not None and self._up.is_set():
            self._ending.cancel()
        if self._keeping is not None:
            # Who is in the middle of connecting cannot be cut short, but ends by itself.
            await asyncio.wait([self._keeping], timeout=FAREWELL)

    async def reached(self, seconds: float) -> bool:
        """Waits until it is up. Returns whether it is."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._up.wait(), seconds)
        return self._up.is_set()

    async def publish(self, topic: str, content: bytes, properties: Properties, *, retain: bool = False) -> Answer:
        """Brings one message to the broker, and waits until it has it."""
        async with self._turn:
            client, ending = self._client, self._ending
            if client is None or ending is None or ending.done():
                return Retry(f"no connection: {self.why}", unreached=True)
            client.taken = None
            publishing = asyncio.create_task(client.publish(topic, content, 1, retain, properties, timeout=math.inf))
            try:
                await asyncio.wait([publishing, ending], timeout=client.timeout, return_when=asyncio.FIRST_COMPLETED)
                if not publishing.done() and client.taken is None:
                    error = _end(ending) if ending.done() else TimeoutError()
                    return Refused(why(error)) if code_of(error) in OF_THE_MESSAGE else Lost(why(error))
            finally:
                if not publishing.done():
                    # An answer that comes late would be taken for the next message's: this connection has had its day.
                    publishing.cancel()
                    ending.cancel()
                    self._up.clear()
                    self._client = None
            if client.taken is None and (wrong := publishing.exception()) is not None:
                return Lost(why(wrong)) if isinstance(wrong, aiomqtt.MqttError) else Refused(why(wrong))
            return answer(client.taken, topic)

    async def _keep(self) -> None:
        """Connects again and again, each time with a new client: an old one would send once more what it has left."""
        while not self._closing.is_set():
            event, remedy, was_up = "mqtt.lost", None, False
            try:
                async with Client(self._watcher.hears, **self._arguments) as client:
                    if self._closing.is_set():
                        return
                    ending = self._ending = asyncio.create_task(_over(client))
                    self._client = client
                    await self._begin(client)
                    was_up = True
                    self._told.clear()
                    self._flapping.worked()
                    self._backoff.reset()
                    self.why = why(await self._live(client, ending))
            except FAILURES as error:
                self.why, remedy = why(error), remedy_for(error)
                event = "mqtt.refused" if code_of(error) in NO_ACCESS else event
            finally:
                self._client = None
                if self._ending is not None:
                    self._ending.cancel()
                    await asyncio.gather(self._ending, return_exceptions=True)
            if self._closing.is_set():
                return
            delay = self._backoff.delay()
            self._tell_of_the_end(event, remedy, was_up)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), delay)

    def _tell_of_the_end(self, event: str, remedy: str | None, was_up: bool) -> None:
        """Each trouble is an error once; what breaks again and again is said as that, with how often."""
        if was_up:
            news = self._flapping.broke()
            event = "mqtt.flapping" if self._flapping.flaps else event
        else:
            news = event not in self._told and (self._backoff.grown or not self._flapping.flaps)
        if news:
            self._told.add(event)
            said = {"why": self.why, **({"remedy": remedy} if remedy else {})}
            often = {"losses": self._flapping.breaks, "within": round(self._flapping.within)}
            self._log.error(event, **said, **(often if self._flapping.flaps else {}))

    async def _begin(self, client: Client) -> None:
        """Says that we are there, learns what the broker has, and tells it what it should have."""
        self._watcher.begins()
        for topic, others_only in ((self._watched, True), (self._status, False)):
            (code,) = await client.subscribe(topic, options=SubscribeOptions(qos=0, noLocal=others_only))
            if isinstance(code, ReasonCode) and code.is_failure:
                self._log.warning("mqtt.not_allowed", read=topic, why=str(code))
        said = await self.publish(self._status, ONLINE.encode(), signed(self._name, asks=True), retain=True)
        if isinstance(said, Lost):
            raise aiomqtt.MqttError(said.why)
        if not isinstance(said, Done):
            self._log.warning("mqtt.not_allowed", topic=self._status, why=said.why)
        # What is retained has been heard before the answer to a later message.
        await self._watcher.puts_right()

    async def _live(self, client: Client, ending: "asyncio.Task[None]") -> BaseException:
        """Until the connection ends. Returns why."""
        if not ending.done():
            if not self._flapping.flaps:
                self._log.info("mqtt.connected")
            self._up.set()
        if not self._closing.is_set() and self._flapping.flaps:
            done, _ = await asyncio.wait([ending], timeout=STEADY)
            if not done:
                within = round(self._flapping.within)
                self._log.info("mqtt.steady", losses=self._flapping.steady(), within=within)
        if not self._closing.is_set():
            await asyncio.wait([ending])
        self._up.clear()
        ending.cancel()
        if self._closing.is_set():
            await client.publish(self._status, OFFLINE, 1, True, signed(self._name))
        return _end(ending)


async def _over(client: Client) -> None:
    """Until the connection ends; raises why."""
    async for _ in client.messages:
        pass


def _end(ending: "asyncio.Task[None]") -> BaseException:
    """Why a connection ended that is read no more."""
    return (None if ending.cancelled() else ending.exception()) or TimeoutError()
