"""Stories made by chance, without an Asterisk: how they are composed, kept, listened to and judged."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.live.chance.acting import KNOWN
from tests.live.chance.composer import STEPS, composed
from tests.live.chance.ears import LINEAR, both, heard, seconds, together, without
from tests.live.chance.judging import Verdict
from tests.live.chance.series import Result, Sums, read, written
from tests.live.chance.story import CALLED, CALLERS, COLLEAGUES, MOBILES, NoStoryError, told
from tests.live.chance.story import read as read_story
from tests.live.chance.truth import on_hold
from tests.live.chance.wire import Packet
from tests.live.hearing import RATE, TONES
from tests.replay.truth import BY_EAR, differences

SEEDS = st.integers(0, 2**32)
SPANS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
)


@given(SEEDS)
def test_a_seed_gives_one_story_that_can_be_played(seed: int) -> None:
    story = composed(seed)
    assert story == composed(seed)
    assert len(story.actions) > STEPS[0]
    for action in story.actions:
        assert action.do in KNOWN
        assert action.who in {"", *COLLEAGUES, *CALLERS, *CALLED, *MOBILES}
        assert action.line in range(4)
        assert 0 <= action.after < 2


@given(SEEDS)
def test_a_story_is_the_same_when_it_has_been_kept(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    file = tmp_path_factory.mktemp("story") / "one.story.json"
    file.write_text(told(composed(seed)))
    assert read_story(file) == composed(seed)


def test_whatever_people_can_do_happens_in_some_story() -> None:
    actions = [action for seed in range(1500) for action in composed(seed).actions]
    assert {action.do for action in actions} == KNOWN
    assert {action.who for action in actions if action.do == "hold"} >= {*COLLEAGUES, *CALLERS, *CALLED}
    targets = {action.to for action in actions if action.do == "refer"}
    assert targets >= {*COLLEAGUES, *CALLED, "600", "700", "800", "70", "80", "90"}
    assert {action.to[:2] for action in actions if action.do == "press"} >= {"##", "*2", "*1", "*3", "*4", "#7", "1"}


def test_where_the_link_is_cut_nothing_happens_that_a_listing_cannot_show() -> None:
    stories = [story for seed in range(500) if (story := composed(seed)).cut]
    assert stories
    done = [action for story in stories for action in story.actions]
    assert not [action for action in done if action.do in ("hold", "fetch") or action.to in ("800", "801", "802", "70")]


def test_a_file_that_is_no_story_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.json"
    file.write_text('{"name": "x", "actions": [{"does": "call"}]}')
    with pytest.raises(NoStoryError, match=r"none\.json"):
        read_story(file)


@given(SPANS, SPANS)
def test_times_are_sets_of_moments(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> None:
    def moments(spans: list[tuple[float, float]]) -> set[int]:
        return {moment for begin, end in spans for moment in range(int(begin), int(end))}

    assert moments(together(one)) == moments(one)
    assert seconds(together(one)) == len(moments(one))
    assert moments(both(together(one), together(other))) == moments(one) & moments(other)
    assert moments(without(together(one), other)) == moments(one) - moments(other)


def test_ears_tell_voices_apart_to_20_ms() -> None:
    """Two neighbouring voices, one after the other and both at once."""
    voices = {"one": TONES[0], "two": TONES[1], "three": TONES[2]}
    spoken = {"one": range(10, 40), "two": range(30, 60), "three": range(0)}
    packets = [_packet(n, [tone for who, tone in voices.items() if n in spoken[who]]) for n in range(70)]
    found = heard(packets, voices)
    assert found == {"one": [(10 * 0.02, 39 * 0.02)], "two": [(30 * 0.02, 59 * 0.02)]}


def test_a_phone_is_on_hold_when_all_its_calls_are() -> None:
    news: list[dict[str, Any]] = [
        {"call": 1, "state": "ASKED", "at": 1.0},
        {"call": 1, "media": "active", "at": 2.0},
        {"call": 1, "media": "held here", "at": 3.0},
        {"call": 2, "state": "DIALLING", "at": 5.0},
        {"call": 2, "state": "DISCONNECTED", "at": 6.0},
        {"call": 1, "media": "active", "at": 7.0},
        {"call": 1, "state": "DISCONNECTED", "at": 8.0},
    ]
    assert on_hold(news) == [(3.0, 5.0), (6.0, 7.0)]


def test_a_series_can_be_added_up_from_what_is_kept() -> None:
    sums = Sums()
    for verdict in (Verdict([], calls=2, due=3, opened=3), Verdict(["x"], calls=1, due=1, opened=2, for_others=1)):
        result = Result("chance-1", verdict, Path("kept"))
        assert read(written(result)) == result
        sums.add(result)
    assert (sums.stories, sums.calls, sums.due, sums.opened, sums.for_others) == (2, 3, 4, 5, 1)
    assert sums.differing == ["chance-1"]


# ---------------------------------------------------------------- the truth of ears, held against records
CALL = {
    "direction": "inbound",
    "client": "+79035550011",
    "did": "74950000001",
    "answered": True,
    "participants": ["134", "120"],
    "rang": [],
    "consulted": [],
    "transfers": [],
    "open": ["rang", "transfers"],
    "heard": {"134": 2.0, "120": 1.0},
}


def test_by_ear_nobody_knows_who_was_first() -> None:
    assert differences(_truth(CALL), [_record({"120": 1.0, "134": 2.0})]) == []


def test_a_talk_of_another_length_is_wrong() -> None:
    [found] = differences(_truth(CALL), [_record({"134": 2.0 + BY_EAR + 0.01, "120": 1.0})])
    assert "134 talked 2.0 s" in found


def test_whom_the_ears_heard_too_shortly_may_be_told_of_or_not() -> None:
    truth = _truth({**CALL, "either": ["135"]})
    assert differences(truth, [_record({"134": 2.0, "120": 1.0, "135": 0.3})]) == []
    assert differences(truth, [_record({"134": 2.0, "120": 1.0})]) == []
    assert differences(truth, [_record({"134": 2.0, "120": 1.0, "137": 0.3})])
    assert differences(truth, [_record({"134": 2.0, "135": 0.3})])


def test_a_moment_that_no_ear_can_hear_is_no_talk_when_a_phone_was_on_hold() -> None:
    """The record says so of 10 ms in which 135's phone held."""
    record = _record({"134": 2.0, "120": 1.0, "135": 0.01})
    assert differences(_truth(CALL), [record]) == []
    assert differences(_truth(CALL, on_hold={"135": [[-1.0, 3.0]]}), [record])
    assert differences(_truth(CALL, on_hold={"+79035550011": [[-1.0, 3.0]]}), [record])
    assert differences(_truth(CALL, on_hold={"120": [[-1.0, 3.0]]}), [record]) == []


def test_a_talk_is_not_heard_while_a_bridge_of_two_becomes_one_of_three() -> None:
    record = _record({"134": 2.0, "120": 1.0, "135": 0.3})
    assert differences(_truth(CALL), [record])
    assert differences({**_truth(CALL), "mixing": [[-0.1, 0.4]]}, [record]) == []
    assert differences({**_truth(CALL), "mixing": [[0.1, 0.5]]}, [record])


def test_digits_and_what_only_one_heard_may_be_told_as_talk() -> None:
    longer = _record({"134": 2.0 + BY_EAR + 0.5, "120": 1.0})
    assert differences(_truth({**CALL, "unsure": {"134": 0.6}}), [longer]) == []
    assert differences(_truth({**CALL, "unsure": {"134": 0.4}}), [longer])


def test_an_optional_call_may_have_a_record_and_no_card() -> None:
    aside = {**CALL, "client": "+79265550021", "participants": [], "heard": {}, "answered": False, "optional": True}
    first, other = _record({"134": 2.0, "120": 1.0}), _record({}, client="+79265550021")
    assert differences(_truth(CALL, aside), [first]) == []
    assert differences(_truth(CALL, aside), [first, other]) == []
    assert differences(_truth(CALL, aside), [first, _record({"134": 1.0}, client="+79265550021")])
    assert differences(_truth(CALL, aside), [first, first])


def test_two_calls_of_one_client_are_told_apart_by_their_talk() -> None:
    again = {**CALL, "heard": {"134": 5.0, "120": 1.0}}
    records = [_record({"134": 5.1, "120": 1.0}), _record({"134": 2.1, "120": 1.0})]
    assert differences(_truth(CALL, again), records) == []


def _packet(number: int, tones: list[int]) -> Packet:
    """20 ms of these tones, as PCMU."""
    codes = {value: byte for byte, value in enumerate(LINEAR)}
    levels = sorted(codes)
    sound = []
    for n in range(160):
        at = (number * 160 + n) / RATE
        level = sum(6000 * math.sin(2 * math.pi * tone * at) for tone in tones)
        sound.append(codes[min(levels, key=lambda one: abs(one - level))])
    return Packet(number * 0.02, 40000, bytes(sound))


def _truth(*calls: dict[str, Any], on_hold: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"scenario": "chance-1", "calls": list(calls), "any_order": True, "on_hold": on_hold or {}}


def _record(talk: dict[str, float], client: str = "+79035550011") -> dict[str, Any]:
    return {
        "direction": "inbound",
        "client": client,
        "did": "74950000001",
        "queue": None,
        "answered": bool(talk),
        "participants": [
            {
                "extension": who,
                "from": "1970-01-01T00:00:00+00:00",
                "to": f"1970-01-01T00:00:{spoken:09.6f}+00:00",
                "talk_seconds": spoken,
            }
            for who, spoken in talk.items()
        ],
        "rang": [],
        "transfers": [],
        "consulted": [],
        "recordings": [],
        "cards": [{"extension": who} for who in talk],
    }
