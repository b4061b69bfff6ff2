"""A clock is set in the middle of a call: nothing changes but the wall times that people are shown."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amibridge.ami.timeline import Timeline
from amibridge.calls import Event, Output
from amibridge.calls.who import CardRule, Directory, OpenOn
from tests.replay.playing import Capture, captures, play

HOUR = 3600.0
STEPS = [sign * size for size in (1.0, 3.0, 90.0, HOUR, 13 * HOUR, 48 * HOUR) for sign in (1, -1)]
CAPTURES = captures()
UPTIME = 70_000.0
"""The host's elapsed seconds when a capture begins."""

WHOSE = {
    "one host": (True, True, True),
    "one host, without Timestamp": (False, True, True),
    "the PBX's, another host": (True, False, True),
    "the daemon's, another host": (True, True, False),
}
"""Whose clock is set: events have a Timestamp, the daemon's host is set, the PBX is."""


def placed(events: Sequence[Event], at: int, step: float, whose: str) -> list[Event]:
    """The events as a session places them when a clock is set by `step` before event number `at`."""
    stamped, host, pbx = WHOSE[whose]
    timeline, began, seen = Timeline(), events[0].wall, []
    for number, event in enumerate(events):
        set_by = step if number >= at else 0.0
        stamp = event.wall + set_by * pbx if stamped else None
        place, wall = timeline.place(stamp, event.wall + set_by * host, UPTIME + event.wall - began)
        seen.append(event._replace(at=place, wall=wall))
    return seen


class Ruled:
    """A directory whose cards open by one rule."""

    def __init__(self, directory: Directory, rule: CardRule) -> None:
        self._directory = directory
        self._rule = rule

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    def rule(self, extension: str, did: str | None, queue: str | None, queue_number: str | None = None) -> CardRule:
        return self._rule


RULES = [CardRule(), CardRule(min_talk_seconds=1.0), CardRule(OpenOn.RING_SOLE), CardRule(OpenOn.RING)]


def timeless(outputs: Sequence[Output], *, about: bool = False) -> list[Any]:
    """What was decided, without the wall times of it; spans and places on the line as they are, or about so."""

    def bare(said: Any) -> Any:
        match said:
            case dict():
                return {key: bare(value) for key, value in said.items() if key not in ("wall", "began_wall")}
            case list() | tuple():
                return [bare(one) for one in said]
            case str():
                text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "T", said)
                return re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "T", re.sub(r"\d+\.\d s\b", "S", text))
            case float():
                return pytest.approx(said, abs=0.002) if about else said
        return said

    return [bare(asdict(output)) for output in outputs]


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(CAPTURES),
    st.sampled_from(RULES),
    st.sampled_from(sorted(WHOSE)),
    st.sampled_from(STEPS),
    st.floats(0, 1),
)
def test_a_step_changes_no_decision(capture: Capture, rule: CardRule, whose: str, step: float, where: float) -> None:
    events, directory = capture.events, cast(Directory, Ruled(capture.directory, rule))
    at = 1 + int(where * (len(events) - 2))
    quiet = events[at].wall - events[at - 1].wall
    if whose == "the PBX's, another host" and -step < quiet + 2.5 and step < 2.5:
        return  # Another host's clock that was set back by less than the silence looks like a network that stalled.
    smooth = play(placed(events, len(events), 0.0, whose), directory)
    stepped = play(placed(events, at, step, whose), directory)
    assert timeless(stepped) == timeless(smooth, about=True)
