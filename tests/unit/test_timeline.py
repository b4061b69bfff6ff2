"""The PBX's line of time: it never steps back, and leaves out the jumps of a clock that was set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amibridge.ami.timeline import STEP, Timeline

BEGAN = 1_795_290_000.0
Stamps = list[tuple[float | None, float | None]]
Told = list[tuple[float | None, float | None, float | None]]
"""Timestamp, arrival by the wall clock, arrival in the host's elapsed seconds."""


def line(stamps: Stamps) -> list[float]:
    """Where events fall, in seconds after the first."""
    timeline = Timeline()
    places = [timeline.place(None if s is None else BEGAN + s, None if r is None else BEGAN + r)[0] for s, r in stamps]
    return [round(place - places[0], 6) for place in places]


@pytest.mark.parametrize(
    ("stamps", "places"),
    [
        pytest.param([(0, None), (1, None), (3, None)], [0, 1, 3], id="timestamps alone"),
        pytest.param([(0, None), (1, None), (0.99, None), (1.5, None)], [0, 1, 1, 1.5], id="disorder between threads"),
        pytest.param([(0, 0), (1, 1), (3601, 1.01), (3602, 2.01)], [0, 1, 1.01, 2.01], id="the clock set forward"),
        pytest.param([(0, 0), (1, 1), (-3599, 1.01), (-3598, 2.01)], [0, 1, 1.01, 2.01], id="the clock set back"),
        pytest.param([(0, 0), (1, 60), (50, 60), (59, 60)], [0, 1, 50, 59], id="a network that stalled for a minute"),
        pytest.param([(None, 0), (None, 2)], [0, 2], id="no timestamps: arrival"),
        pytest.param([(0, None), (None, None), (2, None)], [0, 0, 2], id="an event that tells no time"),
        pytest.param([(0, None), (7200, None)], [0, 7200], id="two quiet hours in a capture"),
    ],
)
def test_places_on_the_line(stamps: Stamps, places: list[float]) -> None:
    assert line(stamps) == places


def told_line(told: Told) -> list[float]:
    """Where events fall, in seconds after the first; elapsed seconds count from the host's start."""
    timeline = Timeline()
    places = []
    for stamp, received, elapsed in told:
        wall = (None if stamp is None else BEGAN + stamp, None if received is None else BEGAN + received)
        places.append(timeline.place(*wall, None if elapsed is None else 500.0 + elapsed)[0])
    return [round(place - places[0], 3) for place in places]


DAYS = 2 * 86_400.0


@pytest.mark.parametrize(
    ("told", "places"),
    [
        pytest.param([(0, 0, 0), (3601, 3601, 1), (3602, 3602, 2)], [0, 1, 2], id="the host's clock set forward"),
        pytest.param([(0, 0, 0), (-3599, -3599, 1), (-3598, -3598, 2)], [0, 1, 2], id="the host's clock set back"),
        pytest.param([(0, 0, 0), (5400, 5400, 9000)], [0, 9000], id="set back by an hour in hours of silence"),
        pytest.param([(0, 0, 0), (7, 7, 10), (8, 8, 11)], [0, 10, 11], id="set back by three seconds in silence"),
        pytest.param([(0, 0, 0), (2, 2, 1), (3, 3, 2)], [0, 1, 2], id="set forward by a second"),
        pytest.param(
            [
                (0, 0, 0),
                (1, DAYS + 1, 1),
                (DAYS + 1.1, DAYS + 1.1, 1.1),
                (1.09, DAYS + 1.2, 1.2),
                (DAYS + 2, DAYS + 2, 2),
            ],
            [0, 1, 1.1, 1.2, 2],
            id="events stamped before the step, that arrive after it",
        ),
        pytest.param([(0, 0, 0), (1, -3599, 1), (10, -3590, 10)], [0, 1, 10], id="only the daemon's host"),
        pytest.param([(0, 0, 0), (1, 0.5, 0.5), (3601, 1.01, 1.01)], [0, 1, 1.51], id="only the PBX, another host"),
        pytest.param([(0, 0, 0), (1, 60, 60), (50, 60, 60), (59, 60, 60)], [0, 1, 50, 59], id="a network that stalled"),
        pytest.param([(None, 0, 0), (None, 9001, 1), (None, 9002, 2)], [0, 1, 2], id="without timestamps"),
        pytest.param([(0, 0, 0), (5, 5, 0), (6, 6, 1)], [0, 0, 1], id="a virtual machine that was stopped and set"),
        pytest.param(
            [(0, 0, 0), (1, 1, 1), (2, 2, -400), (3, 3, -399)], [0, 1, 2, 3], id="a second recording behind it"
        ),
        pytest.param([(0, 0, None), (1, 1, 1), (3602, 3602, 2)], [0, 1, 2], id="a recording behind an old one"),
        pytest.param([(None, None, None), (0, 0, 0), (1, 1, 1)], [0, 0, 1], id="times come late"),
    ],
)
def test_places_by_elapsed_seconds(told: Told, places: list[float]) -> None:
    assert told_line(told) == places


@given(
    st.lists(
        st.tuples(st.none() | st.floats(-1e9, 1e9), st.none() | st.floats(-1e9, 1e9), st.none() | st.floats(0, 1e9)),
        min_size=1,
    )
)
def test_whatever_is_told_the_line_never_steps_back(told: Told) -> None:
    places = told_line(told)
    assert places == sorted(places)


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.none() | st.floats(-1e5, 1e5)), min_size=1))
def test_the_line_never_steps_back(stamps: list[tuple[float, float | None]]) -> None:
    places = line(list(stamps))
    assert places == sorted(places)


@given(st.lists(st.floats(0, 10), min_size=2), st.floats(20 + STEP, 1e6), st.booleans())
def test_a_jump_of_the_clock_changes_no_duration(gaps: list[float], jump: float, back: bool) -> None:
    """Whoever talked for ten seconds did so, whatever the clock was set to meanwhile."""
    times = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    middle = len(times) // 2
    shift = -jump if back else jump
    smooth = line([(time, time) for time in times])
    jumping = line([(time + (shift if n >= middle else 0), time) for n, time in enumerate(times)])
    assert jumping == pytest.approx(smooth, abs=1e-3)


def test_people_are_shown_the_pbxs_clock() -> None:
    timeline = Timeline()
    timeline.place(BEGAN, BEGAN)
    at, wall = timeline.place(BEGAN + 3600, BEGAN + 1)
    assert (at, wall) == (BEGAN + 1, BEGAN + 3600)
