"""The adapter of one broker: what each PBX tells goes to topics of its own."""

import asyncio
import ssl
import string
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import Answer, Capabilities, Done, Memory, Refused, Repeat, Retry
from amibridge.crm.message import message
from amibridge.crm.mqtt.cards import Cards, Strange
from amibridge.crm.mqtt.connection import Connection
from amibridge.crm.mqtt.others import ONLINE, Heard, Others, new_name, signed
from amibridge.crm.mqtt.trial import card_topic, trial

log = structlog.get_logger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE = 15
"""Seconds of silence after which the broker is asked whether it is there."""

LARGEST = 64 * 1024
"""Bytes: what is longer, no daemon has written, and the broker keeps it for itself."""
SETTLES = 3.0
"""Seconds in which another daemon has answered, if there is one."""
WHO_WRITES = "only the daemon may write below `prefix`: see the broker's access list"
ONE_DAEMON = "end one of them, or give it another `prefix` or another name for the PBX"

_PLAIN = "".join(sorted(set(string.punctuation) - set("/+#%")))


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """One broker.

    url: `mqtt://host[:port]` or, with TLS, `mqtts://host[:port]`. pbxs: the names of the PBXs; each has a connection
    of its own. prefix: the first part of every topic. ca_file: who vouches for the broker's certificate, None for the
    host's own list; verify: False takes any. card_expires: seconds after which a card that nobody closed vanishes.
    timeout: seconds for each step: to connect, to be told that a message has arrived.
    """

    name: str
    url: str = field(repr=False)
    pbxs: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    prefix: str = "amibridge"
    ca_file: Path | None = None
    verify: bool = True
    card_expires: float = 14400.0
    timeout: float = 10.0


class Mqtt:
    """The adapter of one broker. Whoever keeps a message's property `key` takes nothing twice.

    opened: the `card.open` commands whose cards were shown by the life before, and the seconds since each was told.
    warn: hears what somebody should see to, and of which PBX; None: it is over.
    Raises ValueError for settings that no broker can be reached with.
    """

    def __init__(
        self,
        settings: MqttSettings,
        opened: Sequence[tuple[Command, float]] = (),
        warn: Callable[[str, str | None], None] = lambda pbx, what: None,
    ) -> None:
        self.name = settings.name
        self.capabilities = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE))
        self._settings = settings
        self._arguments = _arguments(settings)
        self._pbxs = {pbx: _Pbx(settings, self._arguments, pbx, partial(warn, pbx)) for pbx in settings.pbxs}
        for command, age in opened:
            self._whose(command).opens(command, age)
        self._starting = asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        for pbx in self._pbxs.values():
            pbx.connection.start()

    def _whose(self, command: Command) -> "_Pbx":
        # What is left of a PBX that is configured no more goes out over another one's connection.
        return self._pbxs.get(_pbx_of(command)) or next(iter(self._pbxs.values()))

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        self._start()
        return await self._whose(command).send(command)

    async def probe(self) -> Sequence[str]:
        """Tries each right. An adapter made for that alone never says that a PBX is online."""
        self._starting.cancel()
        return await trial(self._arguments, [_own(self._settings, pbx) for pbx in self._pbxs])

    async def close(self) -> None:
        self._starting.cancel()
        await asyncio.gather(*(pbx.close() for pbx in self._pbxs.values()))


class _Pbx:
    """One PBX: its topics, and which cards they should show."""

    def __init__(
        self,
        settings: MqttSettings,
        arguments: dict[str, Any],
        name: str,
        warn: Callable[[str | None], None],
    ) -> None:
        self._settings = settings
        self._name = name
        self._status = f"{_own(settings, name)}/status"
        self._others = Others(new_name())
        self._warn = warn
        self._log = log.bind(crm=settings.name, pbx=name, broker=f"{arguments['hostname']}:{arguments['port']}")
        # The same name at each connection: the broker lets go of a dead one, and of its will, before it takes the next.
        identified = {**arguments, "identifier": f"amibridge-{settings.name}-{name}-{uuid.uuid4().hex[:8]}"}
        watched = card_topic(_own(settings, name), "+")
        self.connection = Connection(identified, self._status, watched, self._others.name, self, self._log)
        self._cards = Cards()
        self._shown: dict[str, str | None] = {}
        """Topic to the key of the card that the broker is known to show there, since it is connected."""
        self._strange = Strange()
        self._publisher = asyncio.Lock()
        self._answer_owed = asyncio.Event()
        self._met = asyncio.Event()
        """Another daemon has answered, since we are connected."""
        self._heard_itself = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.connection.close()

    async def send(self, command: Command) -> Answer:
        if not await self.connection.reached(self._settings.timeout):
            return Retry(f"no connection: {self.connection.why}")
        shown: Answer = Done()
        async with self._publisher:
            if command.type is CommandType.CARD_OPEN:
                self.opens(command, 0.0)
            elif command.type is CommandType.CARD_CLOSE:
                self._cards.closes(self._topic(command), command.call_id)
            if command.type in (CommandType.CARD_OPEN, CommandType.CARD_CLOSE):
                shown = await self._show(self._topic(command))
                if not isinstance(shown, Done | Refused):
                    return shown
            topic = f"{_own(self._settings, _pbx_of(command))}/calls/{command.type}"
            told = await self.connection.publish(topic, message(command), self._properties(command.key))
        # Who hears of calls hears of a card too that its own topic cannot show.
        return told if isinstance(shown, Done) else shown

    def opens(self, command: Command, age: float) -> None:
        """What is to be shown changes, whatever becomes of telling it. age: seconds since it was told."""
        expires = time.monotonic() + self._settings.card_expires - age
        self._cards.opens(self._topic(command), command, expires)

    def _topic(self, command: Command) -> str:
        return card_topic(_own(self._settings, _pbx_of(command)), level(command.extension or ""))

    async def _show(self, topic: str) -> Answer:
        """Has the topic show the newest of its open cards, or none."""
        now = time.monotonic()
        card = self._cards.newest(topic, now)
        key = None if card is None else card.key
        if topic not in self._cards or self._shown.get(topic, "") == key:
            return Done()
        if card is None:
            return await self._retain(topic, b"", None, None)
        answer = await self._retain(topic, card.content, card.key, card.expires - now)
        if isinstance(answer, Refused):
            self._cards.cannot_be_shown(topic, card)
        return answer

    async def _retain(self, topic: str, content: bytes, key: str | None, seconds: float | None) -> Answer:
        answer = await self.connection.publish(topic, content, self._properties(key, seconds), retain=True)
        if isinstance(answer, Done):
            self._shown[topic] = key
        return answer

    def _properties(self, key: str | None, seconds: float | None = None) -> Properties:
        """What goes with a message. key: None where there is no content. seconds: until it expires."""
        properties = signed(self._others.name)
        if key is not None:
            properties.ContentType = "application/json"
            properties.UserProperty = ("key", quote(key, safe=string.punctuation))
        if seconds is not None:
            properties.MessageExpiryInterval = min(max(1, round(seconds)), 0xFFFFFFFF)
        return properties

    # What the connection says

    def begins(self) -> None:
        self._shown.clear()
        self._strange.forget()
        self._met.clear()
        self._heard_itself = False
        if self._others.there:
            self._others.forget()
            self._warn(None)

    def hears(self, said: aiomqtt.Message) -> None:
        topic = str(said.topic)
        if topic == self._status:
            self._meets(self._others.hear(said))
        elif not said.retain:
            shown, heard = self._shown.pop(topic, None), self._others.hear_card(said)
            if (said.payload or shown) and not self._others.there and self._strange.is_news(topic):
                self._log.warning("mqtt.strange_card", topic=topic, remedy=WHO_WRITES)
            self._meets(heard)
        # Only what this daemon has decided is believed, whatever the broker shows.
        elif (card := self._cards.told_by(topic, bytes(said.payload or b""))) is None:
            self._strange.found(topic)
        else:
            self._shown[topic] = card.key

    def _meets(self, heard: Heard) -> None:
        """Says who came and went."""
        self._heard_itself |= heard.echo
        if heard.came is not None:
            self._met.set()
            self._log.error("mqtt.shared", other=heard.came, remedy=ONE_DAEMON)
        if heard.went is not None:
            self._log.info("mqtt.other_gone", other=heard.went)
        if heard.came is not None or heard.went is not None:
            there = ", ".join(self._others.there)
            self._warn(f"another daemon speaks on the topics of {self._name}: {there}; {ONE_DAEMON}" if there else None)
        if heard.answer:
            self._answer_owed.set()

    async def puts_right(self) -> None:
        """The broker may have forgotten, or have gone back to, what it was told."""
        if not self._tasks:
            self._in_the_background(self._answer())
        async with self._publisher:
            for topic in self._cards:
                await self._show(topic)
        if self._strange.topics:
            self._in_the_background(self._clear(list(self._strange.topics)))

    def _in_the_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=self._status)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self) -> None:
        """Says that we are there when somebody asks, or says the opposite. Works until it is cancelled."""
        while True:
            await self._answer_owed.wait()
            self._answer_owed.clear()
            await self.connection.publish(self._status, ONLINE.encode(), signed(self._others.name), retain=True)

    async def _clear(self, strange: Sequence[str]) -> None:
        """Takes away what is shown and was never decided here, unless another daemon is there whose it may be."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._met.wait(), SETTLES)
        cleared = 0
        if self._heard_itself and not self._others.there:
            for topic in strange:
                async with self._publisher:
                    if topic not in self._cards and not isinstance(await self._retain(topic, b"", None, None), Done):
                        break
                cleared += 1
        self._log.warning(
            "mqtt.strange_cards", found=self._strange.number, cleared=cleared, first=strange[0], remedy=WHO_WRITES
        )


def _own(settings: MqttSettings, pbx: str) -> str:
    """The beginning of one PBX's topics."""
    return f"{settings.prefix}/{level(pbx)}"


def _pbx_of(command: Command) -> str:
    return command.call_id.partition(":")[0]


def level(text: str) -> str:
    """The text as one level of a topic: what means something there, and whatever is not plain ASCII, is encoded."""
    return quote(text, safe=_PLAIN)


def _arguments(settings: MqttSettings) -> dict[str, Any]:
    """What every connection to the broker is made with. Raises ValueError."""
    url = urlsplit(settings.url)
    if url.scheme not in PORTS or not url.hostname or url.username is not None:
        raise ValueError(
            "`url` is mqtt://host:port or mqtts://host:port; `username` and `password` stand by themselves"
        )
    if not settings.prefix.isprintable() or set(settings.prefix) & set("+#"):
        raise ValueError("`prefix` is the beginning of a topic, without + and #")
    return {
        "hostname": url.hostname,
        "port": url.port or PORTS[url.scheme],
        "username": settings.username,
        "password": settings.password,
        "protocol": aiomqtt.ProtocolVersion.V5,
        "clean_start": True,
        "keepalive": KEEPALIVE,
        "timeout": settings.timeout,
        "properties": _limits(),
        "tls_context": _tls(settings) if url.scheme == "mqtts" else None,
    }


def _limits() -> Properties:
    """What the broker is to spare us."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST
    return properties


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ValueError(f"the CA file {settings.ca_file} cannot be used: {error.strerror or error}") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
