"""One PBX on a broker: its topics, and which cards they should show."""

import asyncio
import string
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import aiomqtt
import structlog
from paho.mqtt.properties import Properties

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import Answer, Done, Refused, Retry
from amibridge.crm.message import message
from amibridge.crm.mqtt.cards import Cards, Strange
from amibridge.crm.mqtt.connection import Connection
from amibridge.crm.mqtt.others import ONLINE, Heard, Others, new_name, signed
from amibridge.crm.mqtt.settings import MqttSettings
from amibridge.crm.mqtt.topics import below, card_topic, level
from amibridge.waiting import Flapping

log = structlog.get_logger(__name__)

SETTLES = 3.0
"""Seconds in which another daemon has answered, if there is one."""
WHO_WRITES = "only the daemon may write below `prefix`: see the broker's access list"
ONE_DAEMON = "end one of them, or give it another `prefix` or another name for the PBX"


class PbxOnBroker:
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
        self._status = f"{below(settings.prefix, name)}/status"
        self._others = Others(new_name())
        self._warn = warn
        self._log = log.bind(crm=settings.name, pbx=name, broker=f"{arguments['hostname']}:{arguments['port']}")
        # The same name at each connection: the broker lets go of a dead one, and of its will, before it takes the next.
        identified = {**arguments, "identifier": f"amibridge-{settings.name}-{name}-{uuid.uuid4().hex[:8]}"}
        watched = card_topic(below(settings.prefix, name), "+")
        self.connection = Connection(identified, self._status, watched, self._others.name, self, self._log)
        self._cards = Cards()
        self._shown: dict[str, str | None] = {}
        """Topic to the key of the card that the broker is known to show there, since it is connected."""
        self._strange = Strange()
        self._publisher = asyncio.Lock()
        self._answer_owed = asyncio.Event()
        self._met = asyncio.Event()
        """Another daemon has answered, since we are connected."""
        self._coming_and_going = Flapping(time.monotonic)
        """Being alone breaks when another daemon comes."""
        self._heard_itself = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.connection.close()

    async def send(self, command: Command) -> Answer:
        if not await self.connection.reached(self._settings.timeout):
            return Retry(f"no connection: {self.connection.why}", unreached=True)
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
            topic = f"{below(self._settings.prefix, pbx_of(command))}/calls/{command.type}"
            told = await self.connection.publish(topic, message(command), self._properties(command.key))
        # Who hears of calls hears of a card too that its own topic cannot show.
        return told if isinstance(shown, Done) else shown

    def opens(self, command: Command, age: float) -> None:
        """What is to be shown changes, whatever becomes of telling it. age: seconds since it was told."""
        expires = time.monotonic() + self._settings.card_expires - age
        self._cards.opens(self._topic(command), command, expires)

    def _topic(self, command: Command) -> str:
        return card_topic(below(self._settings.prefix, pbx_of(command)), level(command.extension or ""))

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
            if self._coming_and_going.broke():
                self._log.error("mqtt.shared", other=heard.came, remedy=ONE_DAEMON)
        if heard.went is not None:
            self._coming_and_going.worked()
            if not self._coming_and_going.flaps:
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


def pbx_of(command: Command) -> str:
    return command.call_id.partition(":")[0]
