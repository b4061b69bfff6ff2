"""Lanes: one for each call and CRM, kept in order whatever the CRMs answer; the most urgent first; no CRM waits for
another."""

import asyncio
import tempfile
from collections import defaultdict
from math import inf
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import LONGEST_WISH, Answer, Bucket, Capabilities, Done, Lost, Pace, Refused, Repeat, Retry
from amibridge.delivery import Delivery
from amibridge.delivery.backoff import FIRST, LONGEST, granted, pause
from amibridge.delivery.clock import HostClock
from amibridge.delivery.gate import DOWN_AFTER, LONGEST_SILENCE, MOST_KNOWN, Gate
from amibridge.store import Store
from tests.unit.durable import PATIENCE, Clock, Crm, closes, delivering, finished, in_turn, opens, started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


def repeating(repeat: Repeat, concurrency: int = 4, pace: Pace | None = None) -> Capabilities:
    return Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, repeat), concurrency=concurrency, pace=pace)


ONE_AT_A_TIME = repeating(Repeat.SAFE, concurrency=1)


async def test_cards_go_first_and_records_last(path: Path) -> None:
    crm = Crm(capabilities=ONE_AT_A_TIME)
    crm.hold.clear()
    async with delivering(path, crm) as world:
        await world.tell(started("office:0"))
        await crm.came.wait()
        await world.tell(finished("office:1"), finished("office:2"), started("office:3"), opens("134", "office:4"))
        await world.tell(opens("120", "office:5"))
        crm.hold.set()
        await world.rest()
    assert crm.sent[1:] == [
        "office:4/134/card.open",
        "office:5/120/card.open",
        "office:3/call.started",
        "office:1/call.finished",
        "office:2/call.finished",
    ]


async def test_a_lane_is_as_urgent_as_its_most_urgent_command(path: Path) -> None:
    crm = Crm(capabilities=ONE_AT_A_TIME)
    crm.hold.clear()
    async with delivering(path, crm) as world:
        await world.tell(started("office:0"))
        await crm.came.wait()
        await world.tell(started("office:1"), started("office:2"), opens("134", "office:2"))
        crm.hold.set()
        await world.rest()
    assert crm.sent[1:] == ["office:2/call.started", "office:2/134/card.open", "office:1/call.started"]


async def test_a_crm_is_given_as_many_commands_at_once_as_it_takes(path: Path) -> None:
    crm = Crm(capabilities=repeating(Repeat.SAFE, concurrency=3))
    crm.hold.clear()
    async with delivering(path, crm) as world:
        await world.tell(*(started(f"office:{number}") for number in range(10)))
        await crm.has(3)
        crm.hold.set()
        await world.rest()
    assert crm.most_under_way == 3
    assert len(crm.sent) == 10


async def test_a_crm_that_hangs_or_is_down_delays_neither_another_nor_the_events(path: Path) -> None:
    hanging, down, healthy = Crm("hanging"), Crm("down", in_turn(Retry("down"))), Crm("healthy")
    hanging.hold.clear()
    async with delivering(path, hanging, down, healthy) as world:
        for number in range(20):
            await world.tell(started(f"office:{number}"))
        await healthy.has(20)
        assert len(hanging.sent) == hanging.capabilities.concurrency
        hanging.hold.set()
        await world.rest()


async def test_a_crm_that_is_down_is_asked_once_in_a_while(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("no connection")))
    async with delivering(path, crm) as world:
        with capture_logs() as logs:
            await world.tell(*(finished(f"office:{number}") for number in range(200)))
            began = world.clock.at
            while world.clock.at < began + 600.0:
                world.clock.go_to(min(await world.rest()))
            asked = len(crm.sent)
            crm.answers = lambda command, time: Done()
            await world.rest_until_quiet()
    assert 600.0 / LONGEST_SILENCE <= asked <= 3 * 600.0 / LONGEST_SILENCE
    assert len(set(crm.sent)) == 200
    assert [entry["event"] for entry in logs if entry["event"].startswith("crm.")] == ["crm.down", "crm.up"]


async def test_a_fresh_card_is_what_a_crm_that_comes_back_gets_first(path: Path) -> None:
    crm = Crm(answers=in_turn(Retry("down")))
    async with delivering(path, crm) as world:
        await world.tell(*(finished(f"office:{number}") for number in range(20)))
        for _ in range(10):
            world.clock.go_to(min(await world.rest()))
        await world.rest()
        asked = len(crm.sent)
        await world.tell(started("office:new"), opens("134", "office:new"))
        crm.answers = lambda command, time: Done()
        await world.rest_until_quiet()
    assert crm.sent[asked : asked + 2] == ["office:new/call.started", "office:new/134/card.open"]


async def test_one_call_that_a_crm_cannot_stand_does_not_stop_the_others(path: Path) -> None:
    bad = "office:bad"
    crm = Crm(answers=lambda command, time: Retry("HTTP 500") if command.call_id == bad and time < 20 else Done())
    async with delivering(path, crm) as world:
        await world.tell(started(bad))
        for number in range(50):
            world.clock.go_to(world.clock.at + 60.0)
            await world.tell(finished(f"office:{number}"))
            await world.rest()
            assert f"office:{number}/call.finished" in crm.sent
        await world.rest_until_quiet()
        assert {line.state for line in await world.deliveries()} == {"done"}


async def test_a_crm_with_a_pace_is_not_overrun(path: Path) -> None:
    crm = Crm(capabilities=repeating(Repeat.SAFE, pace=Pace(per_second=2.0, burst=5)))
    async with delivering(path, crm) as world:
        began = world.clock.at
        await world.tell(*(finished(f"office:{number}") for number in range(11)))
        deadlines = await world.rest()
        assert len(crm.sent) == 5
        while len(crm.sent) < 11:
            world.clock.go_to(min(deadlines))
            deadlines = await world.rest()
        assert world.clock.at - began == pytest.approx(3.0)


COMMANDS = st.sampled_from(["started", "open", "close", "finished"])
ANSWERS = st.sampled_from([Done(), Retry("busy"), Retry("wait", after=7.0), Lost("no answer"), Refused("no")])


@settings(max_examples=25, deadline=None)
@given(
    told=st.lists(st.lists(st.tuples(st.integers(0, 3), COMMANDS), min_size=1, max_size=4), min_size=1, max_size=6),
    answers=st.lists(ANSWERS, max_size=25),
    seed=st.integers(0, 1000),
)
def test_each_lane_keeps_its_order_and_every_record_comes_to_an_end(
    told: list[list[tuple[int, str]]], answers: list[Answer], seed: int
) -> None:
    asyncio.run(_lanes(told, answers, Random(seed)))


async def _lanes(told: list[list[tuple[int, str]]], answers: list[Answer], random: Random) -> None:
    said: dict[str, list[str]] = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)

    def output(call: int, kind: str) -> Command:
        name = f"office:{call}"
        seen[f"{name}{kind}"] += 1
        if kind == "started":
            made = started(f"{name}.{seen[name + kind]}")
        elif kind == "finished":
            made = finished(f"{name}.{seen[name + kind]}")
        else:
            made = (opens if kind == "open" else closes)("134", name, seen[f"{name}{kind}"])
        said[made.call_id].append(made.key)
        return made

    crms = [
        Crm("safe", in_turn(*answers, Done()), repeating(Repeat.SAFE)),
        Crm("unsafe", in_turn(*answers, Done()), repeating(Repeat.UNSAFE, concurrency=1)),
        Crm("prompt"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        async with delivering(Path(folder) / "amibridge.db", *crms) as world:
            for chunk in told:
                await world.tell(*(output(call, kind) for call, kind in chunk))
                if random.random() < 0.5 and (deadlines := await world.rest()):
                    world.clock.go_to(min(deadlines))
            await world.rest_until_quiet()
            for crm in crms:
                for call, keys in said.items():
                    firsts = list(dict.fromkeys(key for key in crm.sent if key.startswith(f"{call}/")))
                    assert firsts == [key for key in keys if key in firsts]
                for line in await world.deliveries(crm.name):
                    assert line.state not in ("pending", "sending")
                    if line.type in ("call.started", "call.finished"):
                        assert line.state in ("done", "refused", "unclear")
                        assert (line.state == "unclear") <= (crm.name == "unsafe")
                assert crm.most_under_way <= crm.capabilities.concurrency


def test_pauses_double_and_end_at_the_longest() -> None:
    longest = [pause(failures, _Always(1.0)) for failures in range(1, 12)]
    assert longest == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert pause(10_000, _Always(0.0)) == LONGEST / 2
    assert pause(1, _Always(0.0)) == FIRST / 2


class _Always(Random):
    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def random(self) -> float:
        return self._value


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [(-5.0, FIRST), (0.0, FIRST), (42.0, 42.0), (10.0**9, LONGEST_WISH), (float("nan"), FIRST), (inf, LONGEST_WISH)],
)
def test_what_a_crm_asks_for_is_granted_within_reason(wish: float, seconds: float) -> None:
    assert granted(wish) == seconds


def test_a_gate_remembers_so_many_calls_that_failed_and_no_more() -> None:
    """A CRM may be down for days, and each look into the outbox names them all."""
    gate = Gate("crm", _Always(1.0))
    for number in range(MOST_KNOWN + 10):
        gate.failed(float(number), "HTTP 500", f"office:{number}")
    assert len(gate.failing) == MOST_KNOWN
    assert f"office:{MOST_KNOWN + 9}" in gate.failing
    gate.answered("office:2")
    for number in range(10):
        gate.asked_for_time(float(number), 1.0, f"office:later.{number}")
    assert len(gate.failing) <= 2 * MOST_KNOWN


def test_a_gate_closes_after_some_failures_and_lets_one_through_at_a_time() -> None:
    gate = Gate("crm", _Always(1.0))
    for number in range(DOWN_AFTER - 1):
        gate.failed(100.0, "down", f"{number}")
    assert gate.room(100.0, under_way=3) > 1000
    gate.failed(100.0, "down", "2")
    assert (gate.up, gate.room(100.0, 0), gate.opens_at(100.0)) == (False, 0, 101.0)
    assert gate.room(101.0, under_way=0) == 1
    assert gate.room(101.0, under_way=1) == 0
    assert gate.opens_at(101.0) is None
    assert gate.trouble(101.0) == (100.0, "down")
    gate.answered("3")
    assert gate.room(101.0, under_way=3) > 1000
    assert gate.trouble(101.0) is None


def test_a_gate_never_stays_closed_for_longer_than_a_card_lives() -> None:
    gate, now = Gate("crm", _Always(1.0)), 0.0
    for number in range(100):
        gate.failed(now, "down", f"{number}")
        opens_at = gate.opens_at(now) or now
        assert opens_at - now <= LONGEST_SILENCE
        now = opens_at
    gate.failed(now, "down", "last")
    assert gate.opens_at(now) == now + LONGEST_SILENCE


def test_what_fails_while_others_go_through_says_little_of_the_crm() -> None:
    gate = Gate("crm", _Always(1.0))
    gate.failed(0.0, "HTTP 500", "bad")
    gate.answered("good")
    for _ in range(4 * DOWN_AFTER - 1):
        gate.failed(0.0, "HTTP 500", "bad")
    assert gate.up
    gate.asked_for_time(0.0, 3600.0, "bad")
    assert gate.room(0.0, 3) > 1000
    gate.failed(0.0, "HTTP 500", "bad")
    assert not gate.up, "nothing else has gone through for a good while"
    gate.answered("bad")
    assert gate.failing == set()
    gate.failed(0.0, "HTTP 500", "bad")
    gate.answered("good")
    for _ in range(DOWN_AFTER):
        gate.failed(0.0, "no connection", "bad", unreached=True)
    assert not gate.up, "that nobody is there cannot be a command's fault"


def test_a_gate_does_not_remember_without_end() -> None:
    gate = Gate("crm", _Always(1.0))
    for number in range(10_000):
        gate.failed(0.0, "HTTP 500", f"{number}")
        gate.answered("good")
    assert len(gate.failing) == MOST_KNOWN


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 3.0), max_size=60), st.integers(1, 5), st.floats(0.5, 10.0))
def test_a_bucket_never_gives_more_than_its_pace(waits: list[float], burst: int, per_second: float) -> None:
    bucket = Bucket(Pace(per_second, burst))
    now, given_out = 0.0, 0
    for wait in waits:
        now += wait
        while bucket.room(now) > 0:
            bucket.take(now)
            given_out += 1
        assert given_out <= burst + per_second * now + 0.01
        next_at = bucket.next_at(now)
        assert next_at is not None
        assert bucket.room(next_at) == 1


async def test_the_host_s_clock_wakes_at_a_stir_and_at_a_deadline() -> None:
    clock = HostClock(asyncio.get_running_loop().time)
    stir = asyncio.Event()
    await clock.wait(stir, clock.now() - 1.0)
    await clock.wait(stir, clock.now() + 0.01)
    asyncio.get_running_loop().call_soon(stir.set)
    await clock.wait(stir, None)


async def test_time_by_hand_wakes_who_waited_for_it() -> None:
    clock = Clock(100.0)
    stir = asyncio.Event()
    waiting = asyncio.create_task(clock.wait(stir, 110.0))
    assert await clock.deadlines(1) == [110.0]
    clock.go_to(110.0)
    await waiting


@pytest.mark.parametrize("hours", [1, 13, 48])
async def test_a_record_from_before_the_clock_was_set_back_waits_for_no_card(path: Path, hours: int) -> None:
    """It gives way for half a minute of its age, not until its time comes again."""
    clock = Clock()
    before = await Store.open(path, ["crm"], now=Clock(clock.at + hours * 3600.0).now)
    await before.commit([finished("office:1")], "office")
    await before.close()
    store, crm = await Store.open(path, ["crm"], now=clock.now), Crm()
    crm.hold.clear()
    await store.commit([opens("134", "office:2")], "office")
    running = asyncio.create_task(Delivery(store, [crm], clock=clock, random=Random(1)).run())
    try:
        async with asyncio.timeout(PATIENCE):
            await crm.has(2)
    finally:
        crm.hold.set()
        running.cancel()
        await asyncio.wait([running])
        await store.close()
    assert crm.sent == ["office:2/134/card.open", "office:1/call.finished"]
