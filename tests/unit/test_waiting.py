"""Waiting: spans that no clock's step changes, waits that grow only while nothing works, and breaks that are news."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amibridge import waiting
from amibridge.waiting import FLAPS, STEADY, Backoff, Flapping


def test_a_backoff_grows_until_it_works() -> None:
    backoff = Backoff(lambda: 1.0, first=0.5, longest=15.0)
    assert [backoff.delay() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert backoff.grown
    backoff.reset()
    assert backoff.delay() == 0.5


@given(st.floats(0, 1, exclude_max=True))
def test_what_worked_is_tried_again_within_half_a_second_and_never_hot(chance: float) -> None:
    assert 0.25 <= Backoff(lambda: chance).delay() <= 0.5


def test_sleep_of_the_host_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waiting.suspended() == 0
    clock, slept = time.clock_gettime, 3600.2
    monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + slept)
    before = time.monotonic()
    assert waiting.suspended() == 3600
    assert waiting.elapsed() >= before + 3600


def test_breaks_are_news_until_there_are_too_many() -> None:
    now = 0.0
    flapping = Flapping(lambda: now)
    told = []
    for number in range(1, 400):
        flapping.worked()
        now += 3
        if flapping.broke():
            told.append(number)
    assert told == [1, 2, FLAPS, 10 * FLAPS, 100 * FLAPS]
    assert flapping.within == 3 * 398
    flapping.worked()
    now += STEADY
    assert flapping.broke(), "it had worked for a good while"
    assert not flapping.flaps
