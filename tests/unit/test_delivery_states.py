"""What becomes of a command at a CRM: the states of the outbox, one after the other."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from amibridge.calls import CommandType
from amibridge.crm.interface import Capabilities, Done, Gone, Lost, Memory, Refused, Repeat, Retry
from amibridge.store import by_hand
from tests.unit.durable import (
    CALL,
    PATIENCE,
    UNSAFE,
    Clock,
    Crm,
    closes,
    delivering,
    ended,
    finished,
    in_turn,
    opens,
    started,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


async def test_the_commands_of_a_call_arrive_in_their_order(path: Path) -> None:
    crm = Crm()
    async with delivering(path, crm) as world:
        await world.tell(started(), opens("134"))
        await world.rest()
        await world.tell(closes("134"), finished())
        await world.rest()
        assert crm.types() == ["call.started", "134/card.open", "134/card.close", "call.finished"]
        assert set((await world.states()).values()) == {"done"}
    assert crm.closed


async def test_what_is_committed_is_told_as_it_was_said(path: Path) -> None:
    heard = []
    crm = Crm(answers=lambda command, time: heard.append(command) or Done())  # type: ignore[func-returns-value]
    async with delivering(path, crm) as world:
        said = opens("134", name="Ольга", unproven=True)
        await world.tell(said)
        await world.rest()
    assert heard == [said]


async def test_bytes_that_are_no_text_do_not_stop_a_send(path: Path) -> None:
    heard = []
    crm = Crm(answers=lambda command, time: heard.append(command.data["name"]) or Done())  # type: ignore[func-returns-value]
    async with delivering(path, crm) as world:
        await world.tell(opens("134", name=b"\xce\xeb\xfc\xe3\xe0 ok".decode("utf-8", "surrogateescape")))
        await world.rest()
    assert heard == ["\N{REPLACEMENT CHARACTER}" * 5 + " ok"]


async def test_retry_waits_longer_each_time_and_is_done_in_the_end(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("busy"), Retry("busy"), Done()))
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(finished())
        (first,) = await world.rest()
        assert 0.5 <= first - began <= 1.0
        world.clock.go_to(first)
        (second,) = await world.rest()
        assert 1.0 <= second - first <= 2.0
        assert await world.states() == {"call.finished": "pending"}
        world.clock.go_to(second)
        assert await world.rest() == []
        (line,) = await world.deliveries()
        assert (line.state, line.attempts, line.error) == ("done", 3, None)
    assert crm.repeated == [False, True, True]


async def test_retry_after_is_respected_for_the_whole_crm(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("HTTP 429", after=40.0), Done()))
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(finished())
        assert min(await world.rest()) == began + 40.0
        await world.tell(started("office:2.2"))
        await world.rest()
        assert len(crm.sent) == 1
        world.clock.go_to(began + 40.0)
        await world.rest()
        assert len(crm.sent) == 3


@pytest.mark.parametrize("after", [40.0, None])
async def test_a_command_that_has_to_wait_alone_holds_up_nobody_else(path: Path, after: float | None) -> None:
    crm = Crm(answers=lambda command, time: Retry("no running time left", after, alone=True) if time < 4 else Done())
    async with delivering(path, crm) as world:
        with capture_logs() as logs:
            await world.tell(finished())
            await world.rest()
            for number in range(5):
                crm.answers = lambda command, time: Done()
                await world.tell(started(f"office:{number}.2"))
                await world.rest()
        assert len(crm.sent) == 6
        assert world.delivery.status[0].up
    assert "crm.down" not in [entry["event"] for entry in logs]


@pytest.mark.parametrize("lost", [True, False])
async def test_what_was_learnt_before_a_failure_is_remembered(path: Path, lost: bool) -> None:
    learnt = {"CALL_ID": "x1"}
    failure = Lost("no answer in time", learnt) if lost else Retry("HTTP 500", memory=learnt)
    crm = Crm(answers=in_turn(failure, Lost("no answer in time"), Retry("HTTP 500"), Done()))
    async with delivering(path, crm) as world:
        await world.tell(finished())
        await world.rest_until_quiet()
    assert crm.memories == [{}, learnt, learnt, learnt]


async def test_retry_after_nothing_is_not_at_once(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("HTTP 503", after=0.0), Done()))
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(finished())
        assert min(await world.rest()) == began + 1.0


async def test_refused_is_a_dead_letter_and_the_lane_goes_on(path: Path) -> None:
    crm = Crm(answers=in_turn(Refused("HTTP 422"), Done()))
    async with delivering(path, crm) as world:
        with capture_logs() as logs:
            await world.tell(started(), finished())
            await world.rest()
        assert await world.states() == {"call.started": "refused", "call.finished": "done"}
        refusal = {"crm": "crm", "key": f"{CALL}/call.started", "attempt": 1, "why": "HTTP 422", "log_level": "error"}
        assert refusal | {"event": "delivery.refused"} in logs


@pytest.mark.parametrize("answer", [Retry("HTTP 429", after=3600.0), Retry("HTTP 503")])
async def test_by_hand_it_is_tried_at_once_whatever_the_crm_has_asked_for(path: Path, answer: Retry) -> None:
    """A CRM that wants an hour, or is down, and a command of the same call that rests: nothing of it is waited for."""
    crm = Crm(answers=lambda command, time: answer)
    async with delivering(path, crm) as world:
        await world.tell(started(), started("office:2.2"), started("office:3.3"), finished("office:3.3"))
        await world.rest()
        began, sent = world.clock.at, len(crm.sent)
        crm.answers = lambda command, time: Done()
        await by_hand.retry(path, 1)
        world.store.outbox.stir()
        async with asyncio.timeout(PATIENCE):
            await crm.has(sent + 1)
        await world.rest()
        assert world.clock.at == began
        assert (await world.states())["call.started"] == "done"


async def test_a_dead_letter_is_tried_again_although_a_later_one_of_its_call_rests(path: Path) -> None:
    crm = Crm(answers=in_turn(Refused("HTTP 422"), Retry("busy", after=3000.0, alone=True), Done()))
    async with delivering(path, crm) as world:
        await world.tell(started(), finished())
        await world.rest()
        assert await world.states() == {"call.started": "refused", "call.finished": "pending"}
        began = world.clock.at
        await by_hand.retry(path, 1)
        world.store.outbox.stir()
        async with asyncio.timeout(PATIENCE):
            await crm.has(4)
        await world.rest()
        assert world.clock.at == began
        assert await world.states() == {"call.started": "done", "call.finished": "done"}


async def test_a_dead_letter_is_tried_again_by_hand(path: Path) -> None:
    crm = Crm(answers=in_turn(Refused("HTTP 422"), Done()))
    async with delivering(path, crm) as world:
        await world.tell(finished())
        await world.rest()
        assert await by_hand.retry(path, seq=1) == 1
        world.store.outbox.stir()
        await asyncio.sleep(0)
        await world.rest()
        assert await world.states() == {"call.finished": "done"}


async def test_a_card_is_never_opened_late_by_hand(path: Path) -> None:
    crm = Crm(answers=in_turn(Refused("HTTP 422")))
    async with delivering(path, crm) as world:
        await world.tell(opens())
        await world.rest()
        assert await by_hand.retry(path, seq=1) == 0


async def test_what_waits_is_dropped_by_hand(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("busy")))
    async with delivering(path, crm) as world:
        await world.tell(started())
        await world.rest()
        assert await by_hand.drop(path, 1, "another") == 0
        assert await by_hand.drop(path, 1, "crm") == 1
        (line,) = await world.deliveries()
        assert (line.state, line.error) == ("superseded", "dropped by hand")
        await world.rest_until_quiet()
    assert len(crm.sent) == 1


async def test_a_card_that_cannot_be_shown_in_time_expires_and_a_record_never_does(path: Path) -> None:
    down = Retry("down")
    crm = Crm(answers=lambda command, time: down)
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(started(), opens("134"), finished())
        while world.clock.at < began + 3600.0:
            world.clock.go_to(min(await world.rest()))
        crm.answers = lambda command, time: Done()
        await world.rest_until_quiet()
        states = await world.states()
        assert states == {"call.started": "done", "134/card.open": "expired", "call.finished": "done"}
    assert "134/card.open" not in crm.types()


async def test_an_old_card_does_not_go_before_a_fresh_one(path: Path) -> None:
    """After an outage the lanes with expired cards are not urgent any more."""
    one_at_a_time = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE), concurrency=1)
    crm = Crm(answers=in_turn(*[Retry("down")] * 3, Done()), capabilities=one_at_a_time)
    async with delivering(path, crm) as world:
        for number in range(3):
            await world.tell(started(f"office:1.{number}"), opens("134", f"office:1.{number}"))
            await world.rest()
        world.clock.go_to(world.clock.at + 31.0)
        await world.tell(started("office:2.0"), opens("120", "office:2.0"))
        await world.rest()
        assert crm.sent[3:5] == ["office:2.0/call.started", "office:2.0/120/card.open"]
        assert sorted(crm.sent[5:]) == [f"office:1.{number}/call.started" for number in range(3)]


async def test_a_card_does_not_wait_out_the_rest_of_what_failed_before_it(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("busy"), Retry("busy"), Done()))
    async with delivering(path, crm) as world:
        await world.tell(started())
        world.clock.go_to(min(await world.rest()))
        await world.rest()
        await world.tell(opens("134"))
        await world.rest()
        assert crm.types() == ["call.started"] * 3 + ["134/card.open"]


async def test_a_close_supersedes_an_open_that_was_never_sent(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("busy"), Done()))
    async with delivering(path, crm) as world:
        await world.tell(started())
        await world.rest()
        await world.tell(opens("134"), closes("134"))
        await world.rest_until_quiet()
        states = await world.states()
        assert states == {"call.started": "done", "134/card.open": "superseded", "134/card.close": "superseded"}
    assert crm.types() == ["call.started"] * 2


async def test_a_close_is_sent_when_the_superseded_open_may_have_arrived(path: Path) -> None:
    crm = Crm(answers=in_turn(Lost("no answer"), Done()))
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await world.rest()
        await world.tell(closes("134"))
        await world.rest_until_quiet()
        assert await world.states() == {"134/card.open": "superseded", "134/card.close": "done"}


async def test_a_second_close_is_not_sent_without_its_open(path: Path) -> None:
    crm = Crm()
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await world.rest()
        await world.tell(closes("134"))
        await world.rest()
        await world.tell(opens("134", time=2), closes("134", time=2))
        await world.rest_until_quiet()
        states = await world.states()
    assert states["134/card.open/2"] == states["134/card.close/2"] == "superseded"
    assert crm.types() == ["134/card.open", "134/card.close"]


async def test_an_open_under_way_while_its_close_is_committed_is_done_if_it_arrives(path: Path) -> None:
    crm = Crm()
    crm.hold.clear()
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await crm.came.wait()
        await world.tell(closes("134"))
        crm.hold.set()
        await world.rest_until_quiet()
        assert await world.states() == {"134/card.open": "done", "134/card.close": "done"}
    assert crm.types() == ["134/card.open", "134/card.close"]


async def test_a_card_shown_again_is_not_superseded_by_the_close_before_it(path: Path) -> None:
    crm = Crm()
    async with delivering(path, crm) as world:
        await world.tell(opens("134"), closes("134"), opens("134", time=2))
        await world.rest()
        states = await world.states()
        assert states["134/card.open"] == "superseded"
        assert states["134/card.open/2"] == "done"


async def test_a_card_of_a_call_that_is_over_expires(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("busy"), Done()))
    async with delivering(path, crm) as world:
        await world.tell(started())
        await world.rest()
        await world.tell(opens("134"), finished(), ended())
        await world.rest_until_quiet()
        states = await world.states()
        assert states == {"call.started": "done", "134/card.open": "expired", "call.finished": "done"}


async def test_a_crm_that_cannot_close_is_never_told_to(path: Path) -> None:
    popup = Capabilities(can_close=False, repeat=dict.fromkeys(CommandType, Repeat.SAFE))
    crm = Crm(capabilities=popup)
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await world.rest()
        await world.tell(closes("134"), finished())
        await world.rest()
    assert crm.types() == ["134/card.open", "call.finished"]


async def test_memory_comes_back_with_the_next_command_of_the_call(path: Path) -> None:
    crm = Crm(answers=lambda command, time: Done({"CALL_ID": "x1"} if command.key == f"{CALL}/call.started" else None))
    async with delivering(path, crm) as world:
        await world.tell(started(), opens("134"), finished(), started("office:2.2"))
        await world.rest()
    by_key: dict[str, Memory] = dict(zip(crm.sent, crm.memories, strict=True))
    assert by_key[f"{CALL}/call.started"] == {}
    assert by_key[f"{CALL}/134/card.open"] == {"CALL_ID": "x1"}
    assert by_key[f"{CALL}/call.finished"] == {"CALL_ID": "x1"}
    assert by_key["office:2.2/call.started"] == {}


async def test_unsafe_and_the_answer_lost_is_unclear_and_never_sent_again(path: Path) -> None:
    crm = Crm(answers=in_turn(Lost("no answer in time")), capabilities=UNSAFE)
    async with delivering(path, crm) as world:
        await world.tell(opens("134"), finished())
        await world.rest_until_quiet()
        assert await world.states() == {"134/card.open": "unclear", "call.finished": "unclear"}
    assert len(crm.sent) == 2


async def test_unsafe_and_certainly_not_carried_out_is_tried_again(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("HTTP 429"), Done()), capabilities=UNSAFE)
    async with delivering(path, crm) as world:
        await world.tell(finished())
        await world.rest_until_quiet()
        assert await world.states() == {"call.finished": "done"}


async def test_unsafe_stands_as_sending_while_it_is_under_way(path: Path) -> None:
    crm = Crm(capabilities=UNSAFE)
    crm.hold.clear()
    async with delivering(path, crm) as world:
        await world.tell(opens("134"))
        await crm.came.wait()
        assert await world.states() == {"134/card.open": "sending"}
        crm.hold.set()
        await world.rest()
        assert await world.states() == {"134/card.open": "done"}


async def test_after_gone_nothing_more_is_sent_and_nothing_is_lost(path: Path) -> None:
    crm = Crm(answers=in_turn(Gone("HTTP 410")))
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            await world.tell(started())
            await world.rest()
            await world.tell(finished(), started("office:2.2"))
            assert await world.rest() == []
            assert world.delivery.status[0].gone == "HTTP 410"
            assert set((await world.states()).values()) == {"pending"}
    assert len(crm.sent) == 1
    assert [entry["crm"] for entry in logs if entry["event"] == "crm.gone"] == ["crm"]


async def test_a_fault_of_an_adapter_stops_neither_its_other_lanes_nor_other_crms(path: Path) -> None:
    def wrong(command: object, time: int) -> Done:
        raise KeyError("https://portal.example/rest/1/secret-code/")

    broken, healthy = Crm("broken", answers=wrong), Crm("healthy")
    with capture_logs() as logs:
        async with delivering(path, broken, healthy) as world:
            await world.tell(started("office:1.1"), started("office:2.2"))
            await world.rest()
    assert len(broken.sent) == len(healthy.sent) == 2
    assert "secret-code" not in repr(logs)
    assert any("KeyError at test_delivery_states.py" in entry.get("why", "") for entry in logs)


async def test_what_cannot_be_recorded_is_not_sent_again_and_again(path: Path) -> None:
    crm = Crm(answers=lambda command, time: Done({"id": object()} if command.call_id == CALL else None))
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            await world.tell(started(), finished())
            await world.tell(started("office:2.2"))
            await world.rest_until_quiet()
    assert sorted(crm.sent) == [f"{CALL}/call.started", "office:2.2/call.started"]
    assert [entry["key"] for entry in logs if entry["event"] == "delivery.stuck"] == [f"{CALL}/call.started"]


async def test_a_restarted_daemon_takes_what_is_not_final_for_possibly_sent(path: Path) -> None:
    clock = Clock()
    safe, unsafe = Crm("safe"), Crm("unsafe", capabilities=UNSAFE)
    safe.hold.clear()
    unsafe.hold.clear()
    async with delivering(path, safe, unsafe, clock=clock) as world:
        await world.tell(opens("134"), finished())
        await safe.came.wait()
        await unsafe.came.wait()
        for task in asyncio.all_tasks():
            if task.get_name().endswith("card.open"):
                task.cancel()
    safe, unsafe = Crm("safe"), Crm("unsafe", capabilities=UNSAFE)
    async with delivering(path, safe, unsafe, clock=clock) as world:
        await world.rest()
        assert {line.key: line.state for line in await world.deliveries("unsafe")} == {
            f"{CALL}/134/card.open": "unclear",
            f"{CALL}/call.finished": "done",
        }
    assert list(zip(safe.types(), safe.repeated, strict=True)) == [("134/card.open", True), ("call.finished", True)]
    assert unsafe.types() == ["call.finished"]


async def test_a_card_that_may_have_been_shown_before_the_restart_is_closed_after_it(path: Path) -> None:
    clock = Clock()
    crm = Crm(capabilities=UNSAFE)
    crm.hold.clear()
    async with delivering(path, crm, clock=clock) as world:
        await world.tell(opens("134"))
        await crm.came.wait()
        for task in asyncio.all_tasks():
            if task.get_name().endswith("card.open"):
                task.cancel()
    crm = Crm(capabilities=UNSAFE)
    async with delivering(path, crm, clock=clock) as world:
        await world.tell(closes("134"))
        await world.rest()
        assert await world.states() == {"134/card.open": "unclear", "134/card.close": "done"}


async def test_a_card_is_not_opened_by_a_clock_that_was_set_back_meanwhile(path: Path) -> None:
    clock = Clock()
    crm = Crm(answers=in_turn(Retry("down")))
    async with delivering(path, crm, clock=clock) as world:
        await world.tell(opens("134"), finished())
        await world.rest()
    crm = Crm()
    async with delivering(path, crm, clock=Clock(clock.at - 3600.0)) as world:
        await world.rest_until_quiet()
    assert crm.types() == ["call.finished"]


async def test_commands_for_a_crm_that_is_no_longer_configured_are_named(path: Path) -> None:
    async with delivering(path, Crm("old", answers=in_turn(Retry("down")))) as world:
        await world.tell(started(), finished())
        await world.rest()
    with capture_logs() as logs:
        async with delivering(path, Crm("new")) as world:
            await world.rest()
    (stranger,) = [entry for entry in logs if entry["event"] == "delivery.stranger"]
    assert (stranger["crm"], stranger["pending"]) == ("old", 2)
