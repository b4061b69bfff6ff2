"""Whose fault it is: of a command that its CRM cannot stand, of a right that is missing, or of a CRM that is down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import Answer, Capabilities, Done, Lost, Repeat, Retry
from amibridge.crm.webhook import Webhook, WebhookSettings
from amibridge.delivery.gate import LONGEST_SILENCE
from amibridge.delivery.settling import HOLDS_UP
from tests.unit import office as portal_office
from tests.unit.durable import Crm, World, closes, delivering, finished, opens, started
from tests.unit.webhook_receiver import Delivered, Receiver, receiving

NO_RIGHT = Retry("ACCESS_DENIED", alone=True)
POISON = [f"office:bad.{number}" for number in range(6)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


def cannot_stand_some(delivered: Delivered) -> web.Response:
    return web.Response(status=500 if "/call.finished" in delivered.id and ":bad" in delivered.id else 204)


@asynccontextmanager
async def hooked(path: Path) -> AsyncIterator[tuple[World, Receiver]]:
    async with receiving(cannot_stand_some) as receiver:
        hook = Webhook(WebhookSettings("hook", receiver.url))
        async with delivering(path, hook) as world:
            yield world, receiver


async def test_records_that_answer_500_delay_nobody_s_card(path: Path) -> None:
    """Six of them counted as a CRM that is down: cards came up to twelve seconds late."""
    late: list[float] = []
    async with hooked(path) as (world, receiver):
        await world.tell(*(finished(one) for one in POISON))
        deadlines = await world.rest()
        number = 0
        while world.clock.at < 1_800_000_000.0 + 300.0:
            world.clock.go_to(min(deadlines))
            call = f"office:good.{number}"
            number += 1
            await world.tell(started(call), opens("134", call))
            told_at = world.clock.at
            deadlines = await world.rest()
            while f"{call}/134/card.open" not in receiver.opened:
                world.clock.go_to(min(deadlines))
                deadlines = await world.rest()
            late.append(world.clock.at - told_at)
        assert world.delivery.status[0].up
    assert max(late) == 0.0
    assert len(late) > 20


async def test_what_a_crm_cannot_stand_waits_by_itself(path: Path) -> None:
    with capture_logs() as logs:
        async with hooked(path) as (world, receiver):
            await world.tell(finished("office:good.0"))
            for number, bad in enumerate(POISON):
                await world.tell(finished(bad), finished(f"office:good.{number}"))
                await world.rest()
            for number in range(100, 200):
                world.clock.go_to(min(await world.rest()))
                await world.tell(finished(f"office:good.{number}"))
                await world.rest()
                assert receiver.opened[-1] == f"office:good.{number}/call.finished"
            asked = [one.id for one in receiver.delivered if ":bad" in one.id]
    assert not [entry for entry in logs if entry["event"] == "crm.down"]
    assert max(map(asked.count, asked)) < 20


async def test_a_crm_that_is_down_is_knocked_at_by_fresh_calls_one_at_a_time(path: Path) -> None:
    crm = Crm(answers=lambda command, time: Retry("HTTP 500"))
    async with delivering(path, crm) as world:
        await world.tell(*(finished(f"office:{number}") for number in range(20)))
        await world.rest()
        assert not world.delivery.status[0].up
        before, crm.most_under_way = len(crm.sent), 0
        cards = [f"office:new.{number}" for number in range(10)]
        await world.tell(*(opens("134", call) for call in cards), *(finished(f"office:x{n}") for n in range(10)))
        await world.rest()
        assert sorted(crm.sent[before:]) == [f"{call}/134/card.open" for call in cards], "each once, and no record"
        assert crm.most_under_way <= 2
        deadline = min(await world.rest())
        assert deadline - world.clock.at <= LONGEST_SILENCE
        crm.answers = lambda command, time: Done()
        await world.tell(opens("134", "office:newer"))
        await world.rest()
        assert "office:newer/134/card.open" in crm.sent
        assert world.delivery.status[0].up


async def test_a_crm_that_has_asked_for_time_is_not_knocked_at(path: Path) -> None:
    crm = Crm(answers=lambda command, time: Retry("HTTP 429", after=20.0))
    async with delivering(path, crm) as world:
        await world.tell(finished("office:1"))
        await world.rest()
        await world.tell(opens("134", "office:2"))
        await world.rest()
    assert crm.sent == ["office:1/call.finished"]


@pytest.mark.parametrize("answer", [NO_RIGHT, Retry("busy", 600.0, alone=True), Retry("HTTP 500"), Lost("no answer")])
async def test_a_card_that_cannot_be_closed_does_not_keep_the_record(path: Path, answer: Answer) -> None:
    """Without the right to hide every record of a call with a card waited for ever."""

    def answers(command: Command, time: int) -> Answer:
        return answer if command.type is CommandType.CARD_CLOSE else Done()

    crm = Crm(answers=answers)
    async with delivering(path, crm) as world:
        await world.tell(started(), opens("134"))
        await world.rest()
        await world.tell(closes("134"), finished())
        began = world.clock.at
        deadlines = await world.rest()
        while "call.finished" not in crm.types():
            world.clock.go_to(min(deadlines))
            await world.tell(started(f"office:{world.clock.at}"))
            deadlines = await world.rest()
        waited = world.clock.at - began
        states = await world.states()
        (line,) = [line for line in await world.deliveries() if line.type == "card.close"]
    assert waited <= HOLDS_UP[CommandType.CARD_CLOSE] + 2.0
    assert states["134/card.close"] == "refused"
    assert states["call.finished"] == "done"
    assert str(line.error).endswith("given up, so that the call's record can go")


async def test_while_the_crm_is_down_a_close_is_not_given_up(path: Path) -> None:
    crm = Crm()
    async with delivering(path, crm) as world:
        for number in range(3):
            await world.tell(started(f"office:{number}"), opens("134", f"office:{number}"))
        await world.rest()
        crm.answers = lambda command, time: Retry("no connection", unreached=True)
        for number in range(3):
            await world.tell(closes("134", f"office:{number}"), finished(f"office:{number}"))
        began = world.clock.at
        while world.clock.at < began + 3600.0:
            world.clock.go_to(min(await world.rest()))
        crm.answers = lambda command, time: Done()
        await world.rest_until_quiet()
        assert {line.state for line in await world.deliveries()} == {"done"}


async def test_a_call_that_may_not_be_announced_does_not_keep_its_record(path: Path) -> None:
    crm = Crm(answers=lambda command, time: NO_RIGHT if command.type is CommandType.CALL_STARTED else Done())
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(started(), finished())
        await world.rest_until_quiet()
        assert await world.states() == {"call.started": "refused", "call.finished": "done"}
        assert world.clock.at - began <= HOLDS_UP[CommandType.CALL_STARTED] + 2.0


async def test_a_record_is_never_given_up(path: Path) -> None:
    crm = Crm(answers=lambda command, time: NO_RIGHT)
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(finished())
        while world.clock.at < began + 3600.0:
            world.clock.go_to(min(await world.rest()))
        assert await world.states() == {"call.finished": "pending"}


async def test_a_close_from_before_the_clock_was_set_back_is_given_up_too(path: Path) -> None:
    unsafe = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE))
    crm = Crm(capabilities=unsafe)
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await world.rest()
        crm.answers = lambda command, time: NO_RIGHT if command.type is CommandType.CARD_CLOSE else Done()
        await world.tell(closes("134"), finished())
        await world.rest()
        world.clock.at -= 7200.0
        began = world.clock.at
        world.store.outbox.stir()
        await world.rest_until_quiet()
        states = await world.states()
    assert states["call.finished"] == "done"
    assert began <= world.clock.at


async def test_a_portal_without_the_right_to_hide_gets_every_record(path: Path) -> None:
    async with portal_office.office() as portal, portal_office.bitrix24(portal) as adapter:
        portal.faults.fail(10_000, 403, "ACCESS_DENIED", method="telephony.externalCall.hide")
        async with delivering(path, adapter) as world:
            calls = [f"office:{number}.1" for number in range(5)]
            for one in calls:
                await world.tell(portal_office.started(one), portal_office.opens("134", one))
            await world.rest()
            for one in calls:
                await world.tell(portal_office.closes("134", one), portal_office.finished("134", call_id=one))
            began = world.clock.at
            await world.rest_until_quiet()
            lines = await world.deliveries()
            waited = world.clock.at - began
    assert len(portal.activities) == len(calls)
    assert waited <= HOLDS_UP[CommandType.CARD_CLOSE] + 2.0
    assert {line.state for line in lines if line.type == "card.close"} == {"refused"}
    assert all("give the user of the webhook" in str(line.error) for line in lines if line.type == "card.close")
