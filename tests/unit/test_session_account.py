"""What the account lacks, found in what it gets to see."""

from amibridge.ami.account import ReadClasses
from amibridge.ami.status import State
from amibridge.calls import Picture, SeenChannel
from tests.unit.manager_server import Listener, Logbook, ManualClock, event, running, served


def shown(*uids: str, application: str = "Dial") -> Picture:
    channels = [SeenChannel(uid, f"PJSIP/134-{uid}", uid, "Up", "134", "", "600", application, None) for uid in uids]
    return Picture(tuple(channels), ())


def looked(reading: ReadClasses, *pictures: Picture) -> list[tuple[str, ...]]:
    return [reading.look(picture) for picture in pictures]


def test_an_account_that_gets_everything_lacks_nothing() -> None:
    reading = ReadClasses()
    reading.notice([event("FullyBooted", "system,all"), event("Hangup"), event("QueueCallerJoin", "agent,all")])
    assert reading.unproven == set()
    assert looked(reading, shown("1"), shown("2", application="Queue"), shown("3")) == [(), (), ()]


def test_system_shows_until_the_second_look() -> None:
    assert looked(ReadClasses(), shown(), shown(), shown()) == [(), ("read = system",), ()]


def test_a_channel_that_came_untold_betrays_call() -> None:
    reading = ReadClasses()
    reading.notice([event("FullyBooted", "system,all")])
    looks = looked(reading, shown("1"), shown("1", "2"), shown("1", "2"), shown("3"), shown("4"))
    assert looks == [(), (), ("read = call",), (), ()]


def test_channels_that_were_always_there_betray_nothing() -> None:
    reading = ReadClasses()
    reading.notice([event("FullyBooted", "system,all")])
    assert looked(reading, *[shown("1", "2")] * 5) == [()] * 5


def test_a_caller_in_a_queue_who_came_untold_betrays_agent() -> None:
    reading = ReadClasses()
    reading.notice([event("FullyBooted", "system,all"), event("Newchannel")])
    looks = looked(reading, shown(), shown("1"), shown("2", application="Queue"), shown())
    assert looks == [(), (), (), ("read = agent",)]


def test_an_event_between_two_looks_clears_the_suspicion() -> None:
    reading = ReadClasses()
    reading.notice([event("FullyBooted", "system,all")])
    assert looked(reading, shown(), shown("1")) == [(), ()]
    reading.notice([event("Newchannel")])
    assert looked(reading, shown("2"), shown("3")) == [(), ()]


def test_an_event_of_two_classes_proves_neither() -> None:
    reading = ReadClasses()
    reading.notice([event("Cdr", "call,reporting,all"), b"Event: X\r\nPrivilege: call", b"Response: Success"])
    assert b"call" in reading.unproven


async def test_the_session_looks_now_and_then_and_says_it_once() -> None:
    time, book = ManualClock(), Logbook()
    async with served() as pbx, running(pbx.login(silence=1e9), Listener(), book, time) as session:
        await session.reached(State.LIVE)
        for delay, uid in ((60.0, "2"), (120.0, "3")):
            await time.asleep(delay)
            pbx.channels = [{"Uniqueid": uid, "Application": "Queue"}]
            time.move(delay)
        await pbx.asked("BridgeList", 3)
        await session.action({"Action": "Ping"})
        assert session.status.lacking == ("read = agent", "read = call")
        pbx.links[0].close()
        await time.asleep(0.375)
        time.move(1)
        fresh = await session.reached(State.LIVE)
        assert fresh.lacking == ()
    said = [line["lacks"] for line in book.named("ami.account_lacks")]
    assert said == ["read = agent", "read = call"]
    assert all(line["noticed"] for line in book.named("ami.account_lacks"))


async def test_looking_survives_a_pbx_that_does_not_answer() -> None:
    time, book, patience = ManualClock(), Logbook(), {"silence": 1e9, "action_timeout": 0.05}
    async with served() as pbx, running(pbx.login(**patience), Listener(), book, time) as session:
        await session.reached(State.LIVE)
        await time.asleep(60.0)
        answer = pbx.answers.pop("CoreShowChannels")
        time.move(60)
        await time.asleep(120.0)
        pbx.answers["CoreShowChannels"] = answer
        time.move(120)
        await time.asleep(240.0)
        assert session.state is State.LIVE
    assert book.named("ami.own_fault") == []
