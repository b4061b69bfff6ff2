"""Everything that can break, at every moment of a call. Held each time: whoever talked while the link was up has one
card, nobody else has any, every call seen is recorded once, a CRM never holds up events, and one line of the log says
what was wrong.

| broken | here | elsewhere |
|---|---|---|
| the link to the PBX | cut, half-open, slow, cut inside a packet; ringing, talk, transfer, hangup | |
| the PBX | restarted, reloaded; talk | tests/live/test_broken.py: a real one |
| the daemon | stop signal, SIGHUP with a bad file; every step | test_kill.py: kill -9 at every step |
| the CRM | eight ways; register, show, finish | tests/unit/test_bitrix24_faults.py, test_faults.py: 500 for an hour |
| the broker | | tests/unit/test_mqtt.py: restarted, killed, frozen; card open |
| the disk | | test_faults.py: locked; tests/unit/test_store_trouble.py: full |
| the clock | back and forth by an hour; talk | |
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from amibridge.calls import Command
from amibridge.demo.portal import Portal
from tests.chaos.arrivals import Arrivals
from tests.chaos.configured import written
from tests.chaos.daemon import Daemon, daemon
from tests.chaos.moments import MOMENTS, TRANSFER, Gap, held, moment
from tests.chaos.pbx import Pbx, playing
from tests.chaos.proxy import Proxy, between
from tests.unit.durable import Clock, World, delivering
from tests.unit.office import IVAN, OLGA, bitrix24, closes, finished, office, opens, started
from tests.unit.webhook_receiver import Receiver, receiving

UNHEARD = 3
"""Packets that are lost while the link is broken."""
SILENCE = 45.0
"""Seconds until a daemon must have noticed that its PBX says nothing: `Login.silence` is 30."""


class Desk:
    """A PBX, a wire, a daemon and a receiver."""

    def __init__(self, folder: Path, pbx: Pbx, proxy: Proxy, receiver: Receiver) -> None:
        self.folder, self.pbx, self.proxy, self.receiver = folder, pbx, proxy, receiver
        self.config = written(folder, {"lab": proxy.port}, {"hook": receiver.url})
        self._arrivals = Arrivals(receiver)

    async def play(self, first: int, last: int) -> None:
        """Packets of the story, each when what follows from the one before has arrived."""
        for packet, keys in zip(TRANSFER.packets[first:last], TRANSFER.keys[first:last], strict=True):
            self.pbx.play(packet)
            await self._arrivals.of(keys)

    async def play_on(self, first: int) -> None:
        """The rest of it, after something was missed. Whoever talks does so for longer than a request takes."""
        await self._arrivals.of(span.opens for span in (*TRANSFER.calls, *TRANSFER.cards) if span.at(first))
        for packet, keys in zip(TRANSFER.packets[first:], TRANSFER.keys[first:], strict=True):
            self.pbx.play(packet)
            await self._arrivals.of(key for key in keys if "/card.open" in key)
        await self._arrivals.of([TRANSFER.calls[0].closes])

    async def listed_again(self, running: Daemon, said: str) -> None:
        """Waits until the daemon has said that the link is lost, and has seen the PBX anew."""
        await running.said(said)
        listings = len(self.pbx.named("BridgeList"))
        running.reload()
        await self.pbx.listed(listings + 1)
        await running.said("ami.live", 2)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desked(tmp_path) as made:
        yield made


@asynccontextmanager
async def desked(folder: Path) -> AsyncIterator[Desk]:
    async with playing() as pbx, between(pbx.port) as proxy, receiving() as receiver:
        yield Desk(folder, pbx, proxy, receiver)


def cut(desk: Desk, packet: bytes) -> None:
    desk.proxy.cut()


def cut_inside(desk: Desk, packet: bytes) -> None:
    desk.proxy.break_after = len(packet) // 2
    desk.pbx.play(packet)


@pytest.mark.parametrize("during", MOMENTS)
@pytest.mark.parametrize("broken", [cut, cut_inside])
async def test_the_link(desk: Desk, broken: Callable[[Desk, bytes], None], during: str) -> None:
    first = moment(during)
    last = min(first + UNHEARD, len(TRANSFER.packets))
    async with daemon(desk.config) as running:
        await desk.pbx.listed()
        await desk.play(0, first)
        broken(desk, TRANSFER.packets[first])
        await running.said("ami.lost")
        desk.pbx.play(*TRANSFER.packets[first + (broken is cut_inside) : last])
        await desk.listed_again(running, "ami.lost")
        await desk.play_on(last)
    assert held(TRANSFER, desk.receiver.opened, Gap(first, last)) == []
    assert running.troubles == ["ami.lost"]


async def test_the_link_is_half_open(tmp_path: Path) -> None:
    """The PBX says nothing more, and nobody closes the connection. All moments at once: it takes half a minute."""
    await asyncio.gather(*(_half_open(tmp_path / during, during) for during in MOMENTS))


async def _half_open(folder: Path, during: str) -> None:
    await asyncio.to_thread(folder.mkdir)
    first = moment(during)
    last = min(first + UNHEARD, len(TRANSFER.packets))
    async with desked(folder) as desk, daemon(desk.config) as running:
        await desk.pbx.listed()
        await desk.play(0, first)
        desk.proxy.deaf = True
        desk.pbx.play(*TRANSFER.packets[first:last])
        async with asyncio.timeout(SILENCE):
            await running.heard("ami.lost")
        assert "was silent for 30 s" in running.named("ami.lost")[0]["why"]
        desk.proxy.deaf = False
        await desk.listed_again(running, "ami.lost")
        await desk.play_on(last)
        assert await running.end() == 0
        assert held(TRANSFER, desk.receiver.opened, Gap(first, last)) == [], during
        assert running.troubles == ["ami.lost"]


@pytest.mark.parametrize("during", MOMENTS)
async def test_the_link_is_slow(desk: Desk, during: str) -> None:
    """A thousand bytes a second for a while: everything comes, later."""
    first = moment(during)
    async with daemon(desk.config) as running:
        await desk.pbx.listed()
        await desk.play(0, first)
        desk.proxy.slow = 2000
        await desk.play(first, len(TRANSFER.packets))
    assert sorted(desk.receiver.opened) == sorted(TRANSFER.all_keys)
    assert running.troubles == []


async def test_the_pbx_is_restarted_while_somebody_talks(desk: Desk) -> None:
    """It comes back empty: the call is over, and the next one is a new one."""
    first = moment("talk")
    other = [packet.replace(b"1795291044.", b"1795299999.") for packet in TRANSFER.packets]
    async with daemon(desk.config) as running:
        await desk.pbx.listed()
        await desk.play(0, first)
        port = desk.pbx.port
        await desk.pbx.stop()
        await running.said("ami.lost")
        desk.pbx.forget()
        await desk.pbx.start_at(port)
        await desk.listed_again(running, "ami.lost")
        await desk._arrivals.of([TRANSFER.calls[0].closes])
        for packet in other:
            desk.pbx.play(packet)
        await running.said("call.finished", 2)
    assert held(TRANSFER, [key for key in desk.receiver.opened if "1795291044." in key], Gap(first, 1 << 20)) == []
    (record,) = (
        delivered.body["data"]["record"]
        for delivered in desk.receiver.delivered
        if delivered.id == TRANSFER.calls[0].closes
    )
    assert [part["extension"] for part in record["participants"]] == ["134"]
    assert set(running.troubles) <= {"ami.lost", "ami.unreachable"}


async def test_the_pbx_is_reloaded_while_somebody_talks(desk: Desk) -> None:
    reload = b"Event: Reload\r\nPrivilege: system,all\r\nModule: All\r\nStatus: 0"
    async with daemon(desk.config) as running:
        await desk.pbx.listed()
        for packet, keys in zip(TRANSFER.packets, TRANSFER.keys, strict=True):
            desk.pbx.play(packet, reload)
            await desk._arrivals.of(keys)
    assert sorted(desk.receiver.opened) == sorted(TRANSFER.all_keys)
    assert running.troubles == []


async def test_the_daemon_is_stopped_at_every_step(tmp_path: Path) -> None:
    """And started again, while the PBX waits."""
    steps = [place for place, keys in enumerate(TRANSFER.keys) if keys]
    for number in range(0, len(steps), 3):
        await asyncio.gather(*(_stopped_at(tmp_path / str(step), step) for step in steps[number : number + 3]))


async def _stopped_at(folder: Path, step: int) -> None:
    await asyncio.to_thread(folder.mkdir)
    async with desked(folder) as desk:
        async with daemon(desk.config) as running:
            await desk.pbx.listed()
            await desk.play(0, step)
            desk.pbx.play(TRANSFER.packets[step])
            await running.said(TRANSFER.keys[step][0].split("/")[-1].removesuffix("/2"))
            assert await running.end() == 0
        assert running.troubles == []
        async with daemon(desk.config) as running:
            await desk.pbx.listed(2)
            await desk._arrivals.of(TRANSFER.keys[step])
            await desk.play(step + 1, len(TRANSFER.packets))
        assert sorted(desk.receiver.opened) == sorted(TRANSFER.all_keys), f"stopped at {step}"
        assert running.troubles == []


async def test_a_bad_file_at_every_step(desk: Desk) -> None:
    """Each reload says what is wrong with it, and the last good configuration stays in force."""
    good = await asyncio.to_thread(desk.config.read_text)
    async with daemon(desk.config) as running:
        await desk.pbx.listed()
        await asyncio.to_thread(desk.config.write_text, good[:-1] + ', "colour": "red"}')
        for number, (packet, keys) in enumerate(zip(TRANSFER.packets, TRANSFER.keys, strict=True), start=1):
            running.reload()
            await running.said("configuration.kept", number)
            desk.pbx.play(packet)
            await desk._arrivals.of(keys)
    assert sorted(desk.receiver.opened) == sorted(TRANSFER.all_keys)
    assert set(running.troubles) == {"configuration.refused", "configuration.kept"}
    assert "colour" in running.named("configuration.refused")[0]["what"]


@pytest.mark.parametrize("hours", [1, -1])
async def test_the_clock_of_the_pbx_is_set(desk: Desk, hours: int) -> None:
    """While somebody talks: no duration is negative, and none an hour long."""
    first = moment("talk")
    async with daemon(desk.config) as running:
        await desk.pbx.listed()
        await desk.play(0, first)
        desk.pbx.ahead = 3600.0 * hours
        await desk.play(first, len(TRANSFER.packets))
    assert sorted(desk.receiver.opened) == sorted(TRANSFER.all_keys)
    (record,) = (
        delivered.body["data"]["record"] for delivered in desk.receiver.delivered if "/call.finished" in delivered.id
    )
    assert all(0 <= part["talk_seconds"] < 60 for part in record["participants"])
    assert running.troubles == []


# ---------------------------------------------------------------- the CRM
STEPS: dict[str, list[Command]] = {
    "register": [started()],
    "show": [opens("134")],
    "finish": [closes("134"), opens("120"), closes("120"), finished("134", "120")],
}
"""What is told while the CRM is broken; what comes before and after it is told while it works."""


async def down(portal: Portal) -> Callable[[], object]:
    await portal.faults.unplug()
    return portal.faults.plug_in


async def answers_500(portal: Portal) -> Callable[[], object]:
    portal.faults.fail(3)
    return lambda: None


async def method_used_up(portal: Portal) -> Callable[[], object]:
    portal.faults.fail(3, 429, "OPERATION_TIME_LIMIT")
    return lambda: None


async def bucket_full(portal: Portal) -> Callable[[], object]:
    portal.faults.fail(3, 503, "QUERY_LIMIT_EXCEEDED")
    return lambda: None


async def slow(portal: Portal) -> Callable[[], object]:
    portal.faults.hold()
    return portal.faults.release


async def loses_answers(portal: Portal) -> Callable[[], object]:
    portal.faults.lose(times=3)
    return lambda: None


async def takes_no_token(portal: Portal) -> Callable[[], object]:
    code, portal.access.code = portal.access.code, "another"

    def mended() -> None:
        portal.access.code = code

    return mended


FAULTS = (down, answers_500, method_used_up, bucket_full, slow, loses_answers, takes_no_token)


@pytest.mark.parametrize("during", STEPS)
@pytest.mark.parametrize("broken", FAULTS)
async def test_the_crm(tmp_path: Path, broken: Callable[[Portal], object], during: str) -> None:
    """Events are taken while it is broken; when it is mended everything is there, once."""
    async with (
        office() as portal,
        bitrix24(portal, of_map={"134": str(OLGA), "120": str(IVAN)}) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        for step, commands in STEPS.items():
            if step != during:
                await world.tell(*commands)
                await world.rest_until_quiet()
                continue
            mend = await broken(portal)  # type: ignore[misc]
            # Returns when it is committed, whatever the CRM does.
            await world.tell(*commands)
            if broken is not slow:
                await world.rest()
            mended = mend()
            if asyncio.iscoroutine(mended):
                await mended
            await world.rest_until_quiet()
        await _nothing_is_left(world)
    _each_once(portal)


async def test_a_crm_that_does_not_speak_tls(tmp_path: Path) -> None:
    """By a wrong address: nothing is sent, and after the next start with the right one everything is."""
    path, clock = tmp_path / "amibridge.db", Clock()
    async with office() as portal:
        url = portal.webhook_url.replace("http://", "https://")
        async with bitrix24(portal, url=url) as adapter, delivering(path, adapter, clock=clock) as world:
            for commands in STEPS.values():
                await world.tell(*commands)
            await world.rest()
            why = {line.error for line in await world.deliveries() if line.error}
        assert "no connection: SSLError" in why or any("SSL" in (one or "") for one in why), why
        assert portal.requests == []
        async with bitrix24(portal) as adapter, delivering(path, adapter, clock=clock) as world:
            await world.rest_until_quiet()
            await _nothing_is_left(world)
        assert [activity.user for activity in portal.activities] == [OLGA, IVAN]
        assert portal.open_cards() == {}


async def _nothing_is_left(world: World) -> None:
    assert {line.state.value for line in await world.deliveries()} <= {"done", "expired", "superseded"}


def _each_once(portal: Portal) -> None:
    """One record for each who talked; a card at most once, and for nobody else."""
    assert [activity.user for activity in portal.activities] == [OLGA, IVAN]
    shown = [one.user for one in portal.shown if one.what == "show"]
    assert len(shown) == len(set(shown))
    assert set(shown) <= {OLGA, IVAN}
    assert portal.open_cards() == {}
