"""Two hundred random runs: calls beside each other, links cut, daemons restarted; no card lost, none doubled."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from structlog.testing import capture_logs

from amibridge.calls import Event
from amibridge.calls.who import Directory
from tests.chaos.random_runs import Gap, Outcome, gaps, run
from tests.replay.playing import Capture, capture, captures
from tests.replay.test_properties import OTHERS, _apart

RUNS = 200
SEED = int(os.environ.get("SEED", "20261121"))
AT_ONCE = 4
NOT_IN_A_LISTING = (
    *("mobile", "branch_"),  # who is known by the dialled number alone
    *("room_", "dial_goto_room"),  # who waits in a conference for its leader and hears nobody
    "injects",  # a caller who writes headers of its own into the rows
    "recorder_comes",  # begins in the middle of a call
    *("agent_", "client_brought"),  # a client first seen in the middle has a colleague's linkedid, and so another id
    "stories-",  # whose phone is on hold in the bridge that it is in after a gap: no listing shows holds
    *("calls_of_a_moment", "callee_hangs_up"),  # bridged for a millisecond by a phone that had hung up before
)
"""Captures with something that nobody can know who did not hear the events."""


def fits(one: Capture) -> bool:
    """Whether a capture is short, and a picture of it says who talks to whom."""
    return len(one.packets) < 600 and not any(part in one.name for part in NOT_IN_A_LISTING)


async def test_random_runs(tmp_path: Path, tell: Callable[[object], None]) -> None:
    random = Random(SEED)
    firsts, seconds = [one for one in captures() if fits(one)], [one for one in OTHERS if fits(one)]
    sums, faults = Counter[str](), list[str]()
    turn = asyncio.Semaphore(AT_ONCE)

    async def one_run(number: int, events: Sequence[Event], whose: Directory, cuts: Sequence[Gap]) -> Outcome:
        async with turn:
            return await run(tmp_path / f"{number}.db", events, whose, cuts)

    runs, told = [], []
    for number in range(RUNS):
        first, second = random.choice(firsts), random.choice(seconds)
        one = first.events
        other = _apart(second, random.uniform(-8, 8) + one[0].wall - second.events[0].wall)
        events = sorted([*one, *other], key=lambda event: event.at)
        cuts = gaps(random, len(events))
        runs.append(one_run(number, events, first.directory, cuts))
        told.append(f"run {number}: {first.name} and {second.name}, {cuts}")
    with capture_logs():
        outcomes = await asyncio.gather(*runs)
    for outcome, what in zip(outcomes, told, strict=True):
        sums.update(
            {
                "calls": len(outcome.due.calls),
                "cards due": len(outcome.due.must),
                "opened": len(outcome.opened),
                "lost": len(outcome.lost),
                "doubled": outcome.doubled,
                "wrong": len(outcome.wrong),
                "without an end": len(outcome.unfinished),
            }
        )
        if outcome.lost or outcome.doubled or outcome.wrong or outcome.unfinished:
            faults.append(f"{what}: lost {outcome.lost}, wrong {outcome.wrong}, opened {outcome.opened}")
    tell(f"seed {SEED}, {RUNS} runs: " + ", ".join(f"{number} {name}" for name, number in sums.items()))
    assert faults == [], "\n".join(faults)


async def test_a_colleague_behind_an_internal_trunk_is_known_from_a_listing(tmp_path: Path) -> None:
    """The row of the called leg says 250, and the map says that short numbers on this trunk are colleagues."""
    one = capture("asterisk-22/branch_transfer")
    answered = next(place for place, event in enumerate(one.events) if event.headers.get("DialString") == "250@branch")
    with capture_logs():
        outcome = await run(tmp_path / "a.db", one.events, one.directory, [Gap(answered, answered + 6, dies=True)])
    assert outcome.lost == set()


async def test_music_that_stopped_while_nobody_listened(tmp_path: Path) -> None:
    """A caller waits in a queue, the link is cut, and 134 answers meanwhile: the listing shows them in one bridge."""
    one = capture("asterisk-22/queue_linear_second_member")
    names = [event.name for event in one.events]
    gap = Gap(names.index("MusicOnHoldStart") + 1, len(names) - names[::-1].index("BridgeEnter"), dies=False)
    with capture_logs():
        outcome = await run(tmp_path / "a.db", one.events, one.directory, [gap])
    assert outcome.lost == set()


async def test_hold_that_ended_in_the_middle_of_a_swap(tmp_path: Path) -> None:
    """The PBX is listed while a Local pair is optimised away: for a moment the client is in no bridge."""
    one = capture("asterisk-22/atxfer_action")
    names = [event.name for event in one.events]
    stopped = names.index("MusicOnHoldStop")
    swapped = next(place for place in range(stopped, len(names)) if names[place] == "BridgeEnter")
    with capture_logs():
        outcome = await run(tmp_path / "a.db", one.events, one.directory, [Gap(stopped - 1, swapped, dies=False)])
    assert outcome.lost == set()
