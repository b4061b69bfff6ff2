"""What a Bitrix24 portal and the way to it do wrong, and what of a call is there afterwards: each thing once."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from amibridge.calls import Command
from amibridge.crm.bitrix24.people import PATIENCE, People
from amibridge.crm.interface import Adapter, Answer, Done, Lost, Memory, Pace, Refused, Retry
from amibridge.demo.portal import Portal, User
from amibridge.store.journal import CARD_EXPIRES
from tests.unit.durable import Clock, delivering
from tests.unit.office import IVAN, OLGA, bitrix24, closes, finished, office, opens, started

REGISTER, SHOW, HIDE, FINISH, SEARCH = (
    f"telephony.externalCall.{name}" for name in ("register", "show", "hide", "finish", "searchCrmEntities")
)
STATISTIC = "voximplant.statistic.get"
REAL = Pace(per_second=2.0, burst=50)
"""The limits of the vendor's documentation."""
TRIES = 12
"""So often at most is a command sent in a test."""


async def until_done(adapter: Adapter, command: Command, memory: Memory) -> tuple[list[Answer], Memory]:
    """Sends a command as the delivery does, until it is done. Returns all answers, and what is remembered."""
    answers: list[Answer] = []
    for time in range(TRIES):
        answer = await adapter.send(command, memory, repeated=time > 0)
        answers.append(answer)
        if isinstance(answer, Done | Retry | Lost) and answer.memory is not None:
            memory = answer.memory
        if isinstance(answer, Done | Refused):
            return answers, memory
    raise AssertionError(f"never done: {answers}")


def counted(portal: Portal) -> Counter[tuple[str, int]]:
    return Counter((one.what, one.user) for one in portal.shown)


WHOLE = (started(), opens("134"), closes("134"), opens("120"), closes("120"), finished("134", "120"))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("method", [REGISTER, SHOW, HIDE, FINISH, SEARCH])
async def test_an_answer_lost_after_the_work_was_done(method: str, times: int) -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        memory: Memory = {}
        portal.faults.lose(method, times)
        for command in WHOLE:
            _, memory = await until_done(adapter, command, memory)
    assert len(portal.calls) == 2
    assert Counter(one for one in counted(portal).elements() if one[0] != "register") == Counter(
        (what, user) for what in ("show", "hide", "finish") for user in (OLGA, IVAN)
    )
    assert [activity.user for activity in portal.activities] == [OLGA, IVAN]


@pytest.mark.parametrize("method", [REGISTER, SHOW, HIDE, FINISH, SEARCH, "user.get"])
@pytest.mark.parametrize(
    ("status", "code"), [(500, "INTERNAL_SERVER_ERROR"), (503, "OVERLOAD_LIMIT"), (429, "TOO_MANY")]
)
async def test_a_portal_that_fails_and_recovers(method: str, status: int, code: str) -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        memory: Memory = {}
        portal.faults.fail(2, status, code, method=method)
        for command in WHOLE:
            _, memory = await until_done(adapter, command, memory)
    assert [activity.user for activity in portal.activities] == [OLGA, IVAN]
    assert counted(portal)["show", OLGA] == counted(portal)["show", IVAN] == 1


async def test_what_was_finished_is_not_finished_again() -> None:
    """Of two records the second failed: what is remembered says so."""
    async with office() as portal, bitrix24(portal) as adapter:
        _, memory = await until_done(adapter, started(), {})
        first = await adapter.send(finished("134"), memory, repeated=False)
        assert isinstance(first, Done)
        portal.faults.fail(1, method=REGISTER)
        answers, _ = await until_done(adapter, finished("134", "120"), first.memory or {})
    assert [type(answer) for answer in answers] == [Retry, Done]
    assert len(portal.asked(FINISH)) == 2
    assert [activity.user for activity in portal.activities] == [OLGA, IVAN]


async def test_a_call_that_the_portal_has_forgotten_is_registered_again() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        _, memory = await until_done(adapter, started(), {})
        portal.calls.clear()
        for command in (opens("134"), closes("134")):
            _, memory = await until_done(adapter, command, memory)
        portal.calls.clear()
        await until_done(adapter, finished("134"), memory)
    assert [activity.user for activity in portal.activities] == [OLGA]
    assert counted(portal)["show", OLGA] == 1


async def test_a_portal_that_does_not_show_its_log_is_believed_to_have_had_the_record() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        _, memory = await until_done(adapter, started(), {})
        portal.faults.lose(FINISH)
        portal.faults.fail(9, 403, "ACCESS_DENIED", method=STATISTIC)
        answers, _ = await until_done(adapter, finished("134"), memory)
    assert [type(answer) for answer in answers] == [Lost, Done]
    assert len(portal.activities) == 1


async def test_a_record_that_never_arrived_is_found_missing_and_sent() -> None:
    """The connection broke before the portal had it, and by the next attempt it has forgotten the call too."""
    async with office() as portal, bitrix24(portal) as adapter:
        _, memory = await until_done(adapter, started(), {})
        portal.calls.clear()
        answer = await adapter.send(finished("134"), memory, repeated=True)
    assert isinstance(answer, Done)
    assert [activity.user for activity in portal.activities] == [OLGA]


async def test_a_method_without_running_time_stops_only_itself() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        portal.operating.cost[FINISH] = 481.0
        await until_done(adapter, finished("134"), {})
        late = finished("134", call_id="office:2.2")
        answer = await adapter.send(late, {}, repeated=False)
        assert isinstance(answer, Retry)
        assert answer.alone
        assert 0 < (answer.after or 0) <= 600
        before = len(portal.requests)
        again = await adapter.send(late, answer.memory or {}, repeated=True)
        assert isinstance(again, Retry)
        assert len(portal.requests) == before, "the portal was asked although it had said when"
        assert isinstance(await adapter.send(opens("134", "office:3.3"), {}, repeated=False), Done)


async def test_a_bucket_that_others_have_filled() -> None:
    of_map = {"134": str(OLGA)}
    async with office(capacity=50, rate=2) as portal, bitrix24(portal, pace=REAL, of_map=of_map) as adapter:
        while portal.bucket.take():
            pass
        answer = await adapter.send(opens("134"), {}, repeated=False)
        first = len(portal.requests)
        _, _ = await until_done(adapter, opens("134"), {})
    assert first == 1
    assert portal.overrun == 2, "one of the test itself, and one that the adapter learnt from"
    assert isinstance(answer, Retry)
    assert not answer.alone
    assert answer.after == 1.0
    assert "QUERY_LIMIT_EXCEEDED" in answer.why


async def test_a_webhook_that_may_not_register_says_what_to_do() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        portal.faults.fail(1, 403, "WRONG_AUTH_TYPE", method=REGISTER)
        answer = await adapter.send(opens("134"), {}, repeated=False)
    assert isinstance(answer, Retry)
    assert answer.alone
    assert "configure `oauth`" in answer.why


async def test_a_wrong_code_says_what_to_do_and_not_the_code() -> None:
    async with office() as portal:
        url = portal.webhook_url.replace(portal.access.code, "wrong0code")
        async with bitrix24(portal, url=url) as adapter:
            answer = await adapter.send(started(), {}, repeated=False)
            (missing,) = await adapter.probe()
    assert isinstance(answer, Retry)
    assert "make a new one in the portal" in answer.why
    assert "wrong0code" not in answer.why + missing


async def test_nobody_at_home() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        await portal.faults.unplug()
        answer = await adapter.send(started(), {}, repeated=False)
    assert isinstance(answer, Retry)
    assert answer.why == "no connection: Connection refused"


async def test_silence_is_not_an_answer() -> None:
    async with office() as portal, bitrix24(portal, seconds=0.2) as adapter:
        portal.faults.hold(SHOW)
        answer = await adapter.send(opens("134"), {}, repeated=False)
        portal.faults.release()
        _, memory = await until_done(adapter, opens("134"), answer.memory or {} if isinstance(answer, Lost) else {})
    assert isinstance(answer, Lost)
    assert answer.why == f"{SHOW}: no answer in time"
    assert memory["legs"] == {"134": portal.shown[0].call_id}
    assert counted(portal)["show", OLGA] == 1


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [(("crm", "telephony", "user"), 0), (("crm", "user"), 4), (("crm", "telephony"), 1), ((), 6)],
)
async def test_the_probe_says_which_rights_are_missing(scopes: tuple[str, ...], missing: int) -> None:
    async with office(scopes=scopes) as portal, bitrix24(portal) as adapter:
        said = await adapter.probe()
    assert len(said) >= missing
    assert bool(said) is bool(missing)
    assert all("tick telephony, crm and user" in one for one in said)
    assert portal.calls == {}


@pytest.mark.parametrize("method", [REGISTER, SHOW, HIDE, FINISH, SEARCH, STATISTIC, "user.get"])
@pytest.mark.parametrize(("status", "code"), [(403, "ACCESS_DENIED"), (403, "user_access_error"), (500, "ERROR_CORE")])
async def test_each_right_is_proved_by_itself(method: str, status: int, code: str) -> None:
    """Without the right to hide every record waited behind a card's closing, and the probe said that all was well."""
    async with office() as portal, bitrix24(portal) as adapter:
        portal.faults.fail(99, status, code, method=method)
        (said,) = await adapter.probe()
        asked = [request.method for request in portal.requests]
    assert said.startswith(f"{method}: {code}")
    assert ("not proved" in said) is (status == 500)
    assert set(asked) == {"scope", REGISTER, SHOW, HIDE, FINISH, SEARCH, STATISTIC, "user.get"}
    assert portal.calls == {}
    assert portal.shown == []


async def test_all_pages_of_the_users_are_read_and_the_last_list_is_kept() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        for number in range(200, 320):
            portal.people.users[number] = User(number, str(number))
        people: People = adapter._people
        assert await people.user("319") == "319"
        assert len(portal.asked("user.get")) == 3
        await portal.faults.unplug()
        assert await people.user("134") == str(OLGA)
        with capture_logs() as logs:
            people._read_at = people._tried_at = people._now() - 2 * PATIENCE
            assert await people.user("999") is None
            await people.refresh()
        assert [entry["event"] for entry in logs] == ["bitrix24.people_kept"]
        assert await people.user("134") == str(OLGA)


async def test_somebody_new_at_the_portal_is_found() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        people: People = adapter._people
        assert await people.user("300") is None
        portal.people.users[300] = User(300, "300")
        assert await people.user("300") is None, "the portal was asked again at once"
        people._read_at = people._tried_at = people._now() - 2 * PATIENCE
        assert await people.user("300") == "300"


BURST = 500
CALLS = [f"office:{number}.1" for number in range(BURST)]


async def test_a_burst_within_the_limits(tmp_path: Path) -> None:
    """All cards before all records, none lost, none doubled, the portal's bucket never overrun."""
    async with (
        office(capacity=50, rate=2) as portal,
        bitrix24(portal, pace=REAL) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        await world.tell(*(started(one) for one in CALLS))
        await world.tell(*(opens("134", one) for one in CALLS))
        await world.tell(*(finished("134", call_id=one) for one in CALLS[: BURST // 2]))
        await world.tell(*(finished("134", call_id=one) for one in CALLS[BURST // 2 :]))
        async with asyncio.timeout(60):
            await portal.until(lambda: len(portal.activities) == BURST)
        await world.rest()
        states = Counter(line.state.value for line in await world.deliveries())
    assert portal.overrun == 0
    assert states == {"done": 3 * BURST}
    assert len(portal.activities) == BURST
    order = [one.what for one in portal.shown if one.what != "hide"]
    assert Counter(order) == {"register": BURST, "show": BURST, "finish": BURST}
    assert order.index("finish") > len(order) - 1 - order[::-1].index("show")


async def test_down_for_ten_minutes_in_the_middle_of_a_burst(tmp_path: Path) -> None:
    """Cards that could not be shown in 30 s are not shown any more; every record arrives, once."""
    clock = Clock()
    async with (
        office() as portal,
        bitrix24(portal) as adapter,
        delivering(tmp_path / "amibridge.db", adapter, clock=clock) as world,
    ):
        await world.tell(*(started(one) for one in CALLS))
        await world.tell(*(opens("134", one) for one in CALLS))
        await portal.until(lambda: len(portal.shown) > BURST + BURST // 3)
        await portal.faults.unplug()
        went_down = clock.at
        while clock.at < went_down + 600:
            deadlines = [at for at in await world.rest() if at > clock.at]
            clock.go_to(min([*deadlines, went_down + 600]))
        await world.tell(*(closes("134", one) for one in CALLS), *(finished("134", call_id=one) for one in CALLS))
        await portal.faults.plug_in()
        await world.rest_until_quiet(5000)
        lines = await world.deliveries()
    states = Counter((line.type, line.state.value) for line in lines)
    shown = Counter(one.call_id for one in portal.shown if one.what == "show")
    assert max(shown.values()) == 1
    assert states["card.open", "done"] == len(shown)
    assert states["card.open", "done"] + states["card.open", "expired"] == BURST
    assert states["card.open", "expired"] > 0
    assert states["call.finished", "done"] == BURST
    assert len(portal.activities) == len({one.call_id for one in portal.activities}) == BURST
    assert portal.open_cards() == {}
    assert CARD_EXPIRES < 600


async def test_records_give_way_to_cards_but_not_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    async with (
        office() as portal,
        bitrix24(portal) as adapter,
        delivering(tmp_path / "amibridge.db", adapter, clock=clock) as world,
    ):
        held = portal.faults.hold(SHOW)
        await world.tell(opens("134", CALLS[0]))
        await portal.until(lambda: any(one.what == "show" for one in portal.shown))
        await world.tell(finished("120", call_id=CALLS[1]))
        while not portal.activities:
            if deadlines := await clock.deadlines(1):
                clock.go_to(min(deadlines))
            await clock.change()
        assert clock.at >= 1_800_000_000.0 + CARD_EXPIRES
        held.set()
        await world.rest()
    assert [activity.user for activity in portal.activities] == [IVAN]


def test_the_documented_limits_are_the_default() -> None:
    from amibridge.crm.bitrix24 import Bitrix24Settings

    assert Bitrix24Settings("sales", "http://127.0.0.1/").pace == REAL
    assert replace(REAL, burst=250) != REAL
