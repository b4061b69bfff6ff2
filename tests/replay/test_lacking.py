"""A stream without its bridges is not full of missed calls: it is said to lack events, and no whole stream ever is."""

from pathlib import Path
from typing import Any

import pytest

from amibridge.ami.decode import events
from amibridge.ami.timeline import Timeline
from amibridge.calls.lacking import LACKS
from amibridge.cli import main
from tests.replay.playing import Capture, capture, captures, joined, listed, play, records

BRIDGES = tuple(f"Event: Bridge{what}\r\n".encode() for what in ("Create", "Destroy", "Enter", "Leave", "Merge"))


def filtered(one: Capture) -> list[bytes]:
    """The capture as an eventfilter leaves it that takes the bridges away."""
    return [packet for packet in one.packets if not packet.startswith(BRIDGES)]


def told(one: Capture, packets: list[bytes]) -> list[dict[str, Any]]:
    return records(play(events(packets, Timeline()), one.directory))


@pytest.mark.parametrize("one", [*captures(), *listed()], ids=lambda one: one.name)
def test_no_whole_stream_is_said_to_lack_anything(one: Capture) -> None:
    assert not [record for record in told(one, one.packets) if "lacks_events" in record]


ALONE = [
    *("direct_answered", "ringgroup_134_answers", "ringgroup_of_local_channels", "two_devices_one_extension"),
    *("queue_ringall", "queue_linear_second_member", "held_and_resumed", "operator_hangs_up", "voicemail_then"),
    *("outbound_answered", "click_to_call", "internal_call", "forwarded_to_colleague", "anonymous_caller"),
    *("direct_recorded", "group_134", "queue_134", "m_queue", "m_plus7", "plus7_caller", "day_mode", "group_recorded"),
]
SINGLE = [one for one in captures() if one.name.partition("/")[2] in ALONE]


@pytest.mark.parametrize("one", SINGLE, ids=lambda one: one.name)
def test_a_stream_without_bridges_is_said_to(one: Capture) -> None:
    whole = {record["call_id"]: record for record in told(one, one.packets) if record["participants"]}
    found = {record["call_id"]: record for record in told(one, filtered(one))}
    assert whole
    for call_id, seen in whole.items():
        record = found[call_id]
        assert record["lacks_events"] is True
        assert (record["answered"], record["outcome"], record["cards"]) == (None, "cancelled", [])
        assert LACKS in str(record["verdicts"])
        missed = {extension for extension, said in record["verdicts"].items() if said["verdict"] == "missed"}
        assert not missed & {part["extension"] for part in seen["participants"]}


def test_there_are_enough_of_them() -> None:
    assert len(SINGLE) >= 30


def test_of_all_that_talked_most_are_seen_to_lack_events() -> None:
    """What is left are agents who are always up, pickups, conferences, and talk too short to prove anything."""
    seen = unseen = 0
    for one in captures()[::7]:
        talked = {record["call_id"] for record in told(one, one.packets) if record["participants"]}
        for record in told(one, filtered(one)):
            seen += record["call_id"] in talked and "lacks_events" in record
            unseen += record["call_id"] in talked and "lacks_events" not in record
    assert seen > unseen


def test_people_read_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = capture("asterisk-22/ringgroup_134_answers")
    file = tmp_path / "filtered.ami"
    file.write_bytes(joined(filtered(one)))
    assert main(["replay", "--config", str(one.config), str(file)]) == 0
    assert capfd.readouterr().out.splitlines()[1].endswith(LACKS)
    assert main(["explain", "--config", str(one.config), str(file), "79031234504"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert (
        f"  Note: {LACKS} Somebody answered, and no BridgeEnter of it ever came: who talked cannot be known." in lines
    )
    assert "  Outcome: not known." in lines
    assert "  134: cancelled. No card: the stream lacks events: an eventfilter." in lines
    assert f"      PJSIP/134-00000007 answered, and no BridgeEnter of it ever came: {LACKS}" in lines
    assert "  120: answered elsewhere. No card." in lines
    assert "      PJSIP/120-00000008 rang; 134 on PJSIP/134 took the call" in lines
