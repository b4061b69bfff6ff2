"""kill -9 between any two steps of a real daemon: after the restart nothing is lost, and nothing is opened twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.chaos.dying import Death, Told, tell
from tests.chaos.lives import Nursery, nursery
from tests.chaos.seams import SEAMS
from tests.chaos.story import Story, story
from tests.replay.playing import capture

AT_ONCE = 3
"""Daemons that live beside each other."""
STORIES = ("ringgroup_134_answers", "attended_transfer_completed", "queue_ringall")


@pytest.fixture
async def daemons() -> AsyncIterator[Nursery]:
    async with nursery() as made:
        yield made


def nothing_is_lost_or_done_twice(told: Told, one: Story) -> None:
    """The PBX waited for the next daemon: exactly what a daemon that never dies would have said."""
    assert sorted(told.opened) == sorted(one.all_keys)
    for span in (*one.calls, *one.cards):
        assert told.opened.index(span.opens) < told.opened.index(span.closes)


def who_was_seen_talking_has_a_card(told: Told, one: Story) -> None:
    """The PBX went on while nobody listened: what could be seen is there, and nothing that did not happen."""
    assert max(Counter(told.opened).values()) == 1
    assert told.must <= set(told.opened)
    assert {key for key in told.opened if "/card.close" not in key} <= set(one.all_keys)
    for card in one.cards:
        if card.last >= told.back or card.last < told.position - 1:
            assert card.opens in told.opened
    for call in one.calls:
        if call.opens in told.opened:
            assert call.closes in told.opened


@pytest.mark.parametrize("name", STORIES)
async def test_death_at_every_step(daemons: Nursery, tmp_path: Path, name: str) -> None:
    one = story(capture(f"asterisk-22/{name}"))
    seams, runs, step = Counter[str](), 0, 0
    alive = False
    while not alive:
        steps = range(step + 1, step + 1 + AT_ONCE)
        for told in await asyncio.gather(*(tell(daemons, tmp_path / f"{n}", one, Death(n)) for n in steps)):
            nothing_is_lost_or_done_twice(told, one)
            alive |= not told.died
            seams[told.first.steps[-1]] += told.died
            runs += 1
        step += AT_ONCE
    print(f"{name}: {runs} lives, killed at {dict(seams)}; {len(one.all_keys)} commands, none lost, none twice")
    assert {seam for seam, times in seams.items() if times} == set(SEAMS)


@pytest.mark.parametrize("name", STORIES)
async def test_death_while_the_crm_answers(daemons: Nursery, tmp_path: Path, name: str) -> None:
    """The request has arrived, its answer never does: it is sent again, with the same key."""
    one = story(capture(f"asterisk-22/{name}"))
    for request in range(1, 1 + len(one.all_keys)):
        told = await tell(daemons, tmp_path / f"{request}", one, Death(request=request))
        assert told.died
        nothing_is_lost_or_done_twice(told, one)
    print(f"{name}: killed at each of {len(one.all_keys)} requests")


async def test_death_and_a_pbx_that_goes_on(daemons: Nursery, tmp_path: Path) -> None:
    """At random steps, and some events are never heard."""
    seed = 20261121
    random = Random(seed)
    stories = [story(capture(f"asterisk-22/{name}")) for name in STORIES]
    deaths = [(random.choice(stories), Death(random.randint(1, 110), deaf=random.randint(1, 12))) for _ in range(36)]
    missed = 0
    for number in range(0, len(deaths), AT_ONCE):
        batch = deaths[number : number + AT_ONCE]
        lives = (tell(daemons, tmp_path / f"{number + i}", *one) for i, one in enumerate(batch))
        for told, (one, _) in zip(await asyncio.gather(*lives), batch, strict=True):
            who_was_seen_talking_has_a_card(told, one)
            missed += told.back - told.position
    print(f"seed {seed}: {len(deaths)} deaths, {missed} events unheard")
