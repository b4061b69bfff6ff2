"""A connection to an MQTT broker that is kept up: its status and last will, its back-off, what becomes of a message."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiomqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from structlog.typing import FilteringBoundLogger

from amibridge.crm.interface import Answer, Done, Lost, Refused, Retry
from amibridge.waiting import STEADY, Backoff, Flapping

LONGEST_PAUSE = 15.0
"""Seconds between two attempts to connect, at most."""
FAREWELL = 2.0
"""Seconds for taking leave of a broker."""

_NO_ACCESS = frozenset({0x86, 0x87})
"""MQTT 5's reason codes for a bad user name or password, and for what is not authorised."""
_OF_THE_MESSAGE = frozenset({0x81, 0x82, 0x90, 0x95, 0x99})
"""Malformed, protocol error, invalid topic, too large, invalid payload: what is said of a message, and will be again.
A protocol error is what mosquitto's refusal comes to where `message_size_limit` is exceeded: MQTT 5 has no such answer.
"""
_FAILURES = (aiomqtt.MqttError, OSError, ValueError)
"""What comes of connecting; ValueError for host names that are none."""


async def trial(arguments: Mapping[str, Any]) -> Sequence[str]:
    """Connects once. arguments: of aiomqtt's client. Returns what is wrong, with its remedy; nothing: it works."""
    try:
        async with asyncio.timeout(arguments["timeout"]), aiomqtt.Client(**arguments):
            return []
    except _FAILURES as error:
        return [f"{_why(error)}; {_remedy(error)}"]


class _Client(aiomqtt.Client):
    """One connection. aiomqtt does not tell how the broker took a message: this one remembers it of the last."""

    taken: ReasonCode | None = None

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        self.taken = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)


class Connection:
    """Begins with `start`, ends with `close`, and is there as often as the broker is."""

    def __init__(
        self,
        arguments: Mapping[str, Any],
        status: str,
        watched: str,
        learn: Callable[[aiomqtt.Message], None],
        refresh: Callable[[Sequence[aiomqtt.Message]], Awaitable[None]],
        log: FilteringBoundLogger,
    ) -> None:
        """arguments: of aiomqtt's client. status: the topic that tells whether we are there. watched: topics of which
        others' messages are wanted. refresh: is awaited at each connection, before `reached`, with what is retained on
        them. learn: is given what comes later.
        """
        self._arguments = {**arguments, "will": aiomqtt.Will(status, "offline", 1, True)}
        self._status = status
        self._watched = watched
        self._learn = learn
        self._refresh = refresh
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
        self._client: _Client | None = None
        self._reading: asyncio.Task[None] | None = None
        """Ends when the connection does."""

    def start(self) -> None:
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name=self._status)

    async def close(self) -> None:
        self._closing.set()
        if self._reading is not None:
            self._reading.cancel()
        if self._keeping is not None:
            # Who is in the middle of connecting cannot be cut short, but ends by itself.
            await asyncio.wait([self._keeping], timeout=FAREWELL)

    async def reached(self, seconds: float) -> bool:
        """Waits until it is up. Returns whether it is."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._up.wait(), seconds)
        return self._up.is_set()

    async def publish(self, topic: str, content: bytes, properties: Properties, *, retain: bool = False) -> Answer:
        """Brings one message to the broker, and waits until it has it. One publisher at a time."""
        client, reading = self._client, self._reading
        if client is None or reading is None or reading.done():
            return Retry(f"no connection: {self.why}")
        publishing = asyncio.create_task(client.publish(topic, content, 1, retain, properties, timeout=math.inf))
        try:
            await asyncio.wait([publishing, reading], timeout=client.timeout, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                error = _end(reading) if reading.done() else TimeoutError()
                return Refused(_why(error)) if _code(error) in _OF_THE_MESSAGE else Lost(_why(error))
        finally:
            if not publishing.done():
                # An answer that comes late would be taken for the next message's: this connection has had its day.
                publishing.cancel()
                reading.cancel()
                self._up.clear()
                self._client = None
        if (wrong := publishing.exception()) is not None:
            return Lost(_why(wrong)) if isinstance(wrong, aiomqtt.MqttError) else Refused(_why(wrong))
        taken = client.taken
        if taken is None or not taken.is_failure:
            return Done()
        if taken.value in _OF_THE_MESSAGE:
            return Refused(str(taken))
        if taken.value in _NO_ACCESS:
            return Retry(f"{taken}: see the broker's access list for {topic}", alone=True)
        return Retry(str(taken))

    async def _keep(self) -> None:
        """Connects again and again, each time with a new client: an old one would send once more what it has left."""
        while not self._closing.is_set():
            event, remedy, was_up = "mqtt.lost", None, False
            try:
                async with _Client(**self._arguments) as client:
                    if self._closing.is_set():
                        return
                    reading = await self._begin(client)
                    was_up = True
                    self._told.clear()
                    self._flapping.worked()
                    self._backoff.reset()
                    self.why = _why(await self._live(client, reading))
            except _FAILURES as error:
                self.why, remedy = _why(error), _remedy(error)
                event = "mqtt.refused" if _code(error) in _NO_ACCESS else event
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

    async def _begin(self, client: _Client) -> "asyncio.Task[None]":
        """Says that we are there, learns what the broker has, and tells it what it should have."""
        await client.subscribe(self._watched, options=SubscribeOptions(qos=0, noLocal=True))
        await client.publish(self._status, "online", 1, True)
        if client.taken is not None and client.taken.is_failure:
            self._log.warning("mqtt.not_allowed", topic=self._status, why=str(client.taken))
        # What is retained has come before the answer to a later message.
        incoming = client.messages
        found = [await anext(incoming) for _ in range(len(incoming))]
        self._client, self._reading = client, asyncio.create_task(self._read(client))
        await self._refresh(found)
        return self._reading

    async def _live(self, client: _Client, reading: "asyncio.Task[None]") -> BaseException:
        """Until the connection ends. Returns why."""
        if not reading.done():
            if not self._flapping.flaps:
                self._log.info("mqtt.connected")
            self._up.set()
        if not self._closing.is_set() and self._flapping.flaps:
            done, _ = await asyncio.wait([reading], timeout=STEADY)
            if not done:
                within = round(self._flapping.within)
                self._log.info("mqtt.steady", losses=self._flapping.steady(), within=within)
        if not self._closing.is_set():
            await asyncio.wait([reading])
        self._up.clear()
        reading.cancel()
        if self._closing.is_set():
            await client.publish(self._status, "offline", 1, True)
        return _end(reading)

    async def _read(self, client: _Client) -> None:
        async for said in client.messages:
            self._learn(said)


def _end(reading: "asyncio.Task[None]") -> BaseException:
    """Why a connection ended that is read no more."""
    return (None if reading.cancelled() else reading.exception()) or TimeoutError()


def _code(error: BaseException) -> int | None:
    """MQTT 5's reason code, where the broker gave one."""
    code = getattr(error.__cause__ or error, "rc", None)
    return code.value if isinstance(code, ReasonCode) else None


def _why(error: BaseException) -> str:
    cause = error.__cause__ or error
    code = getattr(cause, "rc", None)
    if isinstance(code, ReasonCode):
        return str(code)
    return str(cause) or "no answer in time"


def _remedy(error: BaseException) -> str:
    if _code(error) in _NO_ACCESS:
        return "see `username` and `password`, and what the broker allows them"
    if "CERTIFICATE" in str(error):
        return "see `ca_file`; `verify: false` takes any certificate"
    return "is `url` right, and does the broker run?"
