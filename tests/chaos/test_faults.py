"""What goes wrong around a daemon: each trouble is said once, in words that help, and nothing is lost by it."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from amibridge.calls import Calls, Headers
from amibridge.crm.webhook import Webhook, WebhookSettings
from amibridge.daemon.listener import Listener
from tests.chaos.arrivals import Arrivals
from tests.chaos.configured import WEBHOOK_SECRET, database, written
from tests.chaos.daemon import Daemon, daemon
from tests.chaos.pbx import Pbx, playing
from tests.chaos.story import Story, story
from tests.replay.playing import capture
from tests.unit.durable import World as Durable
from tests.unit.durable import delivering
from tests.unit.manager_server import Link
from tests.unit.webhook_receiver import Receiver, receiving

RINGGROUP = capture("asterisk-22/ringgroup_134_answers")
OTHER = capture("asterisk-22/direct_answered")


class World:
    """PBXs, a receiver, and a daemon between them."""

    def __init__(self, folder: Path, pbx: Pbx, receiver: Receiver) -> None:
        self.folder = folder
        self.pbx = pbx
        self.receiver = receiver
        self.arrivals = Arrivals(receiver)

    @asynccontextmanager
    async def running(self, **ports: int) -> AsyncIterator[Daemon]:
        """The daemon. ports: of further PBXs."""
        config = written(self.folder, {"lab": self.pbx.port, **ports}, {"hook": self.receiver.url})
        async with daemon(config) as running:
            yield running

    async def tell(self, one: Story, packets: Sequence[bytes] | None = None) -> None:
        """Plays a story; whoever talks does so for longer than a request takes. packets: instead of its own."""
        for packet, keys in zip(packets or one.packets, one.keys, strict=True):
            self.pbx.play(packet)
            await self.arrivals.of(keys)

    def nothing_else_came(self, *stories: Story) -> None:
        """Exactly the commands of these."""
        assert sorted(self.receiver.opened) == sorted(key for one in stories for key in one.all_keys)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with playing() as pbx, receiving() as receiver:
        yield World(tmp_path, pbx, receiver)


async def test_a_wrong_password(world: World) -> None:
    world.pbx.answers["Login"] = world.pbx.refuse
    async with world.running() as running:
        refused = await running.said("ami.login_refused")
        assert "refuses the login of 'bridge'" in refused["why"]
        assert "manager.conf" in refused["remedy"]
        assert "lab-bridge" not in str(running.log)
        # Somebody asks for another attempt too early: the same is not said again.
        running.reload()
        await world.pbx.asked("Login", 2)
        await running.said("configuration.reloaded")
        world.pbx.answers["Login"] = world.pbx.accept
        await until_refused_again(world.pbx)
        running.reload()
        await world.pbx.listed()
        await world.tell(story(RINGGROUP))
    assert running.troubles == ["ami.login_refused"]
    world.nothing_else_came(story(RINGGROUP))


async def until_refused_again(pbx: Pbx) -> None:
    """The second refusal has been read: its connection is gone."""
    await pbx.change.until(lambda: not any(link.open for link in pbx.links))


async def test_a_closed_port(world: World) -> None:
    port = world.pbx.port
    await world.pbx.stop()
    config = written(world.folder, {"lab": port}, {"hook": world.receiver.url})
    async with daemon(config) as running:
        unreachable = await running.said("ami.unreachable")
        assert f"127.0.0.1:{port} cannot be reached: Connection refused" in unreachable["why"]
        assert "is Asterisk running" in unreachable["remedy"]
        await world.pbx.start_at(port)
        running.reload()
        await world.pbx.listed()
        await world.tell(story(RINGGROUP))
    assert running.troubles == ["ami.unreachable"]
    world.nothing_else_came(story(RINGGROUP))


async def test_a_pbx_that_answers_slowly(world: World) -> None:
    """The call goes on while the PBX takes its time to list the channels, and sends every answer byte by byte."""
    one = story(RINGGROUP)
    list_bridges = world.pbx.answers["BridgeList"]
    asked: list[tuple[Link, Headers]] = []
    world.pbx.answers["BridgeList"] = lambda link, headers: asked.append((link, headers))
    async with world.running() as running:
        await world.pbx.listed()
        talking = next(place for place, keys in enumerate(one.keys) if any("card.open" in key for key in keys)) + 1
        world.pbx.play(*one.packets[:talking])
        assert world.receiver.opened == []
        for link, headers in asked:
            list_bridges(link, headers)
        await world.arrivals.of(key for keys in one.keys[:talking] for key in keys)
        for packet, keys in zip(one.packets[talking:], one.keys[talking:], strict=True):
            world.pbx.play(packet)
            await world.arrivals.of(keys)
    assert running.troubles == []
    world.nothing_else_came(one)


async def test_a_packet_of_five_mebibytes(world: World) -> None:
    one = story(RINGGROUP)
    huge = b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: X\r\nValue: " + b"x" * (5 << 20)
    async with world.running() as running:
        await world.pbx.listed()
        half = len(one.packets) // 2
        for place, (packet, keys) in enumerate(zip(one.packets, one.keys, strict=True)):
            world.pbx.play(*([huge] if place == half else []), packet)
            await world.arrivals.of(keys)
    assert running.troubles == ["ami.packet_too_large"]
    assert running.named("ami.packet_too_large")[0]["limit_bytes"] == 1 << 20
    world.nothing_else_came(one)


async def test_names_in_cp1251(world: World) -> None:
    one = story(RINGGROUP)
    name = "Клиент Иванов".encode("cp1251")
    packets = [packet.replace("Клиент Иванов".encode(), name) for packet in one.packets]
    assert packets != list(one.packets)
    async with world.running() as running:
        await world.pbx.listed()
        await world.tell(one, packets)
    assert running.troubles == []
    assert running.other == []
    (card,) = (delivered.body for delivered in world.receiver.delivered if delivered.id.endswith("/134/card.open"))
    assert card["data"]["call"]["client"] == "+79031234504"
    world.nothing_else_came(one)


async def test_two_pbxs_of_which_one_is_down(world: World) -> None:
    async with playing() as other:
        port = other.port
    async with world.running(branch=port) as running:
        unreachable = await running.said("ami.unreachable")
        assert unreachable["pbx"] == "branch"
        await world.pbx.listed()
        await world.tell(story(RINGGROUP))
        assert running.troubles == ["ami.unreachable"]
        await other.start_at(port)
        running.reload()
        await other.listed()
        world.pbx = other
        # The other PBX has calls of its own, with ids of its own.
        one = story(OTHER)
        keys = [[key.replace("lab:", "branch:") for key in said] for said in one.keys]
        for packet, said in zip(one.packets, keys, strict=True):
            other.play(packet)
            await world.arrivals.of(said)
        assert await running.end() == 0
        await other.stop()
    assert running.troubles == ["ami.unreachable"]
    assert sorted(world.receiver.opened) == sorted(
        [*story(RINGGROUP).all_keys, *(key for said in keys for key in said)]
    )


async def test_a_crm_that_answers_500_for_an_hour(tmp_path: Path) -> None:
    """By the delivery's own clock. Records arrive when it is over; an hour-old card does not."""
    one = story(RINGGROUP)
    status = 500
    async with receiving(lambda delivered: web.Response(status=status)) as receiver:
        hook = Webhook(WebhookSettings("hook", receiver.url, (WEBHOOK_SECRET,)))
        with capture_logs() as logs:
            async with delivering(tmp_path / "amibridge.db", hook) as delivered:
                calls = Calls("lab", RINGGROUP.directory)
                listener = Listener("lab", calls, delivered.store, lambda: 0.0, lambda outputs: None)
                talking = next(i for i, event in enumerate(RINGGROUP.events) if event.name == "BridgeLeave")
                await listener.events(RINGGROUP.events[:talking])
                began = delivered.clock.now()
                await delivered.rest()
                await pass_time(delivered, began + 20)
                await listener.events(RINGGROUP.events[talking:])
                await pass_time(delivered, began + 3600)
                assert receiver.opened == []
                attempts = len(receiver.delivered)
                status = 204
                await pass_time(delivered, began + 3600 + 301)
                await delivered.rest_until_quiet()
                states = {line.key: line.state.value for line in await delivered.deliveries()}
    assert attempts < 300, "a CRM that is down is asked once in a while"
    said = [entry["event"] for entry in logs if entry["event"].startswith("crm.")]
    assert said == ["crm.down", "crm.up"]
    records = [key for key in one.all_keys if "/card." not in key]
    assert receiver.opened == records
    assert {key: state for key, state in states.items() if key in records} == dict.fromkeys(records, "done")
    assert states["lab:1795290969.6/134/card.open"] in ("expired", "superseded")
    print(f"{attempts} attempts in the hour")


async def pass_time(delivered: Durable, until: float) -> None:
    """Goes from deadline to deadline."""
    while deadlines := [deadline for deadline in await delivered.rest() if deadline <= until]:
        delivered.clock.go_to(min(deadlines))
    delivered.clock.go_to(until)


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's transaction, as somebody's `sqlite3` at a prompt. It ends in the block, or with it."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield other
    finally:
        other.close()


async def test_a_database_that_another_process_has_locked(world: World) -> None:
    """During the call: events go on, nothing leaves, and the card is there when the lock is gone."""
    one = story(RINGGROUP)
    talking = next(place for place, keys in enumerate(one.keys) if any("card.open" in key for key in keys)) + 1
    begun = [key for keys in one.keys[: talking - 1] for key in keys]
    async with world.running() as running:
        await world.pbx.listed()
        world.pbx.play(*one.packets[: talking - 1])
        await world.arrivals.of(begun)
        with locked(database(world.folder)) as other:
            world.pbx.play(one.packets[talking - 1])
            await running.said("store.waiting")
            # Whoever decides has gone on: another call begins, and its beginning is told in the log.
            world.pbx.play(*story(OTHER).packets[:1])
            await running.said("call.started", 2)
            assert set(world.receiver.opened) == set(begun)
            other.execute("ROLLBACK")
            await world.arrivals.of(one.keys[talking - 1])
        for packet, keys in zip(one.packets[talking:], one.keys[talking:], strict=True):
            world.pbx.play(packet)
            await world.arrivals.of(keys)
        await world.arrivals.of(story(OTHER).keys[0])
        for packet, keys in zip(story(OTHER).packets[1:], story(OTHER).keys[1:], strict=True):
            world.pbx.play(packet)
            await world.arrivals.of(keys)
        await running.said("store.recovered")
    assert running.troubles == ["store.waiting"]
    world.nothing_else_came(one, story(OTHER))
