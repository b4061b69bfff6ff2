"""kill -9 between any two steps: after the restart nothing is lost, and nothing is opened twice."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from amibridge.crm.interface import Repeat
from amibridge.store import Archive, State
from tests.unit.dying import CALLS, Daemon, Receiver, Steps, keys, live_and_die
from tests.unit.webhook_receiver import receiving

UNHARMED = 10**9
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def tell_through_deaths(path: Path, deaths: Sequence[int]) -> list[Steps]:
    """The story told to lives that end at these steps, and to a last one that does not. Returns the lives."""
    safe, unsafe = Receiver("safe", Repeat.SAFE), Receiver("unsafe", Repeat.UNSAFE)
    lives = []
    for last in (*deaths, UNHARMED):
        steps = Steps(last)
        lives.append(steps)
        died = await live_and_die(Daemon(path, (safe, unsafe), steps))
        assert died == (len(steps.taken) == last)
    nothing_is_lost_or_done_twice(safe.effects)
    assert max(Counter(safe.requests).values()) <= 1 + len(deaths)
    assert max(Counter(unsafe.requests).values()) == 1
    await the_outbox_tells_the_truth(path, unsafe.requests)
    return lives


def nothing_is_lost_or_done_twice(effects: Sequence[str]) -> None:
    assert sorted(effects) == sorted(keys())
    for call in CALLS:
        assert [key for key in effects if key in keys(call)] == keys(call)


async def the_outbox_tells_the_truth(path: Path, unsafe_requests: Sequence[str]) -> None:
    async with Archive.opened(path) as archive:
        lines = await archive.outbox(states=list(State))
        assert all(call.ended is not None for call in await archive.calls())
    assert {line.state for line in lines if line.crm == "safe"} == {State.DONE}
    unsafe = {line.key: line.state for line in lines if line.crm == "unsafe"}
    assert set(unsafe) == set(keys())
    for key, state in unsafe.items():
        assert state is State.UNCLEAR or (state is State.DONE and key in unsafe_requests)


async def test_death_at_each_step_of_a_life(tmp_path: Path) -> None:
    last, seen = 0, set[str]()
    while True:
        last += 1
        first, *_ = await tell_through_deaths(tmp_path / f"{last}.db", [last])
        if len(first.taken) < last:
            break
        seen.add(first.taken[-1])
    assert seen >= {
        "received",
        "decided",
        "before COMMIT",
        "after COMMIT",
        "told so",
        "before a request",
        "after an answer",
    }


@pytest.mark.parametrize("seed", range(8))
async def test_death_after_death(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    await tell_through_deaths(tmp_path / "amibridge.db", [random.randint(1, 100) for _ in range(5)])


@pytest.mark.parametrize("last", [1, 9, 17, 26, 38, 55, 80])
async def test_sigkill(tmp_path: Path, last: int) -> None:
    """The same with a process of its own, a real signal and a real request."""
    async with receiving() as receiver:
        for step in (last, UNHARMED):
            daemon = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.unit.dying_daemon"),
                *(str(tmp_path / "amibridge.db"), receiver.url, SECRET, str(step)),
                cwd=Path(__file__).parents[2],
                stdout=asyncio.subprocess.DEVNULL,
            )
            assert await daemon.wait() == (0 if step == UNHARMED else -9)
    nothing_is_lost_or_done_twice(receiver.opened)
    assert all(delivered.signed_with(SECRET) for delivered in receiver.delivered)
    assert max(Counter(delivered.id for delivered in receiver.delivered).values()) <= 2
