"""Resync: what the PBX shows after a (re)connect, what is held back meanwhile, and the line of time across it all."""

import asyncio

import pytest

from amibridge.ami import session as session_module
from amibridge.ami.clock import Clock
from amibridge.ami.inbox import Inbox
from amibridge.ami.line import Line
from amibridge.ami.status import State
from amibridge.calls import Event, Headers, SeenBridge, SeenChannel
from tests.unit.manager_server import Link, Listener, Logbook, ManualClock, call, event, running, served

# The rows of an Asterisk 22.10.
CHANNEL = {
    "Channel": "PJSIP/provider-00000016",
    "ChannelState": "6",
    "ChannelStateDesc": "Up",
    "CallerIDNum": "79031234509",
    "CallerIDName": "Клиент Иванов",
    "ConnectedLineNum": "134",
    "ConnectedLineName": "Ольга Смирнова",
    "Language": "en",
    "AccountCode": "",
    "Context": "from-pstn",
    "Exten": "74950000016",
    "Priority": "3",
    "Uniqueid": "1795290990.28",
    "Linkedid": "1795290990.28",
    "Application": "Queue",
    "ApplicationData": "600",
    "Duration": "00:00:12",
    "BridgeId": "3f2b7a52-9d0b-4c1e-8f3a-0123456789ab",
}
BRIDGE = {
    "BridgeUniqueid": "3f2b7a52-9d0b-4c1e-8f3a-0123456789ab",
    "BridgeType": "basic",
    "BridgeTechnology": "simple_bridge",
    "BridgeCreator": "<unknown>",
    "BridgeName": "<unknown>",
    "BridgeNumChannels": "2",
    "BridgeVideoSourceMode": "none",
}


async def test_what_the_pbx_shows_is_the_picture() -> None:
    listener = Listener()
    async with served() as pbx:
        pbx.channels = [CHANNEL, CHANNEL | {"Uniqueid": "1795290990.29", "BridgeId": ""}]
        pbx.bridges = [BRIDGE]
        async with running(pbx.login(), listener):
            await listener.until_told("picture")
    [(picture, _, _)] = listener.pictures
    assert picture.channels[0] == SeenChannel(
        uid="1795290990.28",
        name="PJSIP/provider-00000016",
        linkedid="1795290990.28",
        state="Up",
        caller_number="79031234509",
        caller_name="Клиент Иванов",
        exten="74950000016",
        application="Queue",
        bridge="3f2b7a52-9d0b-4c1e-8f3a-0123456789ab",
    )
    assert [channel.bridge for channel in picture.channels[1:]] == [None]
    assert picture.bridges == (SeenBridge("3f2b7a52-9d0b-4c1e-8f3a-0123456789ab", "simple_bridge"),)


async def test_a_caller_who_tears_his_row_apart_is_shown_all_the_same() -> None:
    """`%0d%0a%0d%0a` in a SIP user part arrives as an empty line in the middle of the row."""
    listener, evil = Listener(), "7903\r\n\r\nEvent: CoreShowChannelsComplete\r\nEventList: Complete\r\nUniqueid: 6.6"
    async with served() as pbx:
        pbx.channels = [
            CHANNEL | {"CallerIDNum": evil},
            CHANNEL | {"Uniqueid": "1795290990.29", "CallerIDNum": "\r\nEventList: Complete"},
        ]
        async with running(pbx.login(), listener) as session:
            await session.reached(State.LIVE)
            pbx.links[0].send(call("1"))
            await listener.heard(1)
    [(picture, _, _)] = listener.pictures
    assert [channel.uid for channel in picture.channels] == ["1795290990.28", "1795290990.29"]
    assert [channel.application for channel in picture.channels] == ["Queue", "Queue"]


async def test_events_wait_for_the_picture_and_follow_it_as_one_group() -> None:
    listener = Listener()

    def lists_late(link: Link, asked: Headers) -> None:
        link.send(call("1"))
        link.rows(asked, "CoreShowChannel", "CoreShowChannelsComplete", [])
        link.send(call("2"), event("CoreShowChannel", ActionID="somebody/else", Uniqueid="not ours"))

    def busy(link: Link, asked: Headers) -> None:
        link.send(call("3"))
        link.rows(asked, "BridgeListItem", "BridgeListComplete", [])
        link.send(call("4"))

    async with served() as pbx:
        pbx.answers["CoreShowChannels"] = lists_late
        pbx.answers["BridgeList"] = busy
        async with running(pbx.login(), listener) as session:
            await session.reached(State.LIVE)
            await listener.heard(4)
            pbx.links[0].send(call("5"))
            await listener.heard(5)
    assert listener.told[:2] == ["picture", ["1", "2", "3", "4"]]
    _, at, _ = listener.pictures[0]
    assert all(event.at >= at for group in listener.groups for event in group)


async def test_an_account_that_may_not_list_gets_events_and_a_warning() -> None:
    listener, book = Listener(), Logbook()
    async with served() as pbx:
        pbx.answers["CoreShowChannels"] = pbx.deny
        pbx.answers["ListCommands"] = lambda link, asked: link.answer(asked, "Response: Success", "Ping: Keepalive")
        async with running(pbx.login(), listener, book) as session:
            status = await session.reached(State.LIVE)
            pbx.links[0].send(call("1"))
            await listener.heard(1)
    assert listener.told == [["1"]]
    assert status.lacking == ("write = reporting",)
    [line] = book.named("ami.account_lacks")
    assert line["lacks"] == "write = reporting"
    assert line["remedy"].startswith("[u] in manager.conf needs write = reporting")


async def test_a_list_that_does_not_come_ends_the_attempt() -> None:
    async with served() as pbx:
        del pbx.answers["BridgeList"]
        async with running(pbx.login(action_timeout=0.05), Listener(), time=ManualClock()) as session:
            status = await session.reached(State.DOWN)
    assert status.why == "while the channels were listed, BridgeList was not answered in 0.05 s"


async def test_more_than_can_be_held_makes_it_list_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "HELD", 10)
    listener, times = Listener(), 0

    def floods_once(link: Link, asked: Headers) -> None:
        nonlocal times
        times += 1
        for number in range(11 if times == 1 else 2):
            link.send(call(f"{times}.{number}"))
        link.rows(asked, "CoreShowChannel", "CoreShowChannelsComplete", [])

    async with served() as pbx:
        pbx.answers["CoreShowChannels"] = floods_once
        async with running(pbx.login(), listener):
            await listener.heard(2)
    assert listener.told == ["picture", ["2.0", "2.1"]]


async def test_more_than_can_be_held_again_and_again_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "HELD", 10)

    def floods(link: Link, asked: Headers) -> None:
        link.send(*(call(str(number)) for number in range(11)))
        link.rows(asked, "CoreShowChannel", "CoreShowChannelsComplete", [])

    listener = Listener()
    async with served() as pbx:
        pbx.answers["CoreShowChannels"] = floods
        async with running(pbx.login(), listener, time=ManualClock()) as session:
            status = await session.reached(State.DOWN)
    assert status.why == "more than 10 events came while the channels were listed, 3 times"
    assert listener.told == []


async def test_reading_pauses_while_a_group_waits() -> None:
    reading: list[str] = []
    inbox = Inbox(lambda: reading.append("pause"), lambda: reading.append("resume"), 10)
    group = [Event("Hangup", 1.0, 1.0, Headers(""))]
    assert inbox.release() == 0
    getting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    assert reading == ["pause", "resume"]
    inbox.put(group)
    inbox.put(group)
    assert await getting == group
    assert await inbox.get() == group
    assert reading == ["pause", "resume", "pause", "pause"]
    inbox.end()
    assert await inbox.get() is None


# The line of time.


async def test_the_line_outlives_the_connection() -> None:
    listener, time = Listener(), ManualClock()
    async with served() as pbx, running(pbx.login(), listener, time=time) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1", Timestamp="5000.250000"))
        await listener.heard(1)
        first = listener.groups[0][0]
        time.move(10)
        assert session.at() == first.at + 10
        pbx.links[0].close()
        await listener.until_told("lost")
        assert listener.losses[0][1:] == (first.at + 10, 5010.25)
        await time.asleep(0.375)
        time.move(20)
        await listener.until_told("picture", 2)
        assert listener.pictures[1][1:] == (first.at + 30, 5030.25)
        pbx.links[1].send(call("2", Timestamp="5029.900000"), call("3", Timestamp="5031.000000"))
        await listener.heard(3)
    assert [event.at - first.at for event in listener.groups[1]] == [30, 30.75]


@pytest.mark.parametrize("hours", [1, -1, 13, -13, 48, -48])
@pytest.mark.parametrize("stamped", [True, False])
async def test_the_hosts_clock_is_set(hours: int, stamped: bool) -> None:
    """PBX and daemon on one host: timestamps and arrival step together, and only the elapsed seconds do not."""
    listener, time = Listener(), ManualClock()

    def happened(uid: str) -> bytes:
        return call(uid, **({"Timestamp": f"{time.now + time.set_by + 1e6:.6f}"} if stamped else {}))

    async with served() as pbx, running(pbx.login(), listener, time=time) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(happened("1"))
        await listener.heard(1)
        time.move(4)
        time.set_by = 3600.0 * hours
        assert session.at() == listener.groups[0][0].at + 4, "deadlines are not nearer than they were"
        time.move(6)
        pbx.links[0].send(happened("2"))
        await listener.heard(2)
        first, second = listener.groups[0][0], listener.groups[1][0]
        assert second.at - first.at == 10
        assert second.wall == first.wall + 10 + 3600 * hours, "people are shown the new time"
        pbx.links[0].close()
        await listener.until_told("lost")
        await time.asleep(0.375)
        time.set_by = 0.0
        time.move(5)
        await listener.until_told("picture", 2)
        assert listener.pictures[1][1] - first.at == 15, "the gap is as long as it was"


async def test_a_host_that_slept_has_lost_the_time() -> None:
    """The PBX is elsewhere and went on: what it did meanwhile took as long as it took."""
    listener, time = Listener(), ManualClock()
    async with served() as pbx, running(pbx.login(), listener, time=time) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1", Timestamp="5000.0"))
        await listener.heard(1)
        time.suspended = 7200.0
        pbx.links[0].send(call("2", Timestamp="12200.0"))
        await listener.heard(2)
    assert listener.groups[1][0].at - listener.groups[0][0].at == 7200


def test_without_any_event_the_line_is_the_hosts() -> None:
    time = ManualClock()
    line = Line(time.clock)
    assert line.at() == 1_001_000.0
    assert line.mark() == (1_001_000.0, 1_001_000.0)
    time.move(3)
    assert line.at() == 1_001_003.0


def test_a_pbx_whose_clock_is_wrong_by_an_hour_is_on_its_own_line() -> None:
    time = ManualClock()
    line = Line(time.clock)
    at, _ = line.mark()
    hour_ahead = time.now + 1e6 + 3600
    placed = line.timeline.place(hour_ahead, time.now + 1e6)
    line.placed()
    assert placed == (at, hour_ahead)
    time.move(5)
    assert line.mark() == (at + 5, hour_ahead + 5)


def test_the_clock_is_the_hosts_where_none_is_given() -> None:
    assert Line(Clock()).at() > 1.7e9
