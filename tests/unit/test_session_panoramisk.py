"""The measured faults of panoramisk 1.4, row by row: what it does, and what the session does instead.

Each test runs the same scenario on both. Where panoramisk has changed its ways its half fails: then look again whether
our own stream is still needed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from amibridge.ami.clock import Clock
from amibridge.ami.connection import Connection
from amibridge.ami.decode import events
from amibridge.ami.faults import NoAnswerError, UnsafeValueError
from amibridge.ami.packets import LIMIT, headers
from amibridge.ami.status import State
from amibridge.ami.stream import Stream
from amibridge.ami.timeline import Timeline
from amibridge.calls import Event
from tests.unit.manager_server import (
    Link,
    Listener,
    Logbook,
    ManagerServer,
    ManualClock,
    Slow,
    call,
    running,
    served,
)


@asynccontextmanager
async def panoramisk(pbx: ManagerServer, **config: Any) -> AsyncIterator[Any]:
    """panoramisk on its own, logged in; it reconnects at once instead of after two seconds."""
    config = {"username": "u", "secret": "s", "reconnect_timeout": 0} | config
    manager = Manager(loop=asyncio.get_running_loop(), host="127.0.0.1", port=pbx.port, **config)
    manager.connect()
    await pbx.asked("Login")
    try:
        yield manager
    finally:
        manager.connect = lambda: None
        manager.close()


@asynccontextmanager
async def connection(pbx: ManagerServer) -> AsyncIterator[Connection]:
    """One connection of ours, logged in."""
    ours = Connection(pbx.login(), Clock(), Logbook().log, tap=nothing, receive=nothing)
    await ours.open()
    await ours.log_in()
    try:
        yield ours
    finally:
        await ours.close()


@contextmanager
def expected_by_asyncio() -> Iterator[None]:
    """asyncio tells of the exceptions that panoramisk lets through to it."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def nothing(packets: list[bytes], received: float) -> None:
    """Packets that are not looked at."""


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def write(self, data: object) -> None:
        pass

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass


def fed(feed: Callable[[bytes], None], data: bytes, size: int = 1 << 16) -> None:
    """Feeds the data in segments."""
    for start in range(0, len(data), size):
        feed(data[start : start + size])


def panoramisk_stream(heard: list[Any]) -> Any:
    """panoramisk's protocol, as its manager makes it."""
    loop = asyncio.get_running_loop()
    manager, protocol, made = Manager(loop=loop), AMIProtocol(), loop.create_future()
    protocol.connection_made(Wire())
    made.set_result((protocol.transport, protocol))
    manager.connection_made(made)
    manager.pinger.cancel()
    manager.register_event("*", lambda _, message: heard.append(message))
    return protocol


def our_stream(heard: list[bytes]) -> Stream:
    """Our protocol, greeted."""
    stream = Stream(Clock(), Logbook().log, nothing, lambda packets, _: heard.extend(packets))
    stream.connection_made(Wire())
    stream.data_received(b"Asterisk Call Manager/11.0.0\r\n")
    return stream


async def test_a_stream_cut_at_every_byte_of_a_cyrillic_name() -> None:
    name = "Константин Константинопольский"
    packet = call("1", CallerIDName=name)
    first = packet.index(name.encode())
    theirs: list[Any] = []
    ours: list[bytes] = []
    for cut in range(first, first + len(name.encode())):
        for stream in (panoramisk_stream(theirs), our_stream(ours)):
            stream.data_received(packet[:cut])
            stream.data_received(packet[cut:])
    assert {headers(packet)["CallerIDName"] for packet in ours} == {name}
    assert sum(message.CallerIDName != name for message in theirs) == len(name) - 1  # all letters but the blank


async def test_a_callback_that_raises() -> None:
    async with served() as pbx, panoramisk(pbx) as manager:
        heard: list[str] = []

        def raises(_: object, message: Any) -> None:
            heard.append(message.Uniqueid)
            raise ZeroDivisionError

        manager.register_event("Newchannel", raises)
        with expected_by_asyncio():
            pbx.links[0].send(call("1"), call("2"))
            await pbx.connected(2)
        assert heard == ["1"]

    class Clumsy(Listener):
        def _tell(self, what: object) -> None:
            super()._tell(what)
            raise ZeroDivisionError

    clumsy = Clumsy()
    async with served() as pbx, running(pbx.login(), clumsy) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"), call("2"))
        await clumsy.heard(2)
        pbx.links[0].send(call("3"))
        await clumsy.heard(3)
        assert clumsy.uids == ["1", "2", "3"]
        assert len(pbx.links) == 1


async def test_coroutine_callbacks_all_at_once() -> None:
    flood, wave = 20_000, b"".join(call(str(number), CallerIDName="x" * 600) for number in range(1_000))
    async with served() as pbx, panoramisk(pbx) as manager:
        slow = Slow()
        at_once = 0

        async def works(_: object, message: object) -> None:
            nonlocal at_once
            at_once += 1
            slow.change.changed()
            await slow.may_go_on.wait()

        manager.register_event("Newchannel", works)
        for _ in range(flood // 1_000):
            pbx.links[0].send(wave)
        await slow.change.until(lambda: at_once == flood)
        slow.may_go_on.set()

    class Counting(Slow):
        at_once = most = 0

        async def events(self, group: Sequence[Event]) -> None:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await super().events(group)
            self.at_once -= 1

    counting = Counting()
    async with served() as pbx, running(pbx.login(), counting) as session:
        await session.reached(State.LIVE)
        for _ in range(flood // 1_000):
            pbx.links[0].send(wave)
        await counting.at_work.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert pbx.links[0].transport.get_write_buffer_size() > 5_000_000, "the PBX keeps what nobody reads"
        counting.may_go_on.set()
        await counting.heard(flood)
    assert counting.most == 1
    assert counting.uids == [str(number) for number in range(1_000)] * (flood // 1_000)
    assert max(len(group) for group in counting.groups) < 1_000


async def test_a_server_that_went_silent() -> None:
    async with served() as pbx:
        del pbx.answers["Ping"]
        async with panoramisk(pbx, ping_delay=0, ping_interval=0):
            await pbx.asked("Ping", 20)
            assert pbx.links[0].open
            assert len(pbx.links) == 1
    listener = Listener()
    async with served() as pbx:
        del pbx.answers["Ping"]
        async with running(pbx.login(silence=0.1), listener):
            await listener.until_told("lost")
            await pbx.change.until(lambda: not pbx.links[0].open)
    assert listener.losses[0][0] == "the PBX was silent for 0.1 s"


async def test_a_refused_login(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as pbx:
        pbx.answers["Login"] = pbx.refuse
        async with panoramisk(pbx):
            await pbx.asked("Login", 5)
        assert "refuse" not in caplog.text
        assert "Authentication" not in caplog.text
    book, time = Logbook(), ManualClock()
    async with served() as pbx:
        pbx.answers["Login"] = pbx.refuse
        async with running(pbx.login(), Listener(), book, time):
            await time.asleep(300.0)
            assert len(pbx.named("Login")) == 1
    [line] = book.lines
    assert line["event"] == "ami.login_refused"
    assert "Authentication failed" in line["why"]


async def test_a_connection_lost_between_an_originate_and_its_answer() -> None:
    def hangs_up(link: Link, asked: object) -> None:
        link.close()

    async with served() as pbx, panoramisk(pbx) as manager:
        pbx.answers["Originate"] = hangs_up
        manager.send_action({"Action": "Originate", "Channel": "PJSIP/134", "Async": "true"})
        await pbx.asked("Originate", 2)

    time = ManualClock()
    async with served() as pbx, running(pbx.login(), Listener(), time=time) as session:
        await session.reached(State.LIVE)
        pbx.answers["Originate"] = hangs_up
        originate = {"Action": "Originate", "Channel": "PJSIP/134", "Async": "true"}
        asking = asyncio.create_task(session.action(originate))
        await session.reached(State.DOWN)
        with pytest.raises(Exception, match="closed the connection"):
            await asking
        time.move(1)
        await session.reached(State.LIVE)
        await session.action({"Action": "Ping"})
        assert len(pbx.named("Originate")) == 1


async def test_an_originate_without_async_that_is_queued() -> None:
    def queued(link: Link, asked: Any) -> None:
        link.answer(asked, "Response: Success", "Message: Originate successfully queued")

    originate = {"Action": "Originate", "Channel": "PJSIP/134"}
    async with served() as pbx, panoramisk(pbx) as manager:
        pbx.answers["Originate"] = queued
        with expected_by_asyncio():
            manager.send_action(dict(originate))
            await pbx.connected(2)
    async with served() as pbx, running(pbx.login(), Listener()) as session:
        await session.reached(State.LIVE)
        pbx.answers["Originate"] = queued
        answer = await session.action(originate)
        assert answer["Message"] == "Originate successfully queued"
        await session.action({"Action": "Ping"})
        assert len(pbx.links) == 1


async def test_an_action_that_times_out() -> None:
    async with served() as pbx, panoramisk(pbx) as manager:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(manager.send_action({"Action": "Getvar"}), 0.01)
        assert len(manager.protocol.responses) == 3
    async with served() as pbx, connection(pbx) as ours:
        for _ in range(3):
            with pytest.raises(NoAnswerError):
                await ours.ask({"Action": "Getvar"}, 0.01)
        assert ours.stream.pending == {}


async def test_close_while_waiting_to_reconnect() -> None:
    async with served() as pbx, panoramisk(pbx) as manager:
        manager.on_disconnect = lambda manager, _: manager.close()
        pbx.links[0].close()
        await pbx.connected(2)
    time = ManualClock()
    async with served() as pbx, running(pbx.login(), Listener(), time=time) as session:
        await session.reached(State.LIVE)
        pbx.links[0].close()
        await session.reached(State.DOWN)
        await session.close()
        time.move(1e6)
        await asyncio.sleep(0)
        assert len(pbx.links) == 1


async def test_a_packet_of_16_mib() -> None:
    head = b"Event: Newchannel\r\nCallerIDName: "
    theirs: list[Any] = []
    protocol = panoramisk_stream(theirs)
    fed(protocol.data_received, head + bytes(2 << 20))
    assert len(protocol.queue[0]) > 2 << 20, "no limit, and each segment copies and splits it all again"
    heard: list[bytes] = []
    ours = our_stream(heard)
    fed(ours.data_received, head + b"x" * (16 << 20) + b"\r\n\r\n" + call("1"))
    assert [event.name for event in events(heard, Timeline())] == ["Newchannel"]
    assert len(heard[0]) < LIMIT


async def test_line_ends_in_a_value() -> None:
    evil = {"Action": "Setvar", "Variable": "X", "Value": "1\r\n\r\nAction: Reload"}
    async with served() as pbx, panoramisk(pbx) as manager:
        manager.send_action(dict(evil))
        await pbx.asked("Reload")
    async with served() as pbx, connection(pbx) as ours:
        with pytest.raises(UnsafeValueError):
            await ours.ask(evil)
        await ours.ask({"Action": "Ping"})
        assert pbx.named("Setvar") == pbx.named("Reload") == []
