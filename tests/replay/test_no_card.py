"""Nobody who talked has no card without a reason, whatever withholds it: in the record, and where it was decided."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from amibridge.calls import Ended, Verdict
from amibridge.calls.explain import told
from amibridge.daemon.decision_log import DecisionLog
from tests.replay.playing import Capture, captures, directory_with, play, records

WITHHELD: list[tuple[dict[str, Any], str]] = [
    ({}, "supervisor_card"),
    ({"cards": {"open_on": "never"}}, "open_on is never"),
    ({"cards": {"min_talk_seconds": 100_000}}, "min_talk_seconds asks for 100000 s of talk"),
    ({"cards": {"open_on": "ring", "min_talk_seconds": 2}}, "min_talk_seconds asks for 2 s of talk"),
    ({"exclude": {"numbers": ["*"]}}, "is excluded"),
    ({"exclude": {"extensions": ["134", "120", "135"]}}, "is excluded"),
    ({"mobiles": {"card": "never"}}, "mobiles.card is never"),
    ({"mobiles": {"card": "confirmed"}}, "mobiles.card is confirmed, and no key was pressed"),
]
"""Settings, and a reason that they give for no card."""
ALL = [
    pytest.param(one, settings, id=f"{one.name}-{settings}")
    for number, one in enumerate(captures())
    for settings, _ in (WITHHELD[number % len(WITHHELD)], WITHHELD[(number + 3) % len(WITHHELD)])
]
"""Each capture with two of them."""
SETTINGS = [pytest.param(*one, id=str(one[0])) for one in WITHHELD]


@pytest.mark.parametrize(("one", "settings"), ALL)
def test_no_participant_without_a_card_lacks_a_reason(one: Capture, settings: dict[str, Any]) -> None:
    """And the last verdict that was said of them is the one with the reason."""
    out = play(one.events, directory_with(one, **settings))
    last = {(said.call_id, said.extension): said for said in out if isinstance(said, Verdict)}
    for ended in (output for output in out if isinstance(output, Ended)):
        explained = list(told(ended))
        opened = {card["extension"] for card in ended.record["cards"]}
        for extension, verdict in ended.record["verdicts"].items():
            no_card = verdict.get("no_card")
            if extension in opened or verdict["verdict"] not in ("participant", "supervisor"):
                assert no_card is None or extension not in opened
                continue
            assert no_card
            assert f"  {extension}: {verdict['verdict']}. No card: {no_card}." in explained
            said = last.get((ended.call_id, extension))
            assert ended.record["direction"] == "internal" if said is None else said.no_card == no_card


@pytest.mark.parametrize(("settings", "why"), SETTINGS)
def test_each_reason_is_given_somewhere(settings: dict[str, Any], why: str) -> None:
    assert any(
        why in verdict.get("no_card", "")
        for one in captures()
        for record in records(play(one.events, directory_with(one, **settings)))
        for verdict in record["verdicts"].values()
    )


def test_a_log_of_shadow_mode_says_that_nothing_is_sent() -> None:
    out = play(captures()[0].events, captures()[0].directory)
    with capture_logs() as lines:
        DecisionLog(mask=True, shadow=True).tell(out)
    verdicts = [line for line in lines if line["event"] == "verdict" and line["finding"] == "participant"]
    assert verdicts
    assert {line["no_card"] for line in verdicts} == {"shadow is on: nothing is sent"}
    with capture_logs() as lines:
        DecisionLog(mask=True).tell(out)
    assert not [line for line in lines if "no_card" in line]
