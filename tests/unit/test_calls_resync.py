"""After a (re)connect: what the PBX shows takes the place of what was believed. And calls not seen from the start."""

from amibridge.calls import End, Ended, Known
from tests.unit.event_tables import (
    CLIENT,
    DID,
    MOBILE,
    Story,
    answers,
    client_calls,
    dials_out,
    holds,
    leaves,
    office,
    rings,
)

TALKING = ("client Up Dial b1 num=79031234504", "134 Up AppDial b1 linked=client")


def test_who_talks_now_is_a_participant_and_gets_a_card() -> None:
    told = Story().present(10, *TALKING).play(leaves(20, "134", "client"))
    assert told.commands == ["10 call.started", "10 card.open 134", "20 card.close 134", "20 call.finished"]
    assert (told.record["partial"], told.record["client"], told.record["did"]) == (True, "+79031234504", None)
    assert told.record["direction"] == "inbound"
    assert told.left == {}


def test_through_a_local_pair_known_only_by_its_names() -> None:
    told = Story().present(
        10,
        "client Up Queue b1 num=79031234504",
        "Local/134@q;1 Up AppQueue b1 linked=client",
        "Local/134@q;2 Up Dial b2 linked=client",
        "134 Up AppDial b2 linked=client",
    )
    assert told.commands == ["10 call.started", "10 card.open 134"]


def test_a_client_who_waits_and_is_answered_afterwards() -> None:
    told = Story().present(10, "client Up Queue - num=79031234504")
    assert told.commands == ["10 call.started"]
    told.play(rings(11, "134"), answers(12, "134"), leaves(20, "134", "client"))
    assert told.cards == ["12 card.open 134", "20 card.close 134"]
    assert told.record["rang"] == ["134"]


def test_a_phone_that_rings_now_has_not_talked() -> None:
    told = Story().present(10, "client Ring Dial - num=79031234504 exten=" + DID, "134 Ringing AppDial - linked=client")
    assert told.commands == ["10 call.started"]
    told.play("15 Hangup client\n15 Hangup 134")
    assert told.cards == []


def test_parked_is_not_talking() -> None:
    told = Story().present(10, "client Up Park lot:holding_bridge num=79031234504", "134 Up Park lot:holding_bridge")
    assert told.cards == []


def test_an_outbound_talk_is_an_outbound_call() -> None:
    told = Story().present(10, "134 Up Dial b1 num=134", "client Up AppDial b1 linked=134")
    told.play(leaves(20, "client", "134"))
    assert (told.record["direction"], told.participants) == ("outbound", ["134"])
    assert told.commands == ["10 call.started", "10 card.open 134", "20 card.close 134", "20 call.finished"]


def test_an_outbound_call_found_in_the_middle_ends_with_its_client() -> None:
    told = Story().present(10, "134 Up Dial b1 num=134", "client Up AppDial b1 linked=134")
    told.play("20 BridgeLeave client b1\n20 Hangup client\n20 BridgeLeave 134 b1")
    assert told.commands[-2:] == ["20 card.close 134", "20 call.finished"]


def test_an_operators_own_mobile_found_in_the_middle_is_the_operator() -> None:
    told = Story().present(10, "client Up Dial b1 num=79031234504", f"mobile Up AppDial b1 linked=client num={MOBILE}")
    assert told.commands == ["10 call.started", "10 card.open 134"]


# Twice


def test_the_same_picture_twice_changes_nothing() -> None:
    told = Story().present(10, *TALKING)
    said = list(told.out)
    assert told.present(11, *TALKING).out == said


def test_a_picture_of_what_is_known_changes_nothing() -> None:
    told = Story().play(client_calls(), rings(0.1, "134", "120"), answers(2, "134", cancelled=["120"]))
    said = list(told.out)
    assert told.present(5, *TALKING).out == said
    told.play(leaves(9, "134", "client"))
    assert (told.record["partial"], told.record["did"]) == (False, DID)
    assert told.record["participants"][0]["talk_seconds"] == 7.0


def test_held_back_events_are_applied_to_the_picture_and_change_nothing() -> None:
    told = Story()
    held_back = told.events(client_calls(), rings(0.1, "134"), answers(2, "134"))
    told.present(3, *TALKING)
    for event in held_back:
        told.out += told.calls.apply(type(event)(event.name, 3.0, event.wall, event.headers))
    assert told.commands == ["3 call.started", "3 card.open 134"]
    told.play(leaves(9, "134", "client"))
    assert told.commands[2:] == ["9 card.close 134", "9 call.finished"]


def test_held_back_events_of_an_outbound_call_do_not_make_a_second_call() -> None:
    told = Story()
    held_back = told.events(dials_out(0, "134"), answers(2, "client", source="134"))
    told.present(3, "134 Up Dial b1 num=134", "client Up AppDial b1 linked=134")
    for event in held_back:
        told.out += told.calls.apply(type(event)(event.name, 3.0, event.wall, event.headers))
    assert told.commands == ["3 call.started", "3 card.open 134"]
    told.play(leaves(9, "134", "client"))
    assert len(told.clients) == 1
    assert told.record["client"] == "+79031234504"


# What vanished


def test_a_call_that_ended_while_we_were_deaf_ends_with_the_last_that_was_seen() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134"), "5 Hold 134\n6 Unhold 134").present(600)
    assert told.commands[-2:] == ["6 card.close 134", "6 call.finished"]
    assert [o.end for o in told.out if isinstance(o, Ended)] == [End.VANISHED]
    assert told.record["participants"][0]["talk_seconds"] == 3.0
    assert told.record["ended_at"][-7:] == "06.000Z"
    assert told.left == {}


def test_the_operator_vanished_and_the_client_is_with_somebody_else_now() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    told.present(60, "client Up Dial b2", "120 Up AppDial b2 linked=client")
    assert told.cards == ["2 card.open 134", "2 card.close 134", "60 card.open 120"]


def test_a_call_that_goes_on_keeps_its_id_and_its_card() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134")).present(60, *TALKING)
    assert told.cards == ["2 card.open 134"]


def test_a_hold_that_ended_in_the_gap_does_not_make_the_next_talker_unheard() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134"), holds(4, "134"))
    told.present(60, "client Up Dial b1", "120 Up AppDial b1 linked=client")
    assert "60 card.open 120" in told.cards


# Known from the store


def known(**more: object) -> Known:
    return Known("office:77.1", "1800000000.1", CLIENT, DID, openings={"134": 1}, **more)  # type: ignore[arg-type]


def test_a_known_call_keeps_its_id_and_its_card_is_not_opened_twice() -> None:
    told = Story(known=[known(open_cards=frozenset({"134"}))]).present(10, *TALKING).play(leaves(20, "134", "client"))
    assert told.keys == ["77.1/134/card.close", "77.1/call.finished"]
    assert (told.record["call_id"], told.record["did"]) == ("office:77.1", DID)


def test_a_known_call_whose_card_was_closed_shows_it_again() -> None:
    told = Story(known=[known()]).present(10, *TALKING)
    assert told.keys == ["77.1/134/card.open/2"]


def test_a_known_open_card_of_who_is_there_no_more_closes() -> None:
    told = Story(known=[known(open_cards=frozenset({"134"}))])
    told.present(10, "client Up Dial b1", "120 Up AppDial b1 linked=client")
    assert sorted(told.keys) == ["77.1/120/card.open", "77.1/134/card.close"]


def test_a_participant_of_before_the_restart_stays_one() -> None:
    told = Story(known=[known(participants={"134": 1_800_000_001.0})])
    told.present(10, "client Up Dial b1", "120 Up AppDial b1 linked=client").play(leaves(20, "120", "client"))
    assert told.verdicts["134"] == "participant"


def test_the_record_says_when_a_known_card_was_opened() -> None:
    told = Story(known=[known(open_cards=frozenset({"134"}))]).present(10, *TALKING).play(leaves(20, "134", "client"))
    assert all(card["opened_at"] for card in told.record["cards"])


def test_a_known_call_that_is_gone_is_finished() -> None:
    told = Story(known=[known(open_cards=frozenset({"134"}))]).present(10)
    assert told.keys == ["77.1/134/card.close", "77.1/call.finished"]


# Partial: no resync, the events begin in the middle


def test_events_that_begin_in_the_middle_of_a_talk() -> None:
    told = Story()
    told.becomes("client", "Up")
    told.becomes("134", "Up")
    told._linked["134"] = told.uid("client")
    told.play("5 BridgeEnter client b9\n5 BridgeEnter 134 b9", leaves(9, "134", "client", bridge="b9"))
    assert told.record["partial"] is True
    assert told.cards == ["5 card.open 134", "9 card.close 134"]


def test_events_that_begin_while_the_client_waits() -> None:
    """The first event that names the client's channel is the DialBegin of the member who answers."""
    told = Story()
    told.becomes("client", "Up")
    told.uid("client")
    told._root = told.uid("client")
    told.play(rings(5, "134"), answers(8, "134"), leaves(9, "134", "client"))
    assert told.participants == ["134"]
    assert told.cards == ["8 card.open 134", "9 card.close 134"]


def test_a_capture_that_ends_in_the_middle() -> None:
    told = Story().play(client_calls(), rings(0.1, "134", "120"), answers(2, "134", cancelled=["120"])).end(9)
    assert (told.record["ended_at"], told.participants) == (None, ["134"])
    assert told.record["participants"][0]["talk_seconds"] == 7.0
    assert told.commands == ["0 call.started", "2 card.open 134"]


# A new map


OLD_MAP = {"120": {"devices": ["PJSIP/panasonic"]}}
NEW_MAP = {"121": {"devices": ["PJSIP/panasonic"]}}


def test_a_new_map_is_for_calls_that_begin_from_now_on() -> None:
    told = Story(office(cards={"open_on": "never"})).play(client_calls(), rings(0.1, "134"))
    told.calls.use(office())
    told.play(answers(2, "134"), leaves(9, "134", "client"))
    assert told.cards == []
    told.play(client_calls(20, "client2"), rings(20.1, "120", source="client2"), answers(21, "120", source="client2"))
    assert told.cards == ["21 card.open 120"]


def test_a_running_call_asks_its_own_map_about_a_phone_dialled_later() -> None:
    told = Story(office(OLD_MAP)).play(client_calls())
    told.calls.use(office(NEW_MAP))
    told.play(rings(1, "PJSIP/panasonic"), answers(2, "PJSIP/panasonic"), leaves(9, "PJSIP/panasonic", "client"))
    assert told.participants == ["120"]
