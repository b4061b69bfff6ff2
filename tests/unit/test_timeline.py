"""The PBX's line of time: it never steps back, and leaves out the jumps of a clock that was set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amibridge.ami.timeline import STEP, Timeline

BEGAN = 1_795_290_000.0
Stamps = list[tuple[float | None, float | None]]


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
