"""What mutated captures have brought to light (`tests/chaos/test_mutants.py`), each in its smallest form."""

import math

import pytest

from amibridge.calls import Calls, Event, Headers, Known, Picture
from amibridge.calls.ids import GONE_MEMORY
from amibridge.calls.record import clock, iso
from tests.unit.event_tables import CLIENT, EPOCH, Story, answers, client_calls, leaves, office, rings


@pytest.mark.parametrize(
    ("wall", "shown"),
    [
        (1e12, "9999-12-31T23:59:59.000Z"),
        (math.inf, "9999-12-31T23:59:59.000Z"),
        (-1e12, "0001-01-01T00:00:00.000Z"),
        (-math.inf, "0001-01-01T00:00:00.000Z"),
        (253_402_300_798.5, "9999-12-31T23:59:58.500Z"),
        (-1.5, "1969-12-31T23:59:58.500Z"),
    ],
)
def test_a_time_that_no_calendar_has_is_the_calendar_s_end(wall: float, shown: str) -> None:
    assert iso(wall) == shown
    assert f"{clock(wall)}Z" == shown[11:]


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, 1e12, 1e308, -1e308])
def test_what_comes_at_no_time_at_all_comes_when_the_last_event_did(odd: float) -> None:
    one = Story(office(cards={"min_talk_seconds": 3}))
    one.play(client_calls(0), rings(1, "134"), answers(2, "134"))
    (event,) = one.events("3 Hold 134")
    one.out += one.calls.apply(event._replace(at=odd, wall=odd))
    one.out += one.calls.advance(odd)
    one.out += one.calls.present(Picture((), ()), odd, odd)
    assert one.commands == ["0 call.started", "2 call.finished"]
    assert one.record["participants"][0]["talk_seconds"] == 0
    one.play("9 Newchannel second Ring")
    one.out += one.calls.end(odd)
    assert one.records[-1]["started_at"] == iso(EPOCH + 9)


@pytest.mark.parametrize("cause", ["9" * 5000, "-1", "٣", "²", "1e3", " 21", ""])
def test_a_cause_that_is_none(cause: str) -> None:
    one = Story().play(client_calls(0), rings(0, "134"))
    headers = {**one.channel("134"), "Cause": cause}
    one.out += one.calls.apply(Event("Hangup", 1.0, EPOCH + 1.0, Headers.of(headers)))
    one.play("2 Hangup client")
    assert one.verdicts == {"134": "missed"}


def test_a_call_found_again_under_another_linkedid_keeps_the_one_of_its_id() -> None:
    """Else the id's count went under the new linkedid, and a Hangup a minute later raised."""
    known = Known(f"office:{EPOCH}.7", f"{EPOCH}.1", CLIENT)
    one = Story(known=[known]).present(0, "client Up Dial - linked=other")
    one.play("1 Hangup client", client_calls(2 + GONE_MEMORY, "second"), f"{3 + GONE_MEMORY} Hangup second")
    assert [record["call_id"] for record in one.records] == [f"office:{EPOCH}.7", f"office:{EPOCH}.3"]
    assert one.left == {}


def test_ids_of_linkedids_that_look_counted_are_never_the_same() -> None:
    ids: list[str] = []
    for linkedid in ("x-2", "x", "x", "x-2", "f8672ad3-8cf4-4a4a-8f62-112233445566"):
        headers = {
            "Channel": f"PJSIP/provider-{len(ids):08x}",
            "ChannelStateDesc": "Ring",
            "CallerIDNum": CLIENT,
            "Uniqueid": f"1.{len(ids)}",
            "Linkedid": linkedid,
        }
        calls = Calls("office", office(), known=[Known(one, one, ended=True) for one in ids])
        ids.append(calls.apply(Event("Newchannel", 1.0, EPOCH, Headers.of(headers)))[0].call_id)
    assert ids == [
        *("office:x-2-1", "office:x", "office:x-2", "office:x-2-2"),
        "office:f8672ad3-8cf4-4a4a-8f62-112233445566-1",
    ]


def test_talk_that_a_capture_ends_in_does_not_end_before_it_began() -> None:
    """The PBX's clock was set back meanwhile."""
    one = Story().play(client_calls(0), rings(1, "134"), answers(2, "134"))
    one.calls.apply(Event("Newchannel", 5.0, EPOCH - 60, Headers.of(one.channel("120"))))
    part = one.end().record["participants"][0]
    assert part["from"] == part["to"]
    assert part["talk_seconds"] == 3
    one = Story().play(client_calls(0), rings(1, "134"), answers(2, "134"))
    one.play(leaves(3, "134"))
    assert one.end().record["participants"][0]["talk_seconds"] == 1


def test_whoever_has_left_a_conference_of_colleagues_consults_nobody_there() -> None:
    """121 leaves, the others go on; then 121 takes a client."""
    room = [f"{at} BridgeEnter {phone} room softmix" for at, phone in ((1, "120"), (1, "121"), (1, "136"))]
    one = Story().play(*(f"0 Newchannel {phone} Ring\n0 Newstate {phone} Up" for phone in ("120", "121", "136")), *room)
    one.play("2 BridgeLeave 121 room\n2 Hangup 121", client_calls(3), rings(3, "121.b"), answers(4, "121.b"))
    one.play(leaves(5, "121.b", "client"), "6 Hangup 120\n6 Hangup 136")
    (client,) = one.clients
    assert client["consulted"] == []
    assert [part["extension"] for part in client["participants"]] == ["121"]
    assert one.left == {}


def test_a_local_half_has_one_other_half_for_as_long_as_it_lives() -> None:
    """Where a third one was said to be the other half of a joined pair, leaving raised."""
    pair = ("Local/120@ring;1", "Local/120@ring;2")
    one = Story().play(*(f"0 Newchannel {half} Down" for half in (*pair, "Local/121@x;1")))
    one.play(f"0 LocalBridge {pair[0]} {pair[1]}", f"1 BridgeEnter {pair[0]} b1", f"1 BridgeEnter {pair[1]} b2")
    one.play(f"2 LocalBridge {pair[0]} Local/121@x;1", f"2 LocalBridge {pair[0]} {pair[0]}")
    names = one.calls._state.names
    assert names[one.name(pair[0])].other is names[one.name(pair[1])]
    assert names[one.name("Local/121@x;1")].other is None
    one.play(f"3 BridgeLeave {pair[1]} b2", *(f"4 Hangup {half}" for half in (*pair, "Local/121@x;1")))
    assert one.left == {}


def test_a_client_whom_the_map_calls_a_colleague_by_now_gets_no_card_for_ringing() -> None:
    """After a restart: the card opened before the call was known to be announced, and only its close was sent."""
    known = Known(f"office:{EPOCH}.1", f"{EPOCH}.1", CLIENT, outbound=True)
    one = Story(office(cards={"open_on": "ring"}), known=[known])
    one.present(0, "134 Ringing AppDial -").play("1 Hangup 134")
    assert one.cards == []
