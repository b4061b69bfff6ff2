"""Every capture of a real Asterisk: the replay says what really happened, and says it in time."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime

import pytest

from amibridge.ami.captures import read
from amibridge.ami.decode import events
from amibridge.ami.packets import Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls, CommandType, Event, Output
from tests.replay.playing import Capture, capture, captures, commands, listed, play, records
from tests.replay.truth import differences

ALL = [pytest.param(one, id=one.name) for one in captures()]
CARD_IS_DUE = 0.1
"""Seconds of events after the talk began, by which its card must have been decided."""


@pytest.mark.parametrize("one", ALL)
def test_replay_agrees_with_the_truth(one: Capture) -> None:
    assert differences(one.truth, records(play(one.events, one.directory))) == []


@pytest.mark.parametrize("one", ALL)
def test_cards_open_when_talk_begins(one: Capture) -> None:
    for record in records(play(one.events, one.directory)):
        began = {part["extension"]: part["from"] for part in record["participants"]}
        due = {} if record["direction"] == "internal" else began
        assert {card["extension"]: card["opened_at"] for card in record["cards"]} == due


@pytest.mark.parametrize("one", ALL)
def test_a_card_is_there_soon_after_the_talk_began(one: Capture) -> None:
    """Only what had arrived shortly after the card was due is played: the card is decided by then."""
    stamps = [
        (float(match[1]), one.raw.rfind(b"\r\n\r\n", 0, match.start()) + 4)
        for match in re.finditer(rb"\r\n(?:Timestamp|Received): ([\d.]+)", one.raw)
    ]
    whole = records(play(one.events, one.directory))
    for record in [record for record in whole if record["cards"]][:3]:
        for card in record["cards"]:
            due = datetime.fromisoformat(card["opened_at"]).timestamp() + CARD_IS_DUE
            cut = next((at for stamp, at in stamps if stamp > due), len(one.raw))
            so_far = play(events(Framer().feed(one.raw[:cut]), Timeline()), one.directory)
            opened = [c for c in commands(so_far) if c.type is CommandType.CARD_OPEN]
            assert (record["call_id"], card["extension"]) in [(c.call_id, c.extension) for c in opened]


@pytest.mark.parametrize("one", ALL)
def test_every_clients_call_is_told_of_once(one: Capture) -> None:
    out = play(one.events, one.directory)
    told = [c.call_id for c in commands(out) if c.type is CommandType.CALL_FINISHED]
    assert len(told) == len(set(told))
    assert set(told) <= {record["call_id"] for record in records(out) if record["direction"] != "internal"}
    keys = [command.key for command in commands(out)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", ["asterisk-22/ringgroup_of_local_channels", "asterisk-16/attended_transfer_completed"])
def test_the_command_prints_the_same_bytes_under_any_hash_seed(name: str) -> None:
    one = capture(name)
    told = []
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-m", "amibridge", "replay", "--json", "--config", str(one.config), str(one.path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        told.append(run.stdout)
    assert told[0] == told[1]
    expected = records(play(one.events, one.directory))
    assert [json.loads(line) for line in told[0].splitlines()] == expected


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in listed()])
def test_a_listing_in_the_capture_shows_who_talks_already(one: Capture) -> None:
    timeline, calls = Timeline(), Calls("lab", one.directory)
    out: list[Output] = []
    for seen in read(str(one.path), timeline, Framer()):
        out += calls.apply(seen) if isinstance(seen, Event) else calls.present(seen, timeline.at, timeline.wall)
    assert differences(one.truth, records(out)) == []
    assert all(record["partial"] for record in records(out))


def test_there_are_captures_of_both_versions_and_of_other_peoples_dialplans() -> None:
    folders = {one.path.parent.name for one in captures()}
    assert {"asterisk-16", "asterisk-22", "stories-16", "stories-22"} <= folders
    assert any(folder.startswith("freepbx-") for folder in folders)
    assert any(folder.startswith("mikopbx-") for folder in folders)
