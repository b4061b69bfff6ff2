"""The MQTT adapter against a real mosquitto, as a subscriber sees it."""

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiomqtt
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import Adapter, Done, Lost, Refused, Repeat, Retry
from amibridge.crm.message import message
from amibridge.crm.mqtt import Mqtt, MqttSettings, connection, pbx, trial
from amibridge.crm.mqtt.client import Client
from amibridge.crm.mqtt.others import signed
from amibridge.crm.mqtt.topics import level
from amibridge.waiting import Backoff
from tests.unit.durable import CALL, PATIENCE, WALL, closes, delivering, finished, opens, started
from tests.unit.mosquitto import Broker, broker, users

CARD = "amibridge/office/extensions/134/card"
STATUS = "amibridge/office/status"
OTHER = "office:1.1"
"""A later call, whose id sorts before the other's."""
CALLS = [f"amibridge/office/calls/{type_}" for type_ in CommandType]


@dataclass(frozen=True)
class Said:
    """One message, as a subscriber gets it."""

    topic: str
    text: str
    qos: int
    retain: bool
    properties: dict[str, Any]

    @property
    def key(self) -> str | None:
        return dict(self.properties.get("UserProperty", [])).get("key")


@dataclass
class Subscriber:
    """What a CRM's side of the broker hears."""

    port: int
    heard: list[Said] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, client: aiomqtt.Client) -> None:
        async for said in client.messages:
            assert isinstance(said.payload, bytes)
            properties = {} if said.properties is None else vars(said.properties)
            self.heard.append(Said(str(said.topic), said.payload.decode(), said.qos, said.retain, properties))
            self.news.set()

    async def until(self, met: Callable[[list[Said]], bool]) -> list[Said]:
        """Waits until what was heard is as it should be, and returns it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not met(self.heard):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"heard only {self.heard}") from None
        return self.heard

    async def has(self, topic: str, *texts: str) -> None:
        """Waits until exactly these came on one topic: a status, or the cards' keys, of which "" is none."""
        await self.until(lambda heard: self.on(topic) == list(texts))

    def on(self, topic: str) -> list[str]:
        """What came on one topic: keys where there are keys."""
        return [said.key or said.text for said in self.heard if said.topic == topic]


@asynccontextmanager
async def subscribed(port: int, *topics: str, **options: Any) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(port)
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, **options) as client:
        for topic in topics or ("#",):
            await client.subscribe(topic, qos=2)
        listening = asyncio.create_task(subscriber.listen(client))
        try:
            yield subscriber
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def retained(port: int, topic: str, **options: Any) -> list[Said]:
    """What somebody who comes now finds on a topic; a message of its own tells that there is no more."""
    async with subscribed(port, topic, "the/end", **options) as subscriber:
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, **options) as client:
            await client.publish("the/end", qos=1)
        heard = await subscriber.until(lambda heard: bool(heard) and heard[-1].topic == "the/end")
        return heard[:-1]


@asynccontextmanager
async def mqtt(
    url: str, *pbxs: str, seconds: float = PATIENCE, opened: Sequence[tuple[Command, float]] = (), **more: Any
) -> AsyncIterator[Mqtt]:
    adapter = Mqtt(MqttSettings("bus", url, pbxs or ("office",), timeout=seconds, **more), opened)
    try:
        yield adapter
    finally:
        await adapter.close()


@asynccontextmanager
async def shown(folder: Path) -> AsyncIterator[tuple[Subscriber, Mqtt]]:
    """A broker, who watches one card's topic, and the adapter."""
    async with broker(folder) as one, subscribed(one.port, CARD) as subscriber, mqtt(one.url) as adapter:
        yield subscriber, adapter


async def tell(adapter: Adapter, *commands: Command) -> None:
    for command in commands:
        assert await adapter.send(command, {}, repeated=False) == Done()


def later(command: Command, seconds: float) -> Command:
    """The same command, decided so much later."""
    return Command(*(command.type, command.key, command.call_id, command.extension), 9.0, WALL + seconds, command.data)


def told(logs: Any) -> list[str]:
    return [entry["event"] for entry in logs if entry["event"].startswith("mqtt.")]


@dataclass
class Lines:
    """What is logged, as `capture_logs` has it."""

    entries: Any
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def has(self, *events: str, patience: float = PATIENCE) -> None:
        """Waits until these were logged, each as often as it is named here."""
        async with asyncio.timeout(patience):
            while not all(told(self.entries).count(event) >= events.count(event) for event in events):
                self.news.clear()
                await self.news.wait()


@contextmanager
def logged() -> Iterator[Lines]:
    with capture_logs() as entries:
        lines = Lines(entries)

        def note(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
            asyncio.get_running_loop().call_soon(lines.news.set)
            return event

        structlog.get_config()["processors"].insert(0, note)
        yield lines


# What a subscriber sees


async def test_a_call_as_a_subscriber_sees_it(tmp_path: Path) -> None:
    commands = [started(), opens("134", name="Ольга Смирнова"), closes("134"), finished(record={"call_id": CALL})]
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port) as subscriber:
        async with mqtt(mosquitto.url, card_expires=7200.0) as adapter:
            await tell(adapter, *commands)
        heard = await subscriber.until(lambda heard: len(heard) == 8)
    card = CARD
    assert [said.topic for said in heard] == [STATUS, CALLS[0], card, CALLS[1], card, CALLS[2], CALLS[3], STATUS]
    assert all(said.qos == 1 for said in heard)
    assert not any(said.retain for said in heard), "they are live"
    events = [said for said in heard if "/calls/" in said.topic]
    assert [said.text.encode() for said in events] == [message(command) for command in commands]
    assert [said.key for said in events] == [command.key for command in commands]
    assert heard[2].text.encode() == message(commands[1])
    assert json.loads(heard[2].text)["data"]["name"] == "Ольга Смирнова"
    assert heard[2].key == commands[1].key
    assert heard[2].properties["ContentType"] == "application/json"
    assert heard[2].properties["MessageExpiryInterval"] in (7199, 7200)
    assert heard[4].text == ""
    assert not any("MessageExpiryInterval" in said.properties for said in events)
    assert (heard[0].text, heard[7].text) == ("online", "offline")


async def test_only_an_open_card_and_the_status_are_retained(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, mqtt(mosquitto.url) as adapter:
        await tell(adapter, started(), opens("134"), opens("120"), closes("120"), finished())
        found = await retained(mosquitto.port, "amibridge/#")
    assert sorted(said.topic for said in found) == [CARD, STATUS]
    assert all(said.retain for said in found)


async def test_each_pbx_has_a_status_and_a_will_of_its_own(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port) as subscriber:
        async with mqtt(mosquitto.url, "office", "plant", prefix="house/bus") as adapter:
            await tell(adapter, opens("134"), opens("134", "plant:1.1"))
        await subscriber.until(lambda heard: len(heard) == 8)
        assert {said.topic for said in subscriber.heard} == {
            f"house/bus/{pbx}/{rest}"
            for pbx in ("office", "plant")
            for rest in ("status", "extensions/134/card", "calls/card.open")
        }
        for pbx in ("office", "plant"):
            assert subscriber.on(f"house/bus/{pbx}/status") == ["online", "offline"]


async def test_what_is_left_of_a_pbx_that_is_configured_no_more_is_told_too(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port) as subscriber:
        async with mqtt(mosquitto.url) as adapter:
            await tell(adapter, finished("old:1.1"))
        await subscriber.has("amibridge/old/calls/call.finished", "old:1.1/call.finished")
        assert not subscriber.on("amibridge/old/status")


@given(st.text(), st.text())
def test_a_level_of_a_topic_is_one_level_whatever_the_text(one: str, other: str) -> None:
    encoded = level(one)
    assert not set(encoded) & set("/+#\0")
    assert encoded.isascii()
    assert encoded.isprintable()
    assert unquote(encoded) == one
    assert (encoded == level(other)) == (one == other)


async def test_the_broker_takes_whatever_an_extension_is_called(tmp_path: Path) -> None:
    names = ["*97", "1/3", "#", "+", "a\0b", "\x07\ufffe", "Ольга", "134@sales", "50%"]
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port, "amibridge/+/extensions/#") as subscriber:
        async with mqtt(mosquitto.url) as adapter:
            await tell(adapter, *map(opens, names))
        heard = await subscriber.until(lambda heard: len(heard) == len(names))
    assert [unquote(said.topic.split("/")[3]) for said in heard] == names
    assert all(len(said.topic.split("/")) == 5 for said in heard)
    assert heard[0].topic.split("/")[3] == "*97"
    assert [unquote(said.key or "") for said in heard] == [opens(name).key for name in names]


# Two calls of one extension


async def test_the_newest_card_is_shown_and_the_older_one_comes_back(tmp_path: Path) -> None:
    old, new = opens("134"), later(opens("134", OTHER), 5)
    async with shown(tmp_path) as (subscriber, adapter):
        await tell(adapter, old, new, closes("134", OTHER), closes("134"))
        await subscriber.has(CARD, old.key, new.key, old.key, "")


async def test_closing_the_older_card_does_not_touch_the_newer_one(tmp_path: Path) -> None:
    old, new = opens("134"), later(opens("134", OTHER), 5)
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port) as subscriber:
        async with mqtt(mosquitto.url) as adapter:
            # The older one's command may come second: each call has a lane of its own.
            await tell(adapter, new, old, closes("134"), closes("134"), closes("134", OTHER), finished())
        await subscriber.has(CALLS[3], finished().key)
        assert subscriber.on(CARD) == [new.key, ""]
        assert len(subscriber.on(CALLS[2])) == 3


async def test_a_card_that_is_shown_again_is_published_again(tmp_path: Path) -> None:
    again = opens("134", time=2)
    async with shown(tmp_path) as (subscriber, adapter):
        await tell(adapter, opens("134"), opens("134"), again)
        await subscriber.has(CARD, opens("134").key, again.key)


async def test_a_card_that_has_expired_does_not_come_back(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port) as subscriber:
        async with mqtt(mosquitto.url, card_expires=0.0) as adapter:
            await tell(adapter, opens("134"), opens("134", OTHER), closes("134", OTHER), closes("134"), finished())
        await subscriber.has(CALLS[3], finished().key)
        assert set(subscriber.on(CARD)) == {""}
        assert len(subscriber.on(CALLS[1])) == 2


# A daemon that is started again


async def test_a_card_of_the_life_before_is_closed(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port, CARD) as subscriber:
        async with mqtt(mosquitto.url) as adapter:
            await tell(adapter, opens("134"), opens("120"))
        async with mqtt(mosquitto.url, opened=[(opens("134"), 5.0), (opens("120"), 5.0)]) as adapter:
            await tell(adapter, closes("134", OTHER), finished(OTHER))
            assert [said.key for said in await retained(mosquitto.port, CARD)] == [opens("134").key]
            await tell(adapter, closes("134"))
            assert await retained(mosquitto.port, CARD) == []
        await subscriber.has(CARD, opens("134").key, "")


async def test_a_card_of_the_life_before_comes_back_under_a_new_one(tmp_path: Path) -> None:
    new = later(opens("134", OTHER), 5)
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port, CARD) as subscriber:
        async with mqtt(mosquitto.url) as adapter:
            await tell(adapter, opens("134"))
        async with mqtt(mosquitto.url, opened=[(opens("134"), 100.0)]) as adapter:
            await tell(adapter, new, closes("134", OTHER))
            await subscriber.has(CARD, opens("134").key, new.key, opens("134").key)
        (left,) = await retained(mosquitto.port, CARD)
        assert 14200 < left.properties["MessageExpiryInterval"] <= 14300


@pytest.mark.parametrize("garbage", [b"\xff", b"[]", b'{"data": 1}', b'{"data": {"call": {}}}'])
async def test_somebody_elses_message_on_a_card_topic_does_no_harm(tmp_path: Path, garbage: bytes) -> None:
    async with broker(tmp_path) as mosquitto:
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.publish(CARD, garbage, qos=1, retain=True)
        async with mqtt(mosquitto.url) as adapter:
            await tell(adapter, opens("134"), closes("134"))
        assert await retained(mosquitto.port, CARD) == []


FORGED = b'{"type":"card.open","timestamp":"2999-01-01T00:00:00.000Z","data":{"key":"x/card","call":{"id":"x"}}}'
"""What anybody could put on a card's topic who may write there."""


async def put(port: int, *topics: str, content: bytes = FORGED, **more: Any) -> None:
    """Somebody else's retained messages."""
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for topic in topics[:-1]:
            await client.publish(topic, content, retain=True, **more)
        await client.publish(topics[-1], content, qos=1, retain=True, **more)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else is waited for as long as usual."""
    monkeypatch.setattr(pbx, "SETTLES", 0.3)


@pytest.mark.usefixtures("soon")
async def test_a_retained_message_that_this_daemon_did_not_decide_is_taken_away_and_said(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto:
        await put(mosquitto.port, CARD)
        async with subscribed(mosquitto.port, CARD) as subscriber:
            with logged() as logs:
                async with mqtt(mosquitto.url):
                    await subscriber.has(CARD, FORGED.decode(), "")
                    await logs.has("mqtt.strange_cards")
        (line,) = [entry for entry in logs.entries if entry["event"] == "mqtt.strange_cards"]
        assert (line["found"], line["cleared"], line["first"]) == (1, 1, CARD)


async def test_a_retained_message_with_a_far_timestamp_suppresses_no_card(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto:
        await put(mosquitto.port, CARD)
        async with subscribed(mosquitto.port, CARD) as subscriber, mqtt(mosquitto.url) as adapter:
            await tell(adapter, opens("134"), closes("134"))
            await subscriber.has(CARD, FORGED.decode(), opens("134").key, "")


async def test_a_forged_message_under_the_key_of_an_open_card_is_not_believed(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto:
        await put(mosquitto.port, CARD, content=message(opens("134", name="Somebody else")))
        async with mqtt(mosquitto.url, opened=[(opens("134"), 1.0)]) as adapter:
            await tell(adapter, started())
            assert [said.text.encode() for said in await retained(mosquitto.port, CARD)] == [message(opens("134"))]


@pytest.mark.usefixtures("soon")
async def test_ten_thousand_retained_messages_hold_up_no_card_and_are_one_line(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto:
        await put(mosquitto.port, *(f"amibridge/office/extensions/{number}/card" for number in range(1000, 11_000)))
        with logged() as logs:
            async with mqtt(mosquitto.url) as adapter:
                await tell(adapter, opens("134"))
                assert "mqtt.strange_cards" not in told(logs.entries)
                await logs.has("mqtt.strange_cards", patience=300)
                left = await retained(mosquitto.port, "amibridge/office/extensions/+/card")
        assert [said.key for said in left] == [opens("134").key]
        assert told(logs.entries) == ["mqtt.connected", "mqtt.strange_cards"]
        assert [entry["found"] for entry in logs.entries if "found" in entry] == [10_000]


async def test_a_strange_card_that_comes_later_is_said_once_and_the_next_card_takes_its_place(tmp_path: Path) -> None:
    again = opens("134", time=2)
    async with shown(tmp_path) as (subscriber, adapter):
        with logged() as logs:
            await tell(adapter, opens("134"))
            for _ in range(3):
                await put(subscriber.port, CARD)
            await logs.has("mqtt.strange_card")
            await tell(adapter, again, closes("134"))
            forged = [FORGED.decode()] * 3
            await subscriber.has(CARD, opens("134").key, *forged, again.key, "")
        assert told(logs.entries) == ["mqtt.connected", "mqtt.strange_card"]


# Two daemons on the same topics


class Told(list[tuple[str, bool]]):
    """What an adapter warns of: the PBX, and whether there is something."""

    def __call__(self, pbx: str, what: str | None) -> None:
        self.append((pbx, what is not None))


@asynccontextmanager
async def twins(folder: Path) -> AsyncIterator[tuple[Broker, Subscriber, Mqtt, Told, Mqtt, Told]]:
    """Two daemons, of which the second one comes when the first one shows a card."""
    async with broker(folder) as one, subscribed(one.port, CARD, STATUS) as subscriber:
        said = Told(), Told()
        first = Mqtt(MqttSettings("bus", one.url, ("office",), timeout=PATIENCE), warn=said[0])
        await tell(first, opens("134"))
        second = Mqtt(MqttSettings("bus", one.url, ("office",), timeout=PATIENCE), warn=said[1])
        try:
            yield one, subscriber, first, said[0], second, said[1]
        finally:
            await first.close()
            await second.close()


@pytest.mark.usefixtures("soon")
async def test_two_daemons_on_the_same_topics_see_each_other_and_say_so(tmp_path: Path) -> None:
    with logged() as logs:
        async with twins(tmp_path) as (mosquitto, subscriber, first, first_said, second, second_said):
            await tell(second, started())
            await logs.has("mqtt.shared", "mqtt.shared", "mqtt.strange_cards")
            assert (first_said, second_said) == ([("office", True)], [("office", True)])
            assert [entry["cleared"] for entry in logs.entries if "cleared" in entry] == [0], "it is the other one's"
            await tell(first, closes("134"))
            await second.close()
            await logs.has("mqtt.other_gone")
            assert first_said[1:] == [("office", False)]
            # The second one's last word is not the first one's.
            await subscriber.until(lambda heard: subscriber.on(STATUS)[-2:] == ["offline", "online"])
            assert [said.text for said in await retained(mosquitto.port, STATUS)] == ["online"]
            assert subscriber.on(CARD) == [opens("134").key, ""], "nobody brings it back"
    assert told(logs.entries).count("mqtt.shared") == 2


@pytest.mark.usefixtures("soon")
async def test_a_daemon_that_has_died_is_no_other_one(tmp_path: Path) -> None:
    """The broker still shows what it said, and says what it left for its death after we have come."""
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port, STATUS) as subscriber:
        await put(mosquitto.port, STATUS, content=b"online", properties=signed("pbx/7/dead", asks=True))
        with logged() as logs:
            async with mqtt(mosquitto.url) as adapter:
                await tell(adapter, started())
                await put(mosquitto.port, STATUS, content=b"offline", properties=signed("pbx/7/dead"))
                await subscriber.has(STATUS, "online", "online", "offline", "online")
            assert told(logs.entries) == ["mqtt.connected"]


async def test_who_invents_daemons_does_not_fill_the_log(tmp_path: Path) -> None:
    with logged() as logs:
        async with shown(tmp_path) as (subscriber, adapter):
            await tell(adapter, started())
            for number in range(30):
                await put(subscriber.port, STATUS, content=b"online", properties=signed(f"host\u202e/{number}"))
            await put(subscriber.port, CARD)
            await subscriber.until(lambda heard: len(heard) == 1)
    assert told(logs.entries).count("mqtt.shared") == 3
    assert "\u202e" not in str([entry["other"] for entry in logs.entries if "other" in entry])


async def test_a_daemon_that_comes_and_goes_does_not_fill_the_log(tmp_path: Path) -> None:
    """One that ends and is started again every few seconds, or whoever plays it."""
    with logged() as logs:
        async with shown(tmp_path) as (subscriber, adapter):
            await tell(adapter, started())
            for number in range(20):
                for word in (b"online", b"offline"):
                    await put(subscriber.port, STATUS, content=word, properties=signed(f"pbx/{number}"))
            await put(subscriber.port, CARD)
            await subscriber.until(lambda heard: len(heard) == 1)
    assert [told(logs.entries).count(event) for event in ("mqtt.shared", "mqtt.other_gone")] == [3, 2]


# A broker that comes and goes


async def test_offline_is_said_by_the_broker_when_the_connection_dies(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port, STATUS) as subscriber:
        async with way_to(mosquitto.port) as way, mqtt(way.url):
            await subscriber.has(STATUS, "online")
            way.cut()
            await subscriber.has(STATUS, "online", "offline", "online")
        await subscriber.has(STATUS, "online", "offline", "online", "offline")


async def test_a_connection_that_drops_again_and_again_is_made_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was up each time: the wait does not grow, and the log does not fill."""
    delays: list[float] = []

    class Noted(Backoff):
        def delay(self) -> float:
            delays.append(super().delay())
            return 0.0

    monkeypatch.setattr(connection, "Backoff", Noted)
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port, STATUS) as subscriber:
        with capture_logs() as logs:
            async with way_to(mosquitto.port) as way, mqtt(way.url) as adapter:
                await subscriber.has(STATUS, "online")
                for cut in range(1, 7):
                    await tell(adapter, started())
                    way.cut()
                    await subscriber.has(STATUS, *["online", "offline"] * cut, "online")
    assert len(delays) == 6
    assert all(0.25 <= delay <= 0.5 for delay in delays)
    assert told(logs) == ["mqtt.connected", "mqtt.lost"] * 2 + ["mqtt.connected", "mqtt.flapping"]
    assert [entry["losses"] for entry in logs if entry["event"] == "mqtt.flapping"] == [3]


async def test_a_broker_that_forgets_is_told_again_what_is_open(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, mqtt(mosquitto.url) as adapter:
        await tell(adapter, opens("134"), opens("120"), closes("120"), opens("101"))
        with capture_logs() as logs:
            await mosquitto.kill()
            await mosquitto.start()
            # A command that comes meanwhile waits for the connection.
            await tell(adapter, started(OTHER))
        found = await retained(mosquitto.port, "amibridge/office/extensions/+/card")
        assert sorted(said.key or "" for said in found) == [opens("101").key, opens("134").key]
        assert all(14000 < said.properties["MessageExpiryInterval"] <= 14400 for said in found)
        assert told(logs) == ["mqtt.lost", "mqtt.connected"]


async def test_a_broker_that_remembers_is_not_told_again(tmp_path: Path) -> None:
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {tmp_path}/")
    async with broker(tmp_path, *lines) as mosquitto, mqtt(mosquitto.url) as adapter:
        await tell(adapter, opens("134"))
        await mosquitto.stop()
        await mosquitto.start()
        async with subscribed(mosquitto.port, CARD) as subscriber:
            await tell(adapter, finished(OTHER), closes("134"))
            await subscriber.has(CARD, opens("134").key, "")


async def test_a_broker_that_goes_back_to_an_older_state_is_put_right(tmp_path: Path) -> None:
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {tmp_path}/")
    async with broker(tmp_path, *lines) as mosquitto, mqtt(mosquitto.url) as adapter:
        await tell(adapter, opens("134"))
        mosquitto.signal(signal.SIGUSR1)
        await mosquitto.says("Saving in-memory database")
        await tell(adapter, closes("134"), opens("120"))
        await mosquitto.kill()
        await mosquitto.start()
        await tell(adapter, finished(OTHER))
        assert any("Sending PUBLISH to amibridge-" in line and CARD in line for line in mosquitto.log), "it was back"
        found = await retained(mosquitto.port, "amibridge/office/extensions/+/card")
        assert [said.key for said in found] == [opens("120").key]


async def test_without_a_broker_a_command_is_tried_again(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with capture_logs() as logs:
            async with mqtt(f"mqtt://127.0.0.1:{nobody.getsockname()[1]}", seconds=0.05) as adapter:
                said = await adapter.send(opens(), {}, repeated=False)
                assert isinstance(said, Retry)
                assert said.why.startswith("no connection: ")
                wrong = await adapter.probe()
    assert "Connection refused" in wrong[0]
    assert told(logs) == ["mqtt.lost"]


async def test_an_answer_that_does_not_come_in_time_is_lost(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, mqtt(mosquitto.url, seconds=0.3) as adapter:
        await tell(adapter, opens("134"))
        mosquitto.signal(signal.SIGSTOP)
        assert await adapter.send(closes("134"), {}, repeated=False) == Lost("no answer in time")
        assert isinstance(await adapter.send(closes("134"), {}, repeated=True), Retry)
        mosquitto.signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            while isinstance(answer := await adapter.send(closes("134"), {}, repeated=True), Retry):
                assert answer.why.startswith("no connection: ")
        assert answer == Done()
        assert await retained(mosquitto.port, CARD) == []


async def test_a_connection_that_dies_while_publishing_is_noticed_at_once(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, mqtt(mosquitto.url) as adapter:
        await tell(adapter, started())
        mosquitto.signal(signal.SIGSTOP)
        sending = asyncio.create_task(adapter.send(opens("134"), {}, repeated=False))
        await asyncio.sleep(0)  # it sets out
        await mosquitto.kill()
        async with asyncio.timeout(PATIENCE / 2):
            assert isinstance(await sending, Lost)
        await mosquitto.start()
        await tell(adapter, opens("134"))
        assert [said.key for said in await retained(mosquitto.port, CARD)] == [opens("134").key]


async def test_taking_leave_of_a_broker_that_does_not_answer_is_short(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto:
        connected = Mqtt(MqttSettings("bus", mosquitto.url, ("office",), timeout=60.0))
        await tell(connected, started())
        mosquitto.signal(signal.SIGSTOP)
        connecting = Mqtt(MqttSettings("bus", mosquitto.url, ("office",), timeout=60.0))
        never = asyncio.create_task(connecting.send(started(), {}, repeated=False))
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(connected.close(), connecting.close())
        never.cancel()


# Who is let in


async def test_a_wrong_password_is_told_once_with_the_remedy(tmp_path: Path) -> None:
    async with broker(tmp_path, *users(tmp_path, amibridge="right", crm="crm")) as mosquitto:
        with capture_logs() as logs:
            async with mqtt(mosquitto.url, username="amibridge", password="geheim", seconds=0.2) as adapter:
                for _ in range(8):
                    said = await adapter.send(opens(), {}, repeated=False)
                    assert said == Retry("no connection: Not authorized", unreached=True)
                wrong = await adapter.probe()
        assert sum("not authorised" in line for line in mosquitto.log) > 2, "it tried again"
        async with mqtt(mosquitto.url, username="amibridge", password="right") as adapter:
            await tell(adapter, opens())
    assert wrong == ["Not authorized; see `username` and `password`, and what the broker allows them"]
    assert told(logs) == ["mqtt.refused"]
    assert "geheim" not in repr((logs, wrong))


async def test_what_the_access_list_forbids_is_refused_and_holds_up_nothing(tmp_path: Path) -> None:
    access = ("user amibridge", "topic write amibridge/office/status", "topic write amibridge/office/calls/#")
    lines = (*users(tmp_path, *access, amibridge="right", crm="crm"),)
    with (tmp_path / "access").open("a") as file:
        file.write("user crm\ntopic read #\n")
    why = f"Not authorized: the broker does not let us write {CARD}; see amibridge check --live"
    async with (
        broker(tmp_path, *lines) as mosquitto,
        subscribed(mosquitto.port, username="crm", password="crm") as subscriber,
        mqtt(mosquitto.url, username="amibridge", password="right") as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        await world.tell(started(), opens())
        await world.rest_until_quiet()
        await world.tell(closes(), finished())
        await world.rest_until_quiet()
        became = {line.key.removeprefix(f"{CALL}/"): (line.state, line.error) for line in await world.deliveries()}
        assert became == {
            "call.started": ("done", None),
            "134/card.open": ("refused", why),
            "134/card.close": ("refused", why),
            "call.finished": ("done", None),
        }
        # Who hears of calls hears of the card all the same.
        await subscriber.until(lambda heard: len([said for said in heard if "/calls/" in said.topic]) == 4)
        with (tmp_path / "access").open("w") as file:
            file.write("user amibridge\ntopic write amibridge/#\n")
        mosquitto.signal(signal.SIGHUP)
        await mosquitto.says("Reloading config")
        # What it may not read, it goes on without.
        await tell(adapter, opens(), closes(), finished())


async def test_a_status_that_the_access_list_forbids_is_told(tmp_path: Path) -> None:
    lines = users(tmp_path, "user amibridge", "topic readwrite amibridge/office/calls/#", amibridge="right")
    with capture_logs() as logs:
        async with (
            broker(tmp_path, *lines) as mosquitto,
            mqtt(mosquitto.url, username="amibridge", password="right") as adapter,
        ):
            await tell(adapter, started())
    assert told(logs) == ["mqtt.not_allowed", "mqtt.connected"]


@pytest.mark.parametrize(
    ("limit", "why"), [("max_packet_size 3000", "Packet too large"), ("message_size_limit 3000", "Protocol error")]
)
async def test_a_message_that_is_too_large_is_refused_and_nothing_else(tmp_path: Path, limit: str, why: str) -> None:
    async with broker(tmp_path, "allow_anonymous true", limit) as mosquitto, mqtt(mosquitto.url) as adapter:
        for command in (opens("134", name="x" * 4000), finished(record={"why": "x" * 4000})):
            assert await adapter.send(command, {}, repeated=False) == Refused(why)
        await tell(adapter, opens("120"), closes("134"))
        found = await retained(mosquitto.port, "amibridge/office/extensions/+/card")
        assert [said.key for said in found] == [opens("120").key]


async def test_what_no_packet_can_hold_is_refused(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, mqtt(mosquitto.url) as adapter:
        assert isinstance(await adapter.send(opens("1" * 66_000), {}, repeated=False), Refused)
        await tell(adapter, opens("134"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that it signs itself, in one file."""
    file = tmp_path / "broker.pem"
    subject = ("-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1")
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    subprocess.run([*new, *subject, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


async def test_over_tls_the_certificate_counts(tmp_path: Path, certificate: Path) -> None:
    lines = ("allow_anonymous true", f"certfile {certificate}", f"keyfile {certificate}")
    async with broker(tmp_path, *lines) as mosquitto:
        url = mosquitto.url.replace("mqtt:", "mqtts:")
        for trust in ({"ca_file": certificate}, {"verify": False}):
            async with mqtt(url, **trust) as adapter:
                await tell(adapter, opens())
                assert await adapter.probe() == []
        with capture_logs() as logs:
            async with mqtt(url, seconds=1.0) as adapter:
                said = await adapter.send(opens(), {}, repeated=False)
                assert isinstance(said, Retry)
                assert "CERTIFICATE_VERIFY_FAILED" in said.why
                assert "`ca_file`" in (await adapter.probe())[0]
        assert told(logs) == ["mqtt.lost"]


async def test_a_trial_leaves_no_trace(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, subscribed(mosquitto.port) as subscriber:
        async with mqtt(mosquitto.url) as adapter:
            await tell(adapter, opens("134"))
            with capture_logs() as logs:
                visitor = Mqtt(MqttSettings("bus", mosquitto.url, ("office",)))
                assert await visitor.probe() == []
                await visitor.close()
                await tell(adapter, closes("134"))
            await subscriber.has(CARD, opens("134").key, "")
            assert told(logs) == []
        await subscriber.has(STATUS, "online", "", "offline")
        assert [said.topic for said in await retained(mosquitto.port, "#")] == [STATUS]
        # What it writes is empty, and on no card that anybody has.
        assert all(subscriber.on(topic)[-1:] in ([""], [f"{CALL}/134/card.close"]) for topic in CALLS)


ALL = ("topic write amibridge/office/#", "topic read amibridge/office/+/+/card", "topic read amibridge/office/status")


@pytest.mark.parametrize(
    ("access", "missing"),
    [
        (ALL, []),
        (
            ("topic write amibridge/office/calls/#", "topic write amibridge/office/status", *ALL[1:]),
            [
                "it may not write amibridge/office/extensions/amibridge-check/card;"
                " access list: topic write amibridge/office/extensions/+/card",
                "whether it may read amibridge/office/extensions/+/card cannot be tried",
            ],
        ),
        (
            ("topic write amibridge/office/extensions/+/card", "topic write amibridge/office/status", *ALL[1:]),
            [
                f"it may not write {', '.join(CALLS)}; access list: topic write amibridge/office/calls/#",
            ],
        ),
        (
            ("topic write amibridge/office/+/+/card", "topic write amibridge/office/calls/#", *ALL[1:]),
            [
                "it may not write amibridge/office/status; access list: topic write amibridge/office/status",
                "whether it may read amibridge/office/status cannot be tried",
            ],
        ),
        (
            (
                *(f"topic write {topic}" for topic in (*CALLS[:3], "amibridge/office/extensions/#", STATUS)),
                *ALL[1:],
            ),
            [f"it may not write {CALLS[3]}; access list: topic write amibridge/office/calls/#"],
        ),
        (
            ALL[:1],
            [
                f"it may not read {topic}; access list: topic read {topic}"
                for topic in ("amibridge/office/extensions/+/card", STATUS)
            ],
        ),
    ],
)
async def test_each_right_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access: tuple[str, ...], missing: list[str]
) -> None:
    monkeypatch.setattr(trial, "ECHO", 0.5)
    lines = users(tmp_path, "user amibridge", *access, amibridge="right")
    async with (
        broker(tmp_path, *lines) as mosquitto,
        mqtt(mosquitto.url, username="amibridge", password="right") as adapter,
    ):
        assert await adapter.probe() == missing


async def test_a_trial_is_not_sent_what_is_retained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand cards of somebody else's would all wait in memory, and our own words behind them."""
    heard: list[bool] = []

    class Recording(Client):
        def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
            heard.append(message.retain)
            super()._on_message(client, userdata, message)

    monkeypatch.setattr(trial, "Client", Recording)
    async with broker(tmp_path) as mosquitto:
        await put(mosquitto.port, CARD, STATUS)
        visitor = Mqtt(MqttSettings("bus", mosquitto.url, ("office",)))
        assert await visitor.probe() == []
        await visitor.close()
    assert heard == [False, False]


# What it is to the rest


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": "http://x"}, "mqtt://host:port"),
        ({"url": "mqtt://user:geheim@host"}, "by themselves"),
        ({"url": "mqtt://:1883"}, "mqtt://host:port"),
        ({"url": "mqtt://host:99999"}, "[Pp]ort"),
        ({"prefix": "a/#"}, "without"),
        ({"prefix": "a\0"}, "without"),
        ({"url": "mqtts://host", "ca_file": Path("/no/such.pem")}, "the CA file /no/such.pem cannot be used: No such"),
    ],
)
async def test_settings_that_cannot_be(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Mqtt(MqttSettings(**{"name": "bus", "url": "mqtt://127.0.0.1", "pbxs": ("office",), **wrong}))
    assert "geheim" not in str(refused.value)


def test_settings_do_not_show_their_secrets() -> None:
    assert "geheim" not in repr(MqttSettings("bus", "mqtt://u:geheim@h", ("office",), password="geheim"))


async def test_an_adapter_is_what_the_interface_says(tmp_path: Path) -> None:
    def is_one(adapter: type[Adapter]) -> None: ...

    is_one(Mqtt)
    async with mqtt("mqtt://127.0.0.1:1") as adapter:
        assert adapter.capabilities.can_close
        assert set(adapter.capabilities.repeat) == set(CommandType)
        assert set(adapter.capabilities.repeat.values()) == {Repeat.SAFE}


# Together with the store and the delivery


async def test_nothing_is_lost_over_a_broker_that_is_down_and_the_order_is_kept(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, mqtt(mosquitto.url, seconds=0.2) as adapter:
        await tell(adapter, started(OTHER))
        await mosquitto.kill()
        async with delivering(tmp_path / "amibridge.db", adapter) as world:
            for call in (CALL, "office:2.1", "office:3.1"):
                await world.tell(started(call), opens("134", call))
            await world.rest()
            assert "done" not in {line.state for line in await world.deliveries()}
            await mosquitto.start()
            async with subscribed(mosquitto.port, "amibridge/office/calls/#") as subscriber:
                for call in (CALL, "office:2.1", "office:3.1"):
                    await world.tell(closes("134", call), finished(call))
                await world.rest_until_quiet()
                states = {line.key: line.state for line in await world.deliveries()}
                await subscriber.until(
                    lambda heard: len({said.key for said in heard}) >= sum(state == "done" for state in states.values())
                )
        for call in (CALL, "office:2.1", "office:3.1"):
            assert states[f"{call}/call.started"] == states[f"{call}/call.finished"] == "done"
            mine = list(dict.fromkeys(said.key for said in subscriber.heard if (said.key or "").startswith(call)))
            assert (mine[0], mine[-1]) == (f"{call}/call.started", f"{call}/call.finished")
        assert await retained(mosquitto.port, CARD) == []


class Way:
    """A way to the broker that can be cut."""

    def __init__(self, port: int) -> None:
        self.url = ""
        self.port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers += [writer, back]
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer), return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65536):
            writer.write(content)
        writer.close()

    def cut(self) -> None:
        while self._writers:
            self._writers.pop().transport.abort()


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    way = Way(port)
    server = await asyncio.start_server(way.take, "127.0.0.1", 0)
    way.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield way
        way.cut()
