"""The session's life: connecting, logging in, dying, coming back, closing; one test for each thing that can happen."""

import asyncio
import re
from typing import Any

import pytest

from amibridge.ami.faults import LinkLostError, NoAnswerError, NotLiveError, UnsafeValueError
from amibridge.ami.packets import LIMIT
from amibridge.ami.session import Session
from amibridge.ami.status import State
from amibridge.waiting import Backoff
from tests.unit.manager_server import (
    CERTIFICATE,
    Listener,
    Logbook,
    ManualClock,
    Slow,
    call,
    event,
    packet,
    running,
    served,
)

# What comes.


async def test_events_come_in_order_and_by_the_read() -> None:
    listener, book = Listener(), Logbook()
    async with served() as pbx, running(pbx.login(), listener, book) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"), event("VarSet", Uniqueid="no"), call("2"), event("RTCPSent", "reporting,all"))
        await listener.heard(2)
        pbx.links[0].send(call("3"))
        await listener.heard(3)
    assert listener.told == ["picture", ["1", "2"], ["3"]]
    assert [line["event"] for line in book.lines] == ["ami.connected", "ami.live"]


async def test_a_name_in_another_encoding_harms_nobody() -> None:
    listener, cyrillic = Listener(), "Клиент".encode("cp1251")
    async with served() as pbx, running(pbx.login(), listener) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1", CallerIDName=cyrillic.decode("utf-8", "surrogateescape")), call("2"))
        await listener.heard(2)
    assert listener.groups[0][0].headers["CallerIDName"].encode("utf-8", "surrogateescape") == cyrillic


async def test_a_packet_over_the_limit_is_named_once_and_the_next_one_comes() -> None:
    listener, book = Listener(), Logbook()
    async with served() as pbx, running(pbx.login(), listener, book) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"), call("2", CallerIDName="x" * (LIMIT + 1)), call("3"))
        await listener.heard(2)
    assert listener.uids == ["1", "3"]
    [line] = book.named("ami.packet_too_large")
    assert (line["limit_bytes"], line["packets"]) == (LIMIT, 1)


async def test_a_tap_gets_every_packet_and_may_fail() -> None:
    tapped: list[tuple[bytes, float]] = []

    def tap(packets: list[bytes], received: float) -> None:
        tapped.extend((packet, received) for packet in packets)
        raise OSError("the disk is full")

    listener, book, time = Listener(), Logbook(), ManualClock()
    async with served() as pbx, running(pbx.login(), listener, book, time, tap) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"), event("VarSet", Variable="X"))
        await listener.heard(1)
    assert call("1").removesuffix(b"\r\n\r\n") in [packet for packet, _ in tapped]
    assert any(packet.startswith(b"Event: VarSet") for packet, _ in tapped)
    assert any(packet.startswith(b"Response: Success") for packet, _ in tapped)
    assert {received for _, received in tapped} == {time.now + 1e6}
    assert "the disk is full" in book.named("ami.own_fault")[0]["exception"]


# The way in.


async def test_over_tls() -> None:
    async with served(tls=True) as pbx:
        for trust in ({"ca_file": str(CERTIFICATE)}, {"verify": False}):
            listener = Listener()
            async with running(pbx.login(tls=True, **trust), listener) as session:
                await session.reached(State.LIVE)
                pbx.links[-1].send(call("1"))
                await listener.heard(1)


@pytest.mark.parametrize(
    ("server_tls", "login", "why"),
    [
        (True, {"tls": True}, "no TLS with .*: self-signed certificate"),
        (False, {"tls": True, "verify": False}, "no TLS with .*"),
        (True, {"tls": False, "connect_timeout": 0.2}, "no greeting from .* in 0.2 s"),
        (False, {"tls": True, "ca_file": "/no/such.pem"}, "the CA file /no/such.pem cannot be used: No such file .*"),
    ],
)
async def test_says_what_is_wrong_with_tls(server_tls: bool, login: dict[str, Any], why: str) -> None:
    book = Logbook()
    async with served(tls=server_tls) as pbx, running(pbx.login(**login), Listener(), book, ManualClock()) as session:
        status = await session.reached(State.DOWN)
    assert re.fullmatch(why, status.why or "")
    assert status.remedy
    assert [line["event"] for line in book.lines] == ["ami.unreachable"]


async def test_says_that_nobody_listens() -> None:
    async with served() as pbx:
        login = pbx.login()
    async with running(login, Listener(), time=ManualClock()) as session:
        status = await session.reached(State.DOWN)
    assert status.why == f"{login.address} cannot be reached: Connection refused"


async def test_says_that_there_is_no_such_host() -> None:
    async with served() as pbx, running(pbx.login(host="pbx.invalid"), Listener(), time=ManualClock()) as session:
        status = await session.reached(State.DOWN)
    assert re.fullmatch(r"pbx\.invalid:\d+ cannot be reached: \w.*", status.why or "")


async def test_says_that_something_else_listens() -> None:
    async with served() as pbx:
        pbx.greeting = b"SSH-2.0-OpenSSH_9.2p1\r\n"
        async with running(pbx.login(), Listener(), time=ManualClock()) as session:
            status = await session.reached(State.DOWN)
    assert status.why == "this is no manager interface: it says 'SSH-2.0-OpenSSH_9.2p1'"


@pytest.mark.parametrize("greeting", [b"Asterisk Call Man", b""])
async def test_a_greeting_has_its_time(greeting: bytes) -> None:
    async with served() as pbx:
        pbx.greeting = greeting
        login = pbx.login(connect_timeout=0.1)
        async with running(login, Listener(), time=ManualClock()) as session:
            status = await session.reached(State.DOWN)
            await pbx.change.until(lambda: not pbx.links[0].open)
    assert status.why == f"no greeting from {login.address} in 0.1 s"


async def test_a_greeting_may_come_in_pieces() -> None:
    async with served() as pbx:
        pbx.greeting = b"Aster"
        async with running(pbx.login(), Listener()) as session:
            link = await pbx.connected()
            link.send(b"isk Call Manager/11.0.0\r")
            link.send(b"\n")
            await session.reached(State.LIVE)


async def test_an_unanswered_login_ends_the_attempt() -> None:
    async with served() as pbx:
        del pbx.answers["Login"]
        async with running(pbx.login(connect_timeout=0.1), Listener(), time=ManualClock()) as session:
            status = await session.reached(State.DOWN)
    assert status.why == "the login was not answered in 0.1 s"


async def test_a_refused_login_is_a_state_said_once_and_tried_slowly() -> None:
    time, book = ManualClock(), Logbook()
    async with served() as pbx:
        pbx.answers["Login"] = pbx.refuse
        login = pbx.login()
        async with running(login, Listener(), book, time) as session:
            status = await session.reached(State.REFUSED)
            for attempt in (1, 2, 3):
                await time.asleep(300.0, attempt)
                assert session.state is State.REFUSED
                assert len(pbx.named("Login")) == attempt
                time.move(300)
            await time.asleep(300.0, 4)
            pbx.answers["Login"] = pbx.accept
            time.move(300)
            await session.reached(State.LIVE)
    assert status.why == f"{login.address} refuses the login of 'u': Authentication failed"
    [line] = book.named("ami.login_refused")
    assert line["log_level"] == "error"
    assert (line["username"], line["address"], line["retry_in"]) == ("u", login.address, 300.0)
    assert "manager.conf" in line["remedy"]


async def test_an_admin_who_has_mended_it_need_not_wait() -> None:
    time = ManualClock()
    async with served() as pbx:
        pbx.answers["Login"] = pbx.refuse
        async with running(pbx.login(), Listener(), time=time) as session:
            await time.asleep(300.0)
            pbx.answers["Login"] = pbx.accept
            session.retry()
            await session.reached(State.LIVE)
            session.retry()
            assert session.state is State.LIVE


async def test_the_secret_is_shown_nowhere() -> None:
    book, secret = Logbook(), "p4ssw0rd-very-secret"
    async with served() as pbx:
        pbx.answers["Login"] = pbx.refuse
        login = pbx.login(secret=secret)
        async with running(login, Listener(), book, ManualClock()) as session:
            status = await session.reached(State.REFUSED)
    assert secret not in repr((login, status, session)) + book.text


async def test_a_secret_of_two_lines_is_never_sent() -> None:
    book = Logbook()
    async with served() as pbx:
        async with running(pbx.login(secret="one\r\nAction: Reload"), Listener(), book, ManualClock()) as session:
            await session.reached(State.DOWN)
        assert pbx.actions == []
    assert "Reload" not in book.text


# The way out, and back.


async def test_a_lost_connection_is_told_and_the_pbx_listed_anew() -> None:
    time, listener, book = ManualClock(), Listener(), Logbook()
    async with served() as pbx, running(pbx.login(), listener, book, time) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"))
        pbx.links[0].close()
        await listener.until_told("lost")
        await time.asleep(0.375)
        time.move(1)
        await session.reached(State.LIVE)
        pbx.links[1].send(call("2"))
        await listener.heard(2)
    assert listener.told == ["picture", ["1"], "lost", "picture", ["2"]]
    assert listener.losses[0][0] == "the PBX closed the connection"
    changes = ["ami.connected", "ami.live", "ami.lost", "ami.connected", "ami.live"]
    assert [line["event"] for line in book.lines] == changes


async def test_waits_longer_each_time_and_short_again_when_it_was_live() -> None:
    time, book = ManualClock(), Logbook()
    async with served() as pbx, running(pbx.login(), Listener(), book, time) as session:
        await session.reached(State.LIVE)
        pbx.answers["Login"] = lambda link, asked: link.close()
        pbx.links[0].close()
        for times, delay in (
            (1, 0.375),
            (1, 0.75),
            (1, 1.5),
            (1, 3.0),
            (1, 6.0),
            (1, 12.0),
            (1, 24.0),
            (1, 45.0),
            (2, 45.0),
        ):
            await time.asleep(delay, times)
            time.move(delay)
        await time.asleep(45.0, 3)
        pbx.answers["Login"] = pbx.accept
        time.move(45)
        await session.reached(State.LIVE)
        pbx.links[-1].close()
        await time.asleep(0.375, 2)
    warned = [line["event"] for line in book.lines if line["log_level"] == "warning"]
    assert warned == ["ami.lost", "ami.lost"], "the same trouble is one line, however often it is tried"


async def test_a_link_that_drops_again_and_again_is_made_again_at_once() -> None:
    """Each connection becomes live: what is lost is what happens in the gaps. And it is said once, not for ever."""
    time, listener, book = ManualClock(), Listener(), Logbook()
    async with served() as pbx, running(pbx.login(silence=1e3), listener, book, time) as session:
        for drop in range(1, 41):
            await session.reached(State.LIVE)
            time.move(3)
            pbx.links[-1].send(call(str(drop)))
            await listener.heard(drop)
            pbx.links[-1].close()
            await time.asleep(0.375, drop)
            time.move(0.375)
        await session.reached(State.LIVE)
        loud = [line["event"] for line in book.lines if line["log_level"] != "debug"]
        assert loud == [
            *("ami.connected", "ami.live", "ami.lost") * 2,
            "ami.connected",
            "ami.live",
            *["ami.flapping"] * 2,
        ]
        assert [line["losses"] for line in book.named("ami.flapping")] == [3, 30]
        for number in (41, 42):
            pbx.links[-1].send(call(str(number)))
            await listener.heard(number)
            time.move(60)
        pbx.links[-1].close()
        await time.asleep(0.375, 41)
    [steady] = book.named("ami.steady")
    assert (steady["losses"], steady["within"]) == (40, 192)
    assert [line["event"] for line in book.lines][-1] == "ami.lost", "a link that held is news when it breaks"
    assert listener.uids == [str(number) for number in range(1, 43)]


async def test_a_link_that_flaps_and_then_stays_away_is_told() -> None:
    time, book = ManualClock(), Logbook()
    async with served() as pbx, running(pbx.login(), Listener(), book, time) as session:
        for drop in range(1, 5):
            await session.reached(State.LIVE)
            if drop == 4:
                pbx.answers["Login"] = lambda link, asked: link.close()
            pbx.links[-1].close()
            await time.asleep(0.375, drop)
            time.move(0.375)
        for delay in (0.75, 1.5, 3.0, 6.0, 12.0):
            await time.asleep(delay)
            assert book.named("ami.unreachable") == []
            time.move(delay)
        for delay in (24.0, 45.0):
            await time.asleep(delay)
            time.move(delay)
    [line] = book.named("ami.unreachable")
    assert line["losses"] == 4


async def test_waiting_grows_while_no_connection_becomes_live() -> None:
    """A login that works is none: the channels have to be listed too."""
    time = ManualClock()
    async with served() as pbx:
        pbx.answers["CoreShowChannels"] = lambda link, asked: link.close()
        async with running(pbx.login(), Listener(), time=time):
            for delay in (0.375, 0.75, 1.5, 3.0):
                await time.asleep(delay)
                time.move(delay)


def test_two_bridges_do_not_knock_in_step() -> None:
    lazy, eager = Backoff(lambda: 1.0), Backoff(lambda: 0.0)
    assert [lazy.delay() for _ in range(3)] == [0.5, 1.0, 2.0]
    assert [eager.delay() for _ in range(3)] == [0.25, 0.5, 1.0]


async def test_a_silent_pbx_is_asked_and_then_given_up() -> None:
    time, listener = ManualClock(), Listener()
    async with served() as pbx, running(pbx.login(silence=0.2), listener, time=time) as session:
        await session.reached(State.LIVE)
        await time.asleep(0.1)
        time.move(0.1)
        await pbx.asked("Ping")
        await time.asleep(0.1, 2)  # the answer came: quiet begins anew
        del pbx.answers["Ping"]
        time.move(0.1)
        await pbx.asked("Ping", 2)
        time.move(0.1)
        await listener.until_told("lost")
    assert listener.losses[0][0] == "the PBX was silent for 0.2 s"


async def test_whoever_does_not_read_does_not_call_it_silence() -> None:
    time, slow = ManualClock(), Slow()
    async with served() as pbx, running(pbx.login(), slow, time=time) as session:
        await session.reached(State.LIVE)
        await time.asleep(15.0)
        pbx.links[0].send(call("1"))
        await slow.at_work.wait()
        time.move(100)
        await time.asleep(15.0, 2)
        slow.may_go_on.set()
        await slow.heard(1)
        time.move(14)
        pbx.links[0].send(call("2"))
        await slow.heard(2)
        assert pbx.named("Ping") == []
        assert session.state is State.LIVE


async def test_what_arrived_before_the_end_is_handed_on_before_it() -> None:
    slow = Slow()
    async with served() as pbx, running(pbx.login(), slow, time=ManualClock()) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"))
        await slow.at_work.wait()
        pbx.links[0].send(call("2"))
        pbx.links[0].close()
        slow.may_go_on.set()
        await slow.until_told("lost")
    assert slow.told == ["picture", ["1"], ["2"], "lost"]


@pytest.mark.parametrize("moment", ["connecting", "login", "listing", "live", "handling", "refused", "down"])
async def test_close_closes(moment: str) -> None:
    time, slow = ManualClock(), Slow()
    async with served() as pbx:
        match moment:
            case "connecting":
                pbx.greeting = b""
            case "login":
                del pbx.answers["Login"]
            case "listing":
                del pbx.answers["CoreShowChannels"]
            case "refused":
                pbx.answers["Login"] = pbx.refuse
            case "down":
                pbx.answers["Login"] = lambda link, asked: link.close()
        session = Session(pbx.login(), slow, log=Logbook().log, clock=time.clock)
        run = asyncio.create_task(session.run())
        match moment:
            case "connecting":
                await pbx.connected()
            case "login" | "listing":
                await pbx.asked({"login": "Login", "listing": "CoreShowChannels"}[moment])
            case "live":
                await session.reached(State.LIVE)
            case "handling":
                await session.reached(State.LIVE)
                pbx.links[0].send(call("1"), call("2"))
                await slow.at_work.wait()
            case "refused":
                await session.reached(State.REFUSED)
            case "down":
                await session.reached(State.DOWN)
        closing = asyncio.create_task(session.close())
        if moment == "handling":
            await pbx.change.until(lambda: not pbx.links[0].open)
            assert not run.done(), "the handler is in the middle of something"
            slow.may_go_on.set()
        await closing
        assert run.done()
        assert session.state is State.CLOSED
        await pbx.change.until(lambda: not any(link.open for link in pbx.links))
        time.move(1e6)
        await asyncio.sleep(0)
        assert len(pbx.links) == 1
        assert "lost" not in slow.told, "whoever closes needs not be told"


async def test_whoever_waits_for_a_session_that_is_closed_is_told() -> None:
    async with served() as pbx, running(pbx.login(), Listener()) as session:
        await session.reached(State.LIVE)
        waiting = asyncio.create_task(session.reached(State.REFUSED))
        await asyncio.sleep(0)
        await session.close()
        assert (await waiting).state is State.CLOSED


async def test_a_session_runs_once() -> None:
    async with served() as pbx, running(pbx.login(), Listener()) as session:
        await session.reached(State.LIVE)
        with pytest.raises(RuntimeError):
            await session.run()


# Our own faults.


async def test_a_handler_that_raises_is_named_and_the_connection_untouched() -> None:
    class Clumsy(Listener):
        def _tell(self, what: object) -> None:
            super()._tell(what)
            raise ZeroDivisionError("clumsy")

    clumsy, book, time = Clumsy(), Logbook(), ManualClock()
    async with served() as pbx, running(pbx.login(), clumsy, book, time) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(call("1"))
        await clumsy.heard(1)
        pbx.links[0].send(call("2"))
        await clumsy.heard(2)
        assert len(pbx.links) == 1
        pbx.links[0].close()
        await clumsy.until_told("lost")
        await session.reached(State.DOWN)
    failures = book.named("ami.handler_failed")
    assert len(failures) == 4
    assert all("ZeroDivisionError: clumsy" in line["exception"] for line in failures)


async def test_a_fault_of_the_session_is_one_more_reason_to_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    book, time = Logbook(), ManualClock()
    async with served() as pbx, running(pbx.login(), Listener(), book, time) as session:
        with monkeypatch.context() as patched:
            patched.setattr("amibridge.ami.session.take_first_picture", broken)
            await session.reached(State.DOWN)
        await time.asleep(0.375)
        time.move(1)
        await session.reached(State.LIVE)
    assert len(book.named("ami.own_fault")) == 1


# Questions.


async def test_an_action_is_answered_with_its_headers() -> None:
    async with served() as pbx, running(pbx.login(), Listener()) as session:
        pbx.answers["Getvar"] = lambda link, asked: link.answer(
            asked, "Response: Success", f"Variable: {asked['Variable']}", "Value: a: b"
        )
        pbx.answers["Command"] = lambda link, asked: link.answer(asked, "Response: Success", "Output: 1", "Output: 2")
        await session.reached(State.LIVE)
        answer = await session.action({"Action": "Getvar", "Variable": "X"})
        assert (answer["Variable"], answer["Value"]) == ("X", "a: b")
        answer = await session.action({"Action": "Command", "Command": "core show channels"})
        assert answer.all("Output") == ["1", "2"]


async def test_an_error_is_an_answer_and_repeated_headers_are_sent() -> None:
    async with served() as pbx, running(pbx.login(), Listener()) as session:
        pbx.answers["Originate"] = pbx.deny
        await session.reached(State.LIVE)
        answer = await session.action({"Action": "Originate", "Variable": ["A=1", "B=2"]})
        assert (answer["Response"], answer["Message"]) == ("Error", "Permission denied")
        assert pbx.named("Originate")[0].all("Variable") == ["A=1", "B=2"]


async def test_an_originate_is_answered_by_its_own_event_and_not_by_another_sessions() -> None:
    listener = Listener()
    async with served() as pbx, running(pbx.login(), listener) as session:
        await session.reached(State.LIVE)
        asking = asyncio.create_task(session.action({"Action": "Originate", "Async": "true"}))
        link = await pbx.asked("Originate")
        asked = pbx.named("Originate")[0]
        link.answer(asked, "Response: Success", "Message: Originate successfully queued")
        link.send(event("OriginateResponse", ActionID="somebody/else", Response="Failure", Uniqueid="1"))
        link.send(event("Newchannel", ActionID="somebody/else", Uniqueid="2"))
        await listener.heard(1)
        assert not asking.done()
        link.send(event("OriginateResponse", ActionID=asked["ActionID"], Response="Success", Uniqueid="3"))
        assert (await asking)["Uniqueid"] == "3"
    assert listener.uids == ["2"]


async def test_nothing_is_asked_of_a_pbx_that_is_not_there() -> None:
    async with served() as pbx:
        session = Session(pbx.login(), Listener())
        with pytest.raises(NotLiveError):
            await session.action({"Action": "Ping"})
        del pbx.answers["CoreShowChannels"]
        async with running(pbx.login(), Listener()) as session:
            await pbx.asked("CoreShowChannels")
            with pytest.raises(NotLiveError):
                await session.action({"Action": "Ping"})
        assert pbx.named("Ping") == []


async def test_what_is_asked_when_the_connection_ends_may_have_been_done() -> None:
    async with served() as pbx, running(pbx.login(), Listener(), time=ManualClock()) as session:
        await session.reached(State.LIVE)
        asking = asyncio.create_task(session.action({"Action": "Originate"}))
        (await pbx.asked("Originate")).close()
        with pytest.raises(LinkLostError):
            await asking


async def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    listener = Listener()
    async with served() as pbx, running(pbx.login(), listener) as session:
        await session.reached(State.LIVE)
        with pytest.raises(NoAnswerError, match=r"Getvar was not answered in 0\.05 s"):
            await session.action({"Action": "Getvar", "Variable": "X"}, within=0.05)
        pbx.links[0].answer(pbx.named("Getvar")[0], "Response: Success", "Value: late")
        pbx.links[0].send(call("1"))
        await listener.heard(1)
        assert session.state is State.LIVE


@pytest.mark.parametrize(
    "action",
    [
        {"Action": "Setvar", "Value": "1\r\nAction: Reload"},
        {"Action": "Setvar", "Variable": ["A=1", "B=2\nAction: Reload"]},
        {"Action": "Setvar", "X: 1\r\nY": "2"},
    ],
)
async def test_line_ends_are_refused(action: dict[str, str | list[str]]) -> None:
    async with served() as pbx, running(pbx.login(), Listener()) as session:
        await session.reached(State.LIVE)
        with pytest.raises(UnsafeValueError) as refused:
            await session.action(action)
        assert "Reload" not in str(refused.value)
        await session.action({"Action": "Ping"})
        assert [asked["Action"] for asked in pbx.actions[-2:]] == ["BridgeList", "Ping"]


async def test_a_handler_that_would_wait_for_itself_is_told() -> None:
    class Asking(Listener):
        async def picture(self, *picture: object) -> None:
            with pytest.raises(RuntimeError):
                await session.action({"Action": "Ping"})
            self._tell("refused")

    asking, book = Asking(), Logbook()
    async with served() as pbx, running(pbx.login(), asking, book) as session:
        await asking.until_told("refused")
    assert book.named("ami.handler_failed") == []


# How it stands.


async def test_the_states_in_their_order() -> None:
    time = ManualClock()
    async with served() as pbx:
        del pbx.answers["CoreShowChannels"]
        session = Session(pbx.login(), Listener(), log=Logbook().log, clock=time.clock)
        assert session.state is State.CLOSED
        run = asyncio.create_task(session.run())
        await session.reached(State.CONNECTING)
        await session.reached(State.LISTING)
        (await pbx.asked("CoreShowChannels")).close()
        status = await session.reached(State.DOWN, State.LIVE)
        assert (status.state, status.why) == (State.DOWN, "the PBX closed the connection")
        assert status.since == time.now + 1e6
        assert status.remedy
        await session.close()
        await run


async def test_a_response_out_of_nowhere_is_ignored() -> None:
    listener = Listener()
    async with served() as pbx, running(pbx.login(), listener) as session:
        await session.reached(State.LIVE)
        pbx.links[0].send(packet("Response: Success", "ActionID: nobodys"), packet("nonsense"), call("1"))
        await listener.heard(1)
