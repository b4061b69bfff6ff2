"""MQTT 5: an open card is a retained message of a broker; everything that is told is a message of its own too."""

import asyncio
import ssl
import string
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiomqtt
import orjson
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from amibridge.calls import Command, CommandType
from amibridge.calls.record import iso
from amibridge.crm.interface import Answer, Capabilities, Done, Memory, Refused, Repeat, Retry
from amibridge.crm.message import message
from amibridge.crm.mqtt_connection import Connection, trial

log = structlog.get_logger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE = 15
"""Seconds of silence after which the broker is asked whether it is there."""

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

    Raises ValueError for settings that no broker can be reached with.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self.name = settings.name
        self.capabilities = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE))
        self._arguments = _arguments(settings)
        self._pbxs = {pbx: _Pbx(settings, self._arguments, pbx) for pbx in settings.pbxs}
        self._starting = asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        for pbx in self._pbxs.values():
            pbx.connection.start()

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        self._start()
        name = command.call_id.partition(":")[0]
        # What is left of a PBX that is configured no more goes out over another one's connection.
        pbx = self._pbxs.get(name) or next(iter(self._pbxs.values()))
        return await pbx.send(command, level(name))

    async def probe(self) -> Sequence[str]:
        """Connects and leaves again. An adapter made for that alone never says that a PBX is online."""
        self._starting.cancel()
        return await trial(self._arguments)

    async def close(self) -> None:
        self._starting.cancel()
        await asyncio.gather(*(pbx.connection.close() for pbx in self._pbxs.values()))


@dataclass(frozen=True, slots=True)
class _Card:
    """A card that is open. opened: as its message tells it; such times sort as text. expires: monotonic seconds."""

    key: str
    opened: str
    content: bytes
    expires: float


class _Pbx:
    """One PBX: its topics, and which cards they should show."""

    def __init__(self, settings: MqttSettings, arguments: dict[str, Any], name: str) -> None:
        self._settings = settings
        own = f"{settings.prefix}/{level(name)}"
        # The same name at each connection: the broker lets go of a dead one, and of its will, before it takes the next.
        identified = {**arguments, "identifier": f"amibridge-{settings.name}-{name}-{uuid.uuid4().hex[:8]}"}
        where = {"crm": settings.name, "pbx": name, "broker": f"{arguments['hostname']}:{arguments['port']}"}
        self.connection = Connection(
            identified, f"{own}/status", f"{own}/extensions/+/card", self._learn, self._refresh, log.bind(**where)
        )
        self._cards: dict[str, dict[str, _Card]] = {}
        """Topic and call id to the cards that are open; a topic that ever had one stays, to be cleared if need be."""
        self._shown: dict[str, str | None] = {}
        """Topic to the key of the card that the broker is known to show there, since it is connected."""
        self._publisher = asyncio.Lock()

    async def send(self, command: Command, pbx: str) -> Answer:
        """pbx: as it stands in the topics."""
        if not await self.connection.reached(self._settings.timeout):
            return Retry(f"no connection: {self.connection.why}")
        async with self._publisher:
            if command.extension is not None and command.type in (CommandType.CARD_OPEN, CommandType.CARD_CLOSE):
                topic = f"{self._settings.prefix}/{pbx}/extensions/{level(command.extension)}/card"
                self._note(command, topic)
                answer = await self._show(topic)
                if not isinstance(answer, Done):
                    return answer
            topic = f"{self._settings.prefix}/{pbx}/calls/{command.type}"
            return await self.connection.publish(topic, message(command), _properties(command.key))

    def _note(self, command: Command, topic: str) -> None:
        """What is to be shown changes, whatever becomes of telling it."""
        if command.type is CommandType.CARD_OPEN:
            expires = time.monotonic() + self._settings.card_expires
            card = _Card(command.key, str(iso(command.wall)), message(command), expires)
            self._cards.setdefault(topic, {})[command.call_id] = card
        elif topic in self._cards:
            self._cards[topic].pop(command.call_id, None)

    async def _show(self, topic: str) -> Answer:
        """Has the topic show the newest of its open cards, or none."""
        now = time.monotonic()
        cards = {call: card for call, card in self._cards.get(topic, {}).items() if card.expires > now}
        newest = max(cards, key=lambda call: cards[call].opened, default=None)
        key = None if newest is None else cards[newest].key
        if topic not in self._cards or self._shown.get(topic, "") == key:
            return Done()
        if newest is None:
            return await self._retain(topic, b"", None, None)
        card = cards[newest]
        answer = await self._retain(topic, card.content, card.key, card.expires - now)
        if isinstance(answer, Refused):
            # What the broker will not have must not be tried again at each connection.
            del self._cards[topic][newest]
        return answer

    async def _retain(self, topic: str, content: bytes, key: str | None, seconds: float | None) -> Answer:
        answer = await self.connection.publish(topic, content, _properties(key, seconds), retain=True)
        if isinstance(answer, Done):
            self._shown[topic] = key
        return answer

    async def _refresh(self, found: Sequence[aiomqtt.Message]) -> None:
        """At each connection: the broker may have forgotten, or have gone back to, what it was told."""
        async with self._publisher:
            self._shown.clear()
            for said in found:
                self._learn(said)
            for topic in list(self._cards):
                await self._show(topic)

    def _learn(self, said: aiomqtt.Message) -> None:
        """What is retained tells what the broker shows. Where nothing is known, a daemon before this one opened it."""
        if not said.retain or not isinstance(said.payload, bytes):
            return
        seconds = getattr(said.properties, "MessageExpiryInterval", self._settings.card_expires)
        try:
            body = orjson.loads(said.payload)
            call_id, key, opened = str(body["data"]["call"]["id"]), str(body["data"]["key"]), str(body["timestamp"])
        except (ValueError, LookupError, TypeError):
            return  # Somebody else's.
        topic = str(said.topic)
        self._shown.setdefault(topic, key)
        self._cards.setdefault(topic, {call_id: _Card(key, opened, said.payload, time.monotonic() + seconds)})


def level(text: str) -> str:
    """The text as one level of a topic: what means something there, and whatever is not plain ASCII, is encoded."""
    return quote(text, safe=_PLAIN)


def _properties(key: str | None, seconds: float | None = None) -> Properties:
    """What goes with a message. key: None where there is no content. seconds: until it expires."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if key is not None:
        properties.ContentType = "application/json"
        properties.UserProperty = ("key", quote(key, safe=string.punctuation))
    if seconds is not None:
        properties.MessageExpiryInterval = min(max(1, round(seconds)), 0xFFFFFFFF)
    return properties


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
        "tls_context": _tls(settings) if url.scheme == "mqtts" else None,
    }


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ValueError(f"the CA file {settings.ca_file} cannot be used: {error.strerror or error}") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
