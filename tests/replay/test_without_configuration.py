"""`replay` and `explain CAPTURE` where nobody has written a configuration: who is who is guessed, and that is said."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from amibridge.cli import configuration, main, playing
from amibridge.directory.guessing import guess
from tests.replay.playing import Capture, capture, captures, play, records
from tests.unit.event_tables import Story

GROUP = capture("asterisk-22/ringgroup_134_answers")
ONLY_A_MAP_KNOWS = (
    *("mobile", "followme", "own_number", "branch_transfer", "number_like_an_extension", "m_fw_", "cf_mobile"),
    *(
        "click_followme",
        "transfer_outside",
        "confirm",
        "busy_hour_2",
        "kamailio",
        "gateway",
        "panasonic",
        "cid_prefixed",
        "-2313",
        "-6032",
    ),
)
"""In the names of captures in which somebody's mobile talks, an own number is shown, or another office is called."""
GUESSABLE = [one for one in captures() if not any(word in one.name for word in ONLY_A_MAP_KNOWS)]
COMPARED = ("direction", "client", "did", "answered", "outcome", "rang", "cards")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration would be, if there were one."""
    path = tmp_path / "etc/amibridge.yaml"
    for module in (configuration, playing):
        monkeypatch.setattr(module, "DEFAULT_CONFIG", path)
    return path


def told(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: record[name] for name in COMPARED} for record in said]


@pytest.mark.parametrize("one", GUESSABLE, ids=lambda one: one.name)
def test_the_guess_gives_what_the_configuration_gives(one: Capture) -> None:
    guessed = guess(one.events).directory()
    assert told(records(play(one.events, guessed))) == told(records(play(one.events, one.directory)))


def test_there_is_enough_to_guess() -> None:
    assert len(GUESSABLE) > 500


def test_what_was_guessed_is_said_in_one_line(nowhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--json", str(GROUP.path)]) == 0
    out, err = capfd.readouterr()
    (record,) = map(json.loads, out.splitlines())
    assert record["call_id"] == "capture:1795290969.6"
    assert [card["extension"] for card in record["cards"]] == ["134"]
    (line,) = err.splitlines()
    assert line.startswith(
        f"there is no {nowhere}, so it is guessed who is who: extensions 120, 134; outside lines PJSIP/"
    )


def test_the_pbx_may_be_named(nowhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--json", "--pbx", "home", str(GROUP.path)]) == 0
    assert json.loads(capfd.readouterr().out)["call_id"] == "home:1795290969.6"


def test_explain_guesses_too(nowhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(GROUP.path), "+79031234504", "134"]) == 0
    assert "134: participant. Card from 19:56:09.076 to 19:56:10.583." in capfd.readouterr().out


def test_standard_input_is_read_once(
    nowhere: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(GROUP.path.read_bytes()))))
    assert main(["replay", "--json", "-"]) == 0
    assert json.loads(capfd.readouterr().out)["call_id"] == "capture:1795290969.6"


def test_what_is_no_capture_is_named_as_it_was_typed(
    nowhere: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"{}"))))
    assert main(["replay", "-"]) == 1
    assert capfd.readouterr().err.startswith("- is JSON")


def test_a_configuration_that_is_there_or_asked_for_is_used(nowhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--config", str(nowhere), str(GROUP.path)]) == 1
    assert "does not exist" in capfd.readouterr().err
    nowhere.parent.mkdir()
    nowhere.write_text("pbx: []\n")
    assert main(["replay", str(GROUP.path)]) == 1
    assert "must not be empty" in capfd.readouterr().err


DEVICES = [
    ("Newchannel PJSIP/olga Ring CallerIDNum=134 Exten=120", {"134": ["PJSIP/olga"]}, []),
    ("Newchannel SIP/9170-12 Ring CallerIDNum=9170 Exten=9898", {"9170": ["SIP/9170-12"]}, []),
    ("Newchannel SIP/495-main Ring CallerIDNum=79031234504 Exten=s", {}, ["SIP/495-main"]),
    ("Newchannel PJSIP/10134 Down", {"10134": ["PJSIP/10134"]}, []),
    ("Newchannel PJSIP/134-WS Down\nNewchannel PJSIP/99134 Down", {"134": ["PJSIP/134-WS", "PJSIP/99134"]}, []),
    ("Newchannel SIP/4956616060 Ring CallerIDNum=79031234504 Exten=4956616060", {}, ["SIP/4956616060"]),
    ("Newchannel PJSIP/200 Down\nDialBegin - > PJSIP/200 79031234504@200", {}, ["PJSIP/200"]),
    ("Newchannel PJSIP/olga Down\nDialBegin - > PJSIP/olga olga/sip:olga@127.0.0.1", {"olga": ["PJSIP/olga"]}, []),
    ("Newchannel PJSIP/branch Down\nDialBegin - > PJSIP/branch 250@branch", {}, ["PJSIP/branch"]),
    ("Newchannel DAHDI/12 Ring CallerIDNum=134 Exten=120", {}, ["DAHDI/12"]),
    ("Newchannel DAHDI/i1/79031234504 Down", {}, ["DAHDI/i1"]),
    ("Newchannel Local/134@in;1 Down\nNewchannel CBAnn/600 Down\nNewchannel AudioSocket/x Down", {}, []),
]


@pytest.mark.parametrize(("story", "phones", "lines"), DEVICES)
def test_phones_and_lines(story: str, phones: dict[str, list[str]], lines: list[str]) -> None:
    events = Story().events("".join(f"0 {line}\n" for line in story.splitlines()))
    guessed = guess(events)
    assert (guessed.phones, guessed.lines) == (phones, lines)
    assert guessed.directory()
