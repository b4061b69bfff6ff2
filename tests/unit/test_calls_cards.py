"""When a card opens and closes: the rules of the map, told as tables of events."""

import pytest

from amibridge.calls.who import MobileCard
from tests.unit.event_tables import (
    DID,
    MOBILE,
    Story,
    answers,
    client_calls,
    holds,
    leaves,
    office,
    resumes,
    rings,
)


def cards(open_on: str = "answer", seconds: float = 0) -> Story:
    """A story in an office with this rule for all."""
    return Story(office(cards={"open_on": open_on, "min_talk_seconds": seconds}))


# answer


def test_only_who_answered_gets_a_card() -> None:
    told = Story().play(
        client_calls(), rings(0.1, "134", "120"), answers(2, "134", cancelled=["120"]), leaves(9, "134", "client")
    )
    assert told.commands == ["0 call.started", "2 card.open 134", "9 card.close 134", "9 call.finished"]
    assert told.keys == [
        "1800000000.1/call.started",
        "1800000000.1/134/card.open",
        "1800000000.1/134/card.close",
        "1800000000.1/call.finished",
    ]
    assert told.verdicts == {"120": "answered elsewhere", "134": "participant"}


def test_a_card_command_says_who_and_which_call() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    data = told.command("card.open").data
    assert (data["extension"], data["name"], data["crm_user"], data["again"]) == ("134", "Ольга", "12", False)
    assert data["call"]["client"] == "+79031234504"
    assert data["call"]["did"] == DID
    assert data["call"]["direction"] == "inbound"


def test_hold_and_resume_keep_the_card() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),
        resumes(8, "134"),
        leaves(9, "134", "client"),
    )
    assert told.cards == ["2 card.open 134", "9 card.close 134"]
    assert told.record["participants"][0]["talk_seconds"] == 3.0


def test_who_comes_back_to_the_call_gets_the_same_card_again() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        """
        4.0  BridgeLeave  client b1
        4.0  ParkedCall   client
        4.0  BridgeEnter  client lot holding_bridge
        4.1  BridgeLeave  134 b1
        4.1  Hangup       134
        20   BridgeLeave  client lot
        """,
        rings(20.1, "134.b"),
        answers(22, "134.b", bridge="b2"),
        leaves(30, "134.b", "client", bridge="b2"),
    )
    assert told.cards == ["2 card.open 134", "4 card.close 134", "22 card.open 134/2", "30 card.close 134/2"]
    assert [told.command(f"134/card.open{n}").data["again"] for n in ("", "/2")] == [False, True]
    (card,) = told.record["cards"]
    assert (card["opened_at"][-10:], card["closed_at"][-10:]) == ("00:02.000Z", "00:30.000Z")
    assert told.record["transfers"] == []


# ring


def test_ring_opens_at_every_ringing_and_closes_on_answer_elsewhere() -> None:
    told = cards("ring").play(
        client_calls(), rings(0.1, "134", "120"), answers(2, "134", cancelled=["120"]), leaves(9, "134", "client")
    )
    assert told.cards == [
        "0.1 card.open 134",
        "0.1 card.open 120",
        "2 card.close 120",
        "9 card.close 134",
    ]


def test_ring_a_missed_call_closes_the_card() -> None:
    told = cards("ring").play(
        client_calls(),
        rings(0.1, "134"),
        """
        9  Hangup   client
        9  DialEnd  client > 134 CANCEL
        9  Hangup   134 26
        """,
    )
    assert told.cards == ["0.1 card.open 134", "9 card.close 134"]
    assert told.verdicts == {"134": "missed"}


def test_ring_a_card_rung_twice_is_shown_twice_with_keys_of_its_own() -> None:
    told = cards("ring").play(
        client_calls(),
        rings(0.1, "134"),
        """
        5  DialEnd  client > 134 NOANSWER
        5  Hangup   134
        """,
        rings(6, "134.b"),
        answers(8, "134.b"),
        leaves(9, "134.b", "client"),
    )
    assert told.cards == ["0.1 card.open 134", "5 card.close 134", "6 card.open 134/2", "9 card.close 134/2"]


def test_the_desk_phones_cancel_does_not_close_the_softphones_card() -> None:
    for rule in ("answer", "ring", "ring_sole"):
        told = cards(rule).play(
            client_calls(),
            rings(0.1, "134", "134-WS"),
            answers(2, "134-WS", cancelled=["134"]),
            leaves(9, "134-WS", "client"),
        )
        assert [said.split(" ", 1)[1] for said in told.cards] == ["card.open 134", "card.close 134"]
        assert told.cards[-1] == "9 card.close 134"
        assert told.verdicts == {"134": "participant"}
        assert told.record["participants"][0]["device"] == "PJSIP/134-WS"


def test_ring_two_devices_one_stops_the_card_stays_while_the_other_rings() -> None:
    told = cards("ring").play(
        client_calls(),
        rings(0.1, "134", "134-WS"),
        """
        3  DialEnd  client > 134 BUSY
        3  Hangup   134 21
        6  DialEnd  client > 134-WS NOANSWER
        6  Hangup   134-WS
        """,
    )
    assert told.cards == ["0.1 card.open 134", "6 card.close 134"]


def test_ring_the_card_closes_when_the_call_is_answered_on_a_mobile_that_gets_none() -> None:
    told = Story(office(cards={"open_on": "ring"}, mobiles={"card": "never"})).play(
        client_calls(),
        rings(0.1, "134"),
        f"""
        0.1  Newchannel  mobile Down
        0.1  DialBegin   client > mobile {MOBILE}@provider
        1.0  Newstate    mobile Ringing
        """,
        answers(4, "mobile", cancelled=["134"]),
    )
    assert told.cards == ["0.1 card.open 134", "4 card.close 134"]


# ring_sole


def test_ring_sole_opens_for_the_only_phone_ringing() -> None:
    told = cards("ring_sole").play(client_calls(), rings(0.1, "134"), "5 Hangup client", "5 Hangup 134 26")
    assert told.cards == ["0.3 card.open 134", "5 card.close 134"]


def test_ring_sole_not_for_a_ring_group() -> None:
    told = cards("ring_sole").play(
        client_calls(), rings(0.1, "134", "120"), answers(2, "134", cancelled=["120"]), leaves(9, "134", "client")
    )
    assert told.cards == ["2 card.open 134", "9 card.close 134"]


def test_ring_sole_a_second_dial_begin_just_after_the_first_ringing() -> None:
    told = cards("ring_sole").play(client_calls(), rings(0.1, "134"), rings(0.2, "120"), "5 Hangup client")
    assert told.cards == []


def test_ring_sole_closes_as_soon_as_a_second_one_is_dialled() -> None:
    told = cards("ring_sole").play(client_calls(), rings(0.1, "134"), rings(5, "120"), "9 Hangup client")
    assert told.cards == ["0.3 card.open 134", "5 card.close 134"]


def test_ring_sole_closes_when_one_who_was_dialled_before_is_dialled_again() -> None:
    told = cards("ring_sole").play(
        client_calls(),
        rings(0.1, "120"),
        "5 DialEnd client > 120 NOANSWER\n5 Hangup 120",
        rings(6, "134"),
        rings(8, "120.b"),
        "9 Hangup client",
    )
    assert told.cards == ["0.3 card.open 120", "5 card.close 120", "6.2 card.open 134", "8 card.close 134"]


def test_ring_sole_closes_when_somebody_else_takes_the_call() -> None:
    told = cards("ring_sole").play(
        client_calls(),
        rings(0.1, "134"),
        """
        3.0  Newchannel   120 Ring linked=client
        3.0  Pickup       120 > 134
        3.0  Newstate     120 Up
        3.0  Newstate     client Up
        3.0  BridgeEnter  120 b1
        3.0  BridgeEnter  client b1
        3.1  Hangup       134 26
        """,
        leaves(9, "120", "client"),
    )
    assert told.cards == ["0.3 card.open 134", "3 card.close 134", "3 card.open 120", "9 card.close 120"]
    assert told.verdicts == {"120": "participant", "134": "answered elsewhere"}


def test_ring_sole_two_devices_of_one_person_are_one() -> None:
    told = cards("ring_sole").play(client_calls(), rings(0.1, "134", "134-WS"), "5 Hangup client")
    assert told.cards == ["0.3 card.open 134", "5 card.close 134"]


def test_ring_sole_an_answer_before_the_ring_group_has_settled_opens_once() -> None:
    told = cards("ring_sole").play(client_calls(), rings(0.1, "134"), answers(0.15, "134"), leaves(9, "134", "client"))
    assert told.cards == ["0.15 card.open 134", "9 card.close 134"]


def test_ring_sole_the_timer_makes_it_punctual_and_changes_nothing_else() -> None:
    told = cards("ring_sole").play(client_calls(), rings(0.1, "134"))
    assert told.cards == []
    assert told.calls.deadline == pytest.approx(0.3)
    assert told.wait(0.31).cards == ["0.3 card.open 134"]


# never


def test_never_is_never_but_a_participant_all_the_same() -> None:
    told = cards("never").play(client_calls(), rings(0.1, "134"), answers(2, "134"), leaves(9, "134", "client"))
    assert told.commands == ["0 call.started", "9 call.finished"]
    assert told.participants == ["134"]


# min_talk_seconds


def test_a_talk_shorter_than_the_minimum_gets_no_card() -> None:
    told = cards(seconds=5).play(client_calls(), rings(0.1, "134"), answers(2, "134"), leaves(6.9, "134", "client"))
    assert told.cards == []
    assert told.verdicts == {"134": "participant"}


def test_the_card_comes_when_the_minimum_is_reached() -> None:
    told = cards(seconds=5).play(client_calls(), rings(0.1, "134"), answers(2, "134"), leaves(60, "134", "client"))
    assert told.cards == ["7 card.open 134", "60 card.close 134"]


def test_the_minimum_is_counted_across_holds() -> None:
    told = cards(seconds=5).play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),  # 2 s of talk
        resumes(20, "134"),
        holds(22, "134"),  # 4 s
        resumes(30, "134"),
        leaves(60, "134", "client"),
    )
    assert told.cards == ["31 card.open 134", "60 card.close 134"]


def test_the_minimum_is_not_reached_on_hold() -> None:
    told = cards(seconds=5).play(
        client_calls(), rings(0.1, "134"), answers(2, "134"), holds(4, "134"), leaves(60, "134", "client")
    )
    assert told.cards == []


def test_each_has_a_minimum_of_their_own() -> None:
    """134 talks 3 s and transfers to 120, who talks on: only 120 reaches 5 s."""
    told = cards(seconds=5).play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        "5 BlindTransfer 134 > client Extension=120",
        leaves(5, "134"),
        rings(5.1, "120"),
        answers(6, "120", bridge="b2"),
        leaves(20, "120", "client", bridge="b2"),
    )
    assert told.cards == ["11 card.open 120", "20 card.close 120"]
    assert told.record["transfers"] == [{"from": "134", "to": "120", "kind": "blind"}]


def test_nothing_comes_after_the_call_is_finished() -> None:
    told = cards(seconds=5).play(client_calls(), rings(0.1, "134"), answers(2, "134"), leaves(6, "134", "client"))
    assert told.wait(100).commands[-1] == "6 call.finished"


# Who overrides whom


@pytest.mark.parametrize(
    ("people", "map_", "opens"),
    [
        ({"134": {"open_on": "never"}}, {}, False),
        ({}, {"dids": {DID: {"open_on": "never"}}}, False),
        ({}, {"queues": {"sales": {"open_on": "never"}}}, False),
        ({"134": {"open_on": "answer"}}, {"queues": {"sales": {"open_on": "never"}}}, True),
        ({}, {"queues": {"sales": {"open_on": "answer"}}, "dids": {DID: {"open_on": "never"}}}, True),
        ({}, {"queues": {"support": {"open_on": "never"}}}, True),
    ],
)
def test_the_extension_goes_before_the_queue_and_the_queue_before_the_did(
    people: dict[str, dict[str, str]], map_: dict[str, object], opens: bool
) -> None:
    told = Story(office(people, map_)).play(
        client_calls(),
        "0.1 QueueCallerJoin client sales",
        rings(0.2, "134"),
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert bool(told.cards) is opens
    assert told.record["queue"] == "sales"


def test_one_rings_with_a_card_and_another_waits_for_the_talk() -> None:
    told = Story(office({"120": {"open_on": "ring"}})).play(
        client_calls(), rings(0.1, "134", "120"), answers(2, "134", cancelled=["120"]), leaves(9, "134", "client")
    )
    assert told.cards == ["0.1 card.open 120", "2 card.close 120", "2 card.open 134", "9 card.close 134"]


# Mobiles


def to_mobile(key: float | None) -> str:
    pressed = f"{key} DTMFEnd mobile Digit=1\n" if key else ""
    return f"""
        0.1  Newchannel  mobile Down
        0.1  DialBegin   client > mobile {MOBILE}@provider
        1.0  Newstate    mobile Ringing
        2.0  Newstate    mobile Up
        {pressed if key and key < 4 else ""}
        4.0  Newstate    client Up
        4.0  BridgeEnter mobile b1
        4.0  BridgeEnter client b1
        {pressed if key and key >= 4 else ""}
    """


@pytest.mark.parametrize(
    ("rule", "key", "card"),
    [
        (MobileCard.ANSWER, None, True),
        (MobileCard.ANSWER, 3.0, True),
        (MobileCard.CONFIRMED, None, False),
        (MobileCard.CONFIRMED, 3.0, True),
        (MobileCard.NEVER, None, False),
        (MobileCard.NEVER, 3.0, False),
    ],
)
def test_a_mobile_is_a_person_and_the_settings_decide_about_its_card(
    rule: MobileCard, key: float | None, card: bool
) -> None:
    told = Story(office(mobiles={"card": rule.value})).play(
        client_calls(), to_mobile(key), leaves(9, "mobile", "client")
    )
    assert told.cards == (["4 card.open 134", "9 card.close 134"] if card else [])
    (one,) = told.record["participants"]
    assert (one["extension"], one["via_mobile"], one["unconfirmed"]) == ("134", True, key is None)
    assert told.record["third_parties"] == []


def test_a_key_pressed_during_the_talk_is_a_person_too() -> None:
    told = Story(office(mobiles={"card": "confirmed"})).play(
        client_calls(), to_mobile(key=6.0), leaves(9, "mobile", "client")
    )
    assert told.record["participants"][0]["unconfirmed"] is False
    assert told.cards == ["6 card.open 134", "9 card.close 134"]


def test_a_mobile_that_stays_in_the_prompt_hears_nobody() -> None:
    told = Story().play(
        client_calls(),
        f"""
        0.1  Newchannel  mobile Down
        0.1  DialBegin   client > mobile {MOBILE}@provider
        1.0  Newstate    mobile Ringing
        2.0  Newstate    mobile Up
        8.0  Hangup      mobile
        9.0  Hangup      client
        """,
    )
    assert told.cards == []
    assert told.verdicts == {"134": "missed"}
    assert "never in a bridge with the client" in told.because("134")


def test_the_desk_phone_after_the_mobile_confirms_the_person() -> None:
    told = Story(office(mobiles={"card": "never"})).play(
        client_calls(),
        to_mobile(None),
        "6 BridgeLeave mobile b1\n6 Hangup mobile",
        rings(6.1, "134"),
        answers(8, "134", bridge="b2"),
        leaves(9, "134", "client", bridge="b2"),
    )
    assert told.cards == ["8 card.open 134", "9 card.close 134"]
    assert told.record["participants"][0]["unconfirmed"] is False


def test_a_mobile_that_calls_in_is_its_extension() -> None:
    told = Story().play(
        f"0 Newchannel mobile Ring CallerIDNum={MOBILE} Exten={DID}",
        rings(0.1, "120", source="mobile"),
        answers(2, "120", source="mobile"),
        leaves(9, "120", "mobile"),
    )
    assert told.commands == []
    (record,) = told.records
    assert record["direction"] == "internal"
    assert [part["extension"] for part in record["participants"]] == ["134", "120"]


def test_a_mobile_that_calls_in_and_dials_a_client_is_no_voicemail() -> None:
    told = Story(office(mobiles={"card": "confirmed"})).play(
        f"""
        0    Newchannel   mobile Ring CallerIDNum={MOBILE} Exten={DID}
        1    Newchannel   client Down
        1    DialBegin    mobile > client 79031234504@provider
        2    Newstate     client Up
        2    Newstate     mobile Up
        2    BridgeEnter  client b1
        2    BridgeEnter  mobile b1
        """,
        leaves(9, "client", "mobile"),
    )
    assert told.record["initiator"] == "134"
    assert told.record["participants"][0]["unconfirmed"] is False
    assert told.cards == ["2 card.open 134", "9 card.close 134"]


# Supervisors


LISTENS_IN = """
    4  Newchannel    136 Ring CallerIDNum=136 Exten=*555
    4  Newstate      136 Up
    4  ChanSpyStart  136 > 134
    6  ChanSpyStop   136 > 134
    6  Hangup        136
"""


def test_a_supervisor_gets_a_verdict_and_no_card() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134"), LISTENS_IN, leaves(9, "134", "client"))
    assert told.cards == ["2 card.open 134", "9 card.close 134"]
    assert told.verdicts == {"134": "participant", "136": "supervisor"}


def test_a_supervisor_gets_a_card_where_the_map_says_so() -> None:
    told = Story(office({"136": {"supervisor_card": True}})).play(
        client_calls(), rings(0.1, "134"), answers(2, "134"), LISTENS_IN, leaves(9, "134", "client")
    )
    assert told.cards == ["2 card.open 134", "4 card.open 136", "6 card.close 136", "9 card.close 134"]
    assert told.participants == ["134"]
    assert told.verdicts["136"] == "supervisor"


def test_a_supervisor_who_takes_the_call_over_is_a_participant() -> None:
    told = Story(office({"136": {"supervisor_card": True}})).play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        LISTENS_IN,
        "7 BlindTransfer 134 > client Extension=136",
        leaves(7, "134"),
        rings(7, "136.b"),
        answers(8, "136.b", bridge="b2"),
        leaves(9, "136.b", "client", bridge="b2"),
    )
    assert told.verdicts == {"134": "participant", "136": "participant"}
    assert [said for said in told.cards if "136" in said] == [
        "4 card.open 136",
        "6 card.close 136",
        "8 card.open 136/2",
        "9 card.close 136/2",
    ]


def test_a_supervisors_card_closes_when_the_phone_spied_upon_hangs_up_first() -> None:
    told = Story(office({"136": {"supervisor_card": True}})).play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        """
        4    Newchannel     136 Ring CallerIDNum=136 Exten=*555
        4    Newstate       136 Up
        4    ChanSpyStart   136 > 134
        5    BlindTransfer  134 > client Extension=120
        """,
        leaves(5, "134"),
        "5 ChanSpyStop 136 > 134\n5 Hangup 136",
        rings(6, "120"),
        answers(8, "120", bridge="b2"),
        leaves(20, "120", "client", bridge="b2"),
    )
    assert [said for said in told.cards if "136" in said] == ["4 card.open 136", "5 card.close 136"]


# Exclusions: counted, explained, never sent


@pytest.mark.parametrize(
    ("exclude", "why"),
    [
        ({"dids": [DID]}, f"did {DID} is excluded"),
        ({"numbers": ["+7903*"]}, "number +79031234504 is excluded"),
        ({"queues": ["sales"]}, "queue sales is excluded"),
    ],
)
def test_an_excluded_call_is_counted_and_explained_and_no_card_is_sent(exclude: dict[str, object], why: str) -> None:
    told = Story(office(exclude=exclude)).play(
        client_calls(),
        "0.1 QueueCallerJoin client sales",
        rings(0.2, "134"),
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert told.cards == []
    if "queues" not in exclude:
        assert told.commands == []
    assert told.participants == ["134"]
    assert why in told.trail


def test_an_excluded_extension_gets_no_card_and_the_others_do() -> None:
    told = Story(office(exclude={"extensions": ["134"]})).play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        "5 BlindTransfer 134 > client Extension=120",
        leaves(5, "134"),
        rings(5.1, "120"),
        answers(6, "120", bridge="b2"),
        leaves(20, "120", "client", bridge="b2"),
    )
    assert told.cards == ["6 card.open 120", "20 card.close 120"]
    assert "extension 134 is excluded" in told.trail
    assert told.participants == ["134", "120"]


def test_the_evidence_of_an_excluded_queue_says_so_when_it_is_learnt() -> None:
    told = Story(office(exclude={"queues": ["sales"]})).play(
        client_calls(), "0.1 QueueCallerJoin client sales", rings(0.2, "134"), "3 Hangup client"
    )
    assert "queue sales is excluded" in told.trail


def test_a_call_that_was_announced_before_its_queue_was_known_is_finished_all_the_same() -> None:
    told = Story(office(exclude={"queues": ["sales"]})).play(
        client_calls(),
        "0.1 QueueCallerJoin client sales",
        rings(0.2, "134"),
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert told.commands == ["0 call.started", "9 call.finished"]


def test_an_open_card_closes_although_the_call_goes_to_an_excluded_queue() -> None:
    told = Story(office(exclude={"queues": ["sales"]})).play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        """
        5.0  BlindTransfer    134 > client Extension=700
        5.0  BridgeLeave      client b1
        5.0  BridgeLeave      134 b1
        5.1  QueueCallerJoin  client sales
        5.2  Hangup           134
        9.0  Hangup           client
        """,
    )
    assert told.cards == ["2 card.open 134", "5.2 card.close 134"]


def test_a_card_for_ringing_closes_although_the_call_enters_an_excluded_queue() -> None:
    told = Story(office(cards={"open_on": "ring"}, exclude={"queues": ["sales"]})).play(
        client_calls(),
        rings(0.1, "134"),
        """
        5.0  QueueCallerJoin  client sales
        5.0  DialEnd          client > 134 NOANSWER
        5.0  Hangup           134
        """,
    )
    assert told.cards == ["0.1 card.open 134", "5 card.close 134"]


def test_an_excluded_extension_is_explained_once() -> None:
    told = Story(office(exclude={"extensions": ["134"]})).play(
        client_calls(), rings(0.1, "134"), answers(2, "134"), holds(3, "134"), resumes(4, "134"), "9 Hangup client"
    )
    assert told.trail.count("extension 134 is excluded") == 1


# Lines without answer supervision


NO_SUPERVISION = {"trunks": ["PJSIP/provider", {"device": "DAHDI/1", "answer_supervision": False}]}


def test_a_line_without_answer_supervision_opens_the_card_unproven() -> None:
    told = Story(office(map_=NO_SUPERVISION)).play(
        """
        0    Newchannel   134 Ring CallerIDNum=134 Exten=79031234504
        0.1  Newchannel   DAHDI/1 Down
        0.1  DialBegin    134 > DAHDI/1 1/79031234504
        0.2  Newstate     DAHDI/1 Up
        0.2  Newstate     134 Up
        0.2  BridgeEnter  DAHDI/1 b1
        0.2  BridgeEnter  134 b1
        """,
        leaves(9, "134", "DAHDI/1"),
    )
    assert told.record["answered"] is None
    assert told.record["client"] == "+79031234504"
    assert told.command("card.open").data["unproven"] is True


def test_who_calls_in_on_such_a_line_is_there_beyond_doubt() -> None:
    told = Story(office(map_=NO_SUPERVISION)).play(
        client_calls(client="DAHDI/1", did="s"),
        rings(0.1, "134", source="DAHDI/1"),
        answers(2, "134", source="DAHDI/1"),
        leaves(9, "134", "DAHDI/1"),
    )
    assert told.record["answered"] is True
    assert "unproven" not in told.command("card.open").data
