"""Every word of the closed list of verdicts, with its evidence; transfers, pickups and consultations."""

import pytest

from tests.unit.event_tables import (
    CLIENT,
    Story,
    answers,
    client_calls,
    dials_on,
    holds,
    leaves,
    office,
    resumes,
    rings,
)

TAKEN_BY_134 = answers(5, "134") + leaves(9, "134", "client")


@pytest.mark.parametrize(
    ("rows", "word", "because"),
    [
        ("2 DialEnd client > 120 BUSY\n2 Hangup 120 21", "declined", "rang and refused the call (cause 21)"),
        ("2 DialEnd client > 120 BUSY\n2 Hangup 120 17", "declined", "then answered busy: refused by hand"),
        ("4 DialEnd client > 120 NOANSWER\n4 Hangup 120 16", "missed", "rang until its time was up"),
        ("4 DialEnd client > 120 CHANUNAVAIL\n4 Hangup 120 20", "unreachable", "could not be reached (cause 20"),
        ("5 DialEnd client > 120 CANCEL\n5 Hangup 120 26", "answered elsewhere", "134 on PJSIP/134 at 08:00:05.000"),
        ("5 Hangup 120 26", "answered elsewhere", "134 on PJSIP/134 at 08:00:05.000 took the call"),
        ("5 Newstate 120 Up\n5 DialEnd client > 120 ANSWER\n6 Hangup 120", "answered elsewhere", "never in a bridge"),
    ],
)
def test_a_phone_that_rang_while_134_took_the_call(rows: str, word: str, because: str) -> None:
    both = [row for row in f"{rows}\n{TAKEN_BY_134}".splitlines() if row.strip()]
    told = Story().play(client_calls(), rings(0.1, "134", "120"), *sorted(both, key=lambda row: float(row.split()[0])))
    assert told.verdicts == {"120": word, "134": "participant"}
    assert because in told.because("120")
    assert "PJSIP/134 from 08:00:05.000 to 08:00:09.000, 4.0 s of talk" in told.because("134")


DIALLED = """
    0.1  Newchannel  120 Down
    0.1  DialBegin   client > 120 120
"""


@pytest.mark.parametrize(
    ("rows", "word", "because"),
    [
        ("1 DialEnd client > 120 BUSY\n1 Hangup 120 17", "busy", "busy or do-not-disturb"),
        ("1 DialEnd client > 120 CHANUNAVAIL\n1 Hangup 120 20", "unreachable", "CHANUNAVAIL"),
        ("1 DialEnd client > 120 CONGESTION\n1 Hangup 120 34", "unreachable", "CONGESTION"),
        ("1 Hangup 120 20", "unreachable", "cause 20"),
        ("1 DialEnd client > 120 CANCEL\n1 Hangup 120 26", "cancelled", "did not ring"),
        ("1 DialEnd client > 120 BUSY\n1 Hangup 120 21", "declined", "refused the call (cause 21)"),
        ("1 Newstate 120 Ringing\n9 Hangup client\n9 DialEnd client > 120 CANCEL", "missed", "the caller gave up"),
        ("1 Newstate 120 Ringing\n8 DialEnd client > 120 NOANSWER\n8 Hangup 120", "missed", "until its time was up"),
        ("1 Newstate 120 Up\n1 DialEnd client > 120 ANSWER\n3 Hangup 120", "missed", "never in a bridge with"),
    ],
)
def test_a_phone_that_was_dialled_and_nobody_took_the_call(rows: str, word: str, because: str) -> None:
    told = Story().play(client_calls(), DIALLED, rows, "9.5 Hangup client")
    assert told.verdicts == {"120": word}
    assert because in told.because("120")
    assert told.record["answered"] is False
    assert told.record["outcome"] == word
    assert told.cards == []


def test_of_two_devices_the_stronger_verdict_stands() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "120", "120-WS"),
        "2 DialEnd client > 120 BUSY\n2 Hangup 120 21\n8 DialEnd client > 120-WS NOANSWER\n8 Hangup 120-WS",
        "9 Hangup client",
    )
    assert told.verdicts == {"120": "declined"}
    assert told.record["rang"] == ["120"]


def test_who_rang_out_before_the_next_was_tried_has_missed_it() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "120"),
        "5 DialEnd client > 120 NOANSWER\n5 Hangup 120",
        rings(6, "134"),
        answers(8, "134"),
        leaves(9, "134", "client"),
    )
    assert told.verdicts == {"120": "missed", "134": "participant"}


def test_voicemail_after_a_ring_group_is_a_missed_call() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134", "120"),
        """
        5   DialEnd   client > 134 NOANSWER
        5   DialEnd   client > 120 NOANSWER
        5   Hangup    134
        5   Hangup    120
        6   Newstate  client Up
        20  Hangup    client
        """,
    )
    assert (told.record["outcome"], told.record["answered"], told.cards) == ("missed", False, [])
    assert told.command("call.finished").data["missed_candidates"] == ["120", "134"]


def test_nobody_was_dialled() -> None:
    told = Story().play(client_calls(), "5 Hangup client")
    assert (told.record["outcome"], told.record["verdicts"]) == ("missed", {})
    told = Story().play(client_calls(), "1 Newstate client Up\n5 Hangup client")
    assert told.record["outcome"] == "machine"


def test_a_participant_stays_one_whatever_comes_later() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        "5 BridgeLeave 134 b1\n5 Hangup 134",
        rings(6, "134.b"),
        "8 DialEnd client > 134.b BUSY\n8 Hangup 134.b 21\n9 Hangup client",
    )
    assert told.verdicts == {"134": "participant"}
    assert told.findings == ["2 134 participant"]


def test_verdicts_are_pronounced_on_the_talk_and_at_the_end() -> None:
    told = Story().play(client_calls(), rings(0.1, "134", "120"), TAKEN_BY_134)
    assert told.findings == ["5 134 participant", "9 120 answered elsewhere"]


# Pickup


PICKED = """
    3  Newchannel   120 Ring linked=client CallerIDNum=120 Exten=*8
    3  Pickup       120 > 134
    3  Newstate     120 Up
    3  Newstate     client Up
    3  BridgeEnter  120 b1
    3  BridgeEnter  client b1
    3  DialEnd      client > 134 ANSWER
    3  Hangup       134 26
"""


def test_who_picks_up_talks_and_the_phone_that_rang_was_answered_elsewhere() -> None:
    told = Story().play(client_calls(), rings(0.1, "134"), PICKED, leaves(9, "120", "client"))
    assert told.verdicts == {"120": "participant", "134": "answered elsewhere"}
    assert "120 picked the call up" in told.because("134")
    assert told.record["rang"] == ["134"]
    assert told.cards == ["3 card.open 120", "9 card.close 120"]


# Transfers


def test_a_blind_transfer_that_is_answered() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        "5 BlindTransfer 134 > client Extension=120",
        leaves(5, "134"),
        rings(5.1, "120"),
        answers(7, "120", bridge="b2"),
        leaves(9, "120", "client", bridge="b2"),
    )
    assert told.record["transfers"] == [{"from": "134", "to": "120", "kind": "blind"}]
    assert told.cards == ["2 card.open 134", "5 card.close 134", "7 card.open 120", "9 card.close 120"]
    assert told.record["rang"] == ["120", "134"]


def test_a_blind_transfer_that_nobody_answers_is_none() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        "5 BlindTransfer 134 > client Extension=120",
        leaves(5, "134"),
        rings(5.1, "120"),
        "9 Hangup client\n9 DialEnd client > 120 CANCEL\n9 Hangup 120",
    )
    assert told.record["transfers"] == []
    assert told.verdicts == {"120": "missed", "134": "participant"}


def test_a_blind_transfer_that_comes_back_is_none() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        "5 BlindTransfer 134 > client Extension=120",
        leaves(5, "134"),
        rings(5.1, "120"),
        "8 DialEnd client > 120 NOANSWER\n8 Hangup 120",
        rings(8.1, "134.b"),
        answers(9, "134.b", bridge="b2"),
        leaves(12, "134.b", "client", bridge="b2"),
    )
    assert told.record["transfers"] == []
    assert told.cards[-2:] == ["9 card.open 134/2", "12 card.close 134/2"]


CONSULTS_120 = """
    5    Newchannel   134.b Ring CallerIDNum=134 Exten=120
    5    Newchannel   120 Down
    5    DialBegin    134.b > 120 120
    5.1  Newstate     120 Ringing
    6    Newstate     120 Up
    6    Newstate     134.b Up
    6    DialEnd      134.b > 120 ANSWER
    6    BridgeEnter  120 b2
    6    BridgeEnter  134.b b2
"""


def test_an_attended_transfer() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),
        CONSULTS_120,
        """
        8  AttendedTransfer  134 134.b client 120
        8  BridgeLeave       134 b1
        8  BridgeLeave       134.b b2
        8  BridgeLeave       client b1
        8  MusicOnHoldStop   client
        8  BridgeEnter       client b2
        8  Hangup            134
        8  Hangup            134.b
        """,
        leaves(20, "120", "client", bridge="b2"),
    )
    assert told.record["transfers"] == [{"from": "134", "to": "120", "kind": "attended"}]
    assert sorted(told.cards) == sorted(["2 card.open 134", "8 card.open 120", "8 card.close 134", "20 card.close 120"])
    assert told.participants == ["134", "120"]
    assert told.record["rang"] == ["120", "134"]
    assert len(told.records) == 1


def test_a_consultation_that_never_merges_names_the_colleague_and_opens_no_card() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),
        CONSULTS_120,
        leaves(8, "120", "134.b", bridge="b2"),
        resumes(9, "134"),
        leaves(12, "134", "client"),
    )
    assert told.record["consulted"] == ["120"]
    assert told.verdicts == {"120": "consulted", "134": "participant"}
    assert told.because("120") == "talked to 134 on PJSIP/134-00000003 while 134 had the client"
    assert told.cards == ["2 card.open 134", "12 card.close 134"]
    assert sorted(record["direction"] for record in told.records) == ["inbound", "internal"]
    assert told.record["rang"] == ["134"]


def test_two_lines_unheld_at_once_may_be_a_conference_on_the_phone() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        CONSULTS_120,
        leaves(8, "120", "134.b", bridge="b2"),
        leaves(12, "134", "client"),
    )
    assert told.verdicts["120"] == "consulted"
    assert "may have been conferenced on the phone" in told.because("120")


def test_the_client_unheld_during_the_consultation_may_be_a_conference_on_the_phone() -> None:
    """As people do it: hold the client, call the colleague, then press "conference"."""
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),
        CONSULTS_120,
        resumes(7, "134"),
        leaves(8, "120", "134.b", bridge="b2"),
        leaves(12, "134", "client"),
    )
    assert told.verdicts["120"] == "consulted"
    assert "may have been conferenced on the phone" in told.because("120")


def test_colleagues_who_talked_before_the_client_was_called_are_consulted() -> None:
    told = Story().play(
        """
        0  Newchannel   134 Ring CallerIDNum=134 Exten=120
        0  Newchannel   120 Down
        0  DialBegin    134 > 120 120
        1  Newstate     120 Up
        1  Newstate     134 Up
        1  BridgeEnter  120 b1
        1  BridgeEnter  134 b1
        4  BridgeLeave  120 b1
        4  BridgeLeave  134 b1
        4  Hangup       120
        """,
        dials_on(5, "134", "client", CLIENT),
        answers(8, "client", source="134", bridge="b2"),
        leaves(12, "134", "client", bridge="b2"),
    )
    assert told.verdicts == {"120": "consulted", "134": "participant"}
    assert told.cards == ["8 card.open 134", "12 card.close 134"]
    assert told.record["participants"][0]["talk_seconds"] == 4.0


# Calls between colleagues


def test_a_call_between_colleagues_is_recorded_and_nothing_is_sent() -> None:
    told = Story().play(
        "0 Newchannel 134 Ring CallerIDNum=134 Exten=120",
        rings(0.1, "120", source="134"),
        answers(2, "120", source="134"),
        leaves(9, "120", "134"),
    )
    assert told.commands == []
    (record,) = told.records
    assert (record["direction"], record["client"], record["cards"]) == ("internal", None, [])
    assert [part["extension"] for part in record["participants"]] == ["134", "120"]


@pytest.mark.parametrize("order", [("client", "120"), ("120", "client")])
def test_a_picker_who_was_too_late_has_a_verdict_whoever_hangs_up_first(order: tuple[str, str]) -> None:
    """120 picks up the ringing phone in the moment in which the client gives up."""
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        "3 Newchannel 120 Ring linked=client CallerIDNum=120 Exten=*8\n3 Pickup 120 > 134",
        *(f"3.1 Hangup {one}" for one in order),
    )
    assert "120" in told.verdicts


def test_a_phone_whose_call_was_picked_up_too_late_was_not_answered_elsewhere() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        """
        3.0  Newchannel  120 Ring linked=client CallerIDNum=120 Exten=*8
        3.0  Pickup      120 > 134
        3.1  Hangup      120
        3.1  Hangup      client
        3.1  Hangup      134 26
        """,
    )
    assert (told.record["answered"], told.verdicts["134"]) == (False, "missed")


def test_a_trail_is_bounded_and_the_card_is_still_explained() -> None:
    story = Story(office()).play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    for n in range(500):
        story.play(holds(3 + n, "134"), resumes(3.5 + n, "134"))
    story.play(leaves(600, "134", "client"))
    (ended,) = [o for o in story.out if hasattr(o, "trail")]
    assert len(ended.trail) <= 400
    assert story.cards == ["2 card.open 134", "600 card.close 134"]


def test_a_card_that_opens_late_in_a_long_call_is_explained() -> None:
    story = Story(office()).play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    for n in range(500):
        story.play(holds(3 + n, "134"), resumes(3.5 + n, "134"))
    story.play(
        "600 BlindTransfer 134 > client Extension=120",
        leaves(600, "134"),
        rings(601, "120"),
        answers(602, "120", bridge="b2"),
        leaves(700, "120", "client", bridge="b2"),
    )
    assert "602 card.open 120" in story.cards
    assert "120: the card opens" in story.trail
