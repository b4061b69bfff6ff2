"""Who is who and whose call it is: trunks, machines, clicks, fail-over, third parties, conferences, linked calls."""

import pytest

from amibridge.calls import Known
from tests.unit.event_tables import (
    CLIENT,
    DID,
    Story,
    answers,
    client_calls,
    dials_on,
    dials_out,
    holds,
    leaves,
    office,
    resumes,
    rings,
)

OTHER = "79035556677"


# The client and the line


@pytest.mark.parametrize(
    ("number", "client"),
    [
        ("79031234504", "+79031234504"),
        ("89031234504", "+79031234504"),
        ("+79031234504", "+79031234504"),
        ("anonymous", None),
        ("112", None),
    ],
)
def test_the_clients_number_in_any_spelling(number: str, client: str | None) -> None:
    told = Story().play(client_calls(number=number), rings(0.1, "134"), answers(2, "134"), leaves(9, "134", "client"))
    assert (told.record["client"], told.record["client_raw"]) == (client, number)
    assert told.cards == ["2 card.open 134", "9 card.close 134"]


@pytest.mark.parametrize("number", ["", "<unknown>"])
def test_a_withheld_number_is_none_and_the_card_opens(number: str) -> None:
    told = Story().play(client_calls(number=number), rings(0.1, "134"), answers(2, "134"), leaves(9, "134", "client"))
    assert (told.record["client"], told.record["client_raw"]) == (None, None)
    assert told.cards == ["2 card.open 134", "9 card.close 134"]
    assert "a withheld number calls" in told.trail


def test_the_did_s_is_none() -> None:
    assert Story().play(client_calls(did="s"), "1 Hangup client").record["did"] is None


def test_from_did_of_the_channels_birth_stands_in_for_s() -> None:
    told = Story().play(f"0 Newchannel client Ring Exten=s ChanVariable=FROM_DID={DID}", "1 Hangup client")
    assert told.record["did"] == DID


def test_from_did_is_learnt_when_the_dialplan_has_set_it() -> None:
    told = Story().play(
        client_calls(did="s"),
        f"0.1 Newstate client Up ChanVariable=FROM_DID={DID}",
        rings(0.2, "134"),
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert told.record["did"] == DID


@pytest.mark.parametrize("no_did", ["s", ""])
def test_from_did_of_s_is_none_and_a_later_one_counts(no_did: str) -> None:
    born = f"0 Newchannel client Ring Exten=s ChanVariable=FROM_DID={no_did}"
    assert Story().play(born, "1 Hangup client").record["did"] is None
    told = Story().play(born, f"0.1 Newstate client Up ChanVariable=FROM_DID={DID}", "1 Hangup client")
    assert told.record["did"] == DID


@pytest.mark.parametrize(
    ("exten", "later", "did"),
    [
        ("account77", [DID], DID),
        ("account77", ["account77", DID], DID),
        ("account77", ["s"], "account77"),
        ("account77", [], "account77"),
        (DID, ["74950000099"], DID),
        (f"+{DID}", ["74950000099"], f"+{DID}"),
        ("s", ["account77"], "account77"),
    ],
)
def test_from_did_goes_before_an_exten_that_is_no_number(exten: str, later: list[str], did: str) -> None:
    told = Story(office(map_={"dids": {DID: {"name": "Реклама"}}})).play(
        client_calls(did=exten),
        "".join(f"0.1 Newstate client Ring ChanVariable=FROM_DID={one}\n" for one in later),
        "1 Hangup client",
    )
    assert told.record["did"] == did
    assert told.record["line"] == ("Реклама" if did.endswith(DID) else None)


def test_a_did_known_from_before_a_restart_stays() -> None:
    known = Known(call_id="office:1.8", channel=Story().uid("client"), did="account77")
    told = (
        Story(known=[known])
        .present(5, "client Up Dial -")
        .play(f"6 Newstate client Up ChanVariable=FROM_DID={DID}", "9 Hangup client")
    )
    assert told.record["did"] == "account77"


def test_a_number_that_comes_after_the_channel() -> None:
    told = Story().play(
        client_calls(number=""),
        f"0.5 NewCallerid client CallerIDNum={CLIENT}",
        rings(1, "134"),
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert told.record["client"] == "+79031234504"
    assert told.command("card.open").data["call"]["client"] == "+79031234504"


def test_a_number_that_comes_late_may_be_excluded() -> None:
    told = Story(office(exclude={"numbers": ["+7903*"]})).play(
        client_calls(number=""),
        f"0.5 NewCallerid client CallerIDNum={CLIENT}",
        rings(1, "134"),
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert told.cards == []


def test_many_calls_from_one_number_are_separate_calls() -> None:
    told = Story().play(
        client_calls(0, "client"),
        client_calls(0, "client2"),
        rings(0.1, "134"),
        rings(0.1, "120", source="client2"),
        answers(2, "134"),
        answers(2, "120", source="client2", bridge="b2"),
        leaves(8, "120", "client2", bridge="b2"),
        leaves(9, "134", "client"),
    )
    assert [[part["extension"] for part in record["participants"]] for record in told.clients] == [["120"], ["134"]]
    assert len({record["call_id"] for record in told.clients}) == 2
    assert all(record["linked_calls"] == [] for record in told.clients)


# Own numbers, internal trunks, machines


def test_the_companys_own_number_is_no_client() -> None:
    told = Story(office(numbers={"own": ["+74950000002"]})).play(
        dials_out(0, "134", "line", "74950000002"), answers(2, "line", source="134"), leaves(9, "134", "line")
    )
    assert told.commands == []
    assert told.clients == []


BRANCH = {"trunks": ["PJSIP/provider", {"device": "PJSIP/branch", "kind": "internal"}]}


def test_a_short_number_of_an_internal_trunk_is_a_colleague() -> None:
    told = Story(office(map_=BRANCH)).play(
        client_calls(),
        """
        0.1  Newchannel  PJSIP/branch Down
        0.1  DialBegin   client > PJSIP/branch 177@branch
        0.2  Newstate    PJSIP/branch Ringing
        """,
        answers(2, "PJSIP/branch"),
        leaves(9, "PJSIP/branch", "client"),
    )
    assert told.cards == ["2 card.open 177", "9 card.close 177"]
    assert told.record["third_parties"] == []


def test_a_client_may_come_over_an_internal_trunk() -> None:
    told = Story(office(map_=BRANCH)).play(
        client_calls(client="PJSIP/branch"),
        rings(0.1, "134", source="PJSIP/branch"),
        answers(2, "134", source="PJSIP/branch"),
        leaves(9, "134", "PJSIP/branch"),
    )
    assert told.participants == ["134"]


def test_a_short_number_on_a_public_trunk_is_a_client() -> None:
    told = Story().play(
        dials_out(0, "134", "client", "112"), answers(2, "client", source="134"), leaves(9, "134", "client")
    )
    assert (told.record["direction"], told.record["client_raw"]) == ("outbound", "112")
    assert told.cards == ["2 card.open 134", "9 card.close 134"]


BOT = """
    1  Newchannel   AudioSocket/bot Up
    1  Newstate     client Up
    1  BridgeEnter  AudioSocket/bot b0
    1  BridgeEnter  client b0
    5  BridgeLeave  AudioSocket/bot b0
    5  Hangup       AudioSocket/bot
    5  BridgeLeave  client b0
"""


def test_only_a_machine_answered() -> None:
    told = Story().play(client_calls(), BOT, "6 Hangup client")
    assert told.cards == []
    assert (told.record["answered"], told.record["outcome"]) == (False, "machine")
    assert told.record["verdicts"] == {}


def test_a_machine_and_then_a_person() -> None:
    told = Story().play(client_calls(), BOT, rings(6, "134"), answers(8, "134"), leaves(9, "134", "client"))
    assert told.cards == ["8 card.open 134", "9 card.close 134"]
    assert (told.record["outcome"], told.record["answered_at"][-7:]) == ("answered", "08.000Z")


def test_a_machine_of_the_map_that_is_dialled_is_no_person() -> None:
    told = Story(office(map_={"machines": ["PJSIP/199"]})).play(
        client_calls(), rings(0.1, "199"), answers(1, "199"), leaves(9, "199", "client")
    )
    assert told.cards == []
    assert (told.record["participants"], told.record["rang"], told.record["outcome"]) == ([], [], "machine")


def test_a_snoop_in_the_bridge_is_as_if_it_were_not_there() -> None:
    told = Story().play(
        client_calls(),
        """
        1  Newchannel   Snoop/1 Up
        1  Newstate     client Up
        1  BridgeEnter  client b0
        1  BridgeEnter  Snoop/1 b0
        """,
        leaves(5, "client", "Snoop/1", bridge="b0"),
    )
    assert (told.record["participants"], told.record["third_parties"]) == ([], [])
    assert told.left == {}


# Outbound


def test_an_outbound_call() -> None:
    told = Story().play(dials_out(0, "134"), answers(2, "client", source="134"), leaves(9, "134", "client"))
    assert told.commands == ["0 call.started", "2 card.open 134", "9 card.close 134", "9 call.finished"]
    record = told.record
    assert (record["direction"], record["client"], record["did"], record["initiator"]) == (
        "outbound",
        "+79031234504",
        None,
        "134",
    )
    assert record["rang"] == []


def test_fail_over_over_two_trunks_is_one_call() -> None:
    told = Story(office(map_={"trunks": ["PJSIP/provider", "PJSIP/second"]})).play(
        dials_out(0, "134", "client"),
        "1 DialEnd 134 > client CONGESTION\n1 Hangup client 34",
        dials_on(1, "134", "PJSIP/second", CLIENT),
        answers(3, "PJSIP/second", source="134"),
        leaves(9, "134", "PJSIP/second"),
    )
    assert told.commands == ["0 call.started", "3 card.open 134", "9 card.close 134", "9 call.finished"]
    assert told.record["client"] == "+79031234504"


def test_all_trunks_fail_and_it_is_one_call_that_ends_with_the_phone() -> None:
    told = Story().play(
        dials_out(0, "134", "client"),
        "1 DialEnd 134 > client CHANUNAVAIL\n1 Hangup client 34",
        dials_on(1, "134", "client2", CLIENT),
        "2 DialEnd 134 > client2 CHANUNAVAIL\n2 Hangup client2 34\n3 Hangup 134",
    )
    assert told.commands == ["0 call.started", "3 call.finished"]
    assert (told.verdicts, told.record["outcome"]) == ({"134": "unreachable"}, "unreachable")


def test_the_last_number_dialled_is_the_client() -> None:
    told = Story().play(
        dials_out(0, "134", "client", OTHER),
        "1 DialEnd 134 > client BUSY\n1 Hangup client 17",
        dials_on(1, "134", "client2", CLIENT),
        answers(3, "client2", source="134"),
        leaves(9, "134", "client2"),
    )
    assert told.record["client"] == "+79031234504"


def test_of_two_numbers_dialled_at_once_the_one_reached_is_the_client() -> None:
    told = Story().play(
        dials_out(0, "134", "client", CLIENT),
        dials_on(0.1, "134", "client2", OTHER),
        answers(3, "client", source="134"),
        "3 DialEnd 134 > client2 CANCEL\n3 Hangup client2",
        leaves(9, "134", "client"),
    )
    assert told.record["client"] == "+79031234504"


def test_the_next_number_dialled_is_not_excluded_because_the_first_one_was() -> None:
    told = Story(office(exclude={"numbers": ["+79035556677"]})).play(
        dials_out(0, "134", "client", OTHER),
        "1 DialEnd 134 > client BUSY\n1 Hangup client 17",
        dials_on(1, "134", "client2", CLIENT),
        answers(3, "client2", source="134"),
        leaves(9, "134", "client2"),
    )
    assert told.cards == ["3 card.open 134", "9 card.close 134"]


@pytest.mark.parametrize(
    ("status", "cause", "word"),
    [
        ("BUSY", 17, "busy"),
        ("NOANSWER", 16, "missed"),
        ("CHANUNAVAIL", 3, "unreachable"),
        ("CONGESTION", 34, "unreachable"),
        ("CANCEL", 16, "cancelled"),
    ],
)
def test_a_client_who_was_not_reached(status: str, cause: int, word: str) -> None:
    told = Story().play(
        dials_out(0, "134"), f"5 DialEnd 134 > client {status}\n5 Hangup client {cause}\n5.1 Hangup 134"
    )
    assert told.cards == []
    assert (told.verdicts, told.record["outcome"], told.record["answered"]) == ({"134": word}, word, False)


def test_a_second_line_while_a_client_waits_is_a_linked_call_of_its_own() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),
        dials_out(5, "134.b", "other", OTHER),
        answers(7, "other", source="134.b", bridge="b2"),
        leaves(9, "134.b", "other", bridge="b2"),
        resumes(10, "134"),
        leaves(12, "134", "client"),
    )
    first, second = sorted(told.clients, key=lambda record: record["started_at"])
    assert (first["direction"], second["direction"]) == ("inbound", "outbound")
    assert (first["linked_calls"], second["linked_calls"]) == ([second["call_id"]], [first["call_id"]])
    assert second["initiator"] == "134"
    assert told.cards == [
        "2 card.open 134",
        "7 card.open 134",
        "9 card.close 134",
        "12 card.close 134",
    ]


def test_two_clients_joined_by_an_operator_stay_two_calls() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        holds(4, "134"),
        dials_out(5, "134.b", "other", OTHER),
        answers(7, "other", source="134.b", bridge="b2"),
        """
        8  AttendedTransfer  134 134.b client other
        8  BridgeLeave       134 b1
        8  BridgeLeave       134.b b2
        8  BridgeLeave       client b1
        8  MusicOnHoldStop   client
        8  BridgeEnter       client b2
        8  Hangup            134
        8  Hangup            134.b
        """,
        leaves(20, "client", "other", bridge="b2"),
    )
    first, second = told.clients
    assert first["linked_calls"] == [second["call_id"]]
    assert [record["third_parties"] for record in told.clients] == [[], []]
    assert [record["transfers"] for record in told.clients] == [[], []]
    assert sorted(told.cards)[-2:] == ["8 card.close 134", "8 card.close 134"]


# Clicks


def test_click_to_call_of_a_phone() -> None:
    told = Story().play(
        """
        0    Newchannel  134 Down
        0    DialBegin   - > 134 134
        0.1  Newstate    134 Ringing
        2    Newstate    134 Up
        2    DialEnd     - > 134 ANSWER
        """,
        dials_on(3, "134", "client", CLIENT),
        answers(5, "client", source="134"),
        leaves(9, "134", "client"),
    )
    record = told.record
    assert (record["direction"], record["initiator"], record["rang"]) == ("outbound", "134", ["134"])
    assert told.cards == ["5 card.open 134", "9 card.close 134"]


def test_a_click_that_the_operator_ignores_is_no_clients_call() -> None:
    told = Story().play(
        """
        0    Newchannel  134 Down
        0    DialBegin   - > 134 134
        0.1  Newstate    134 Ringing
        9    DialEnd     - > 134 NOANSWER
        9    Hangup      134
        """
    )
    assert told.commands == []
    assert told.clients == []


def test_a_click_through_a_local_channel() -> None:
    told = Story().play(
        """
        0    Newchannel   Local/134@click;1 Down
        0    Newchannel   Local/134@click;2 Ring
        0    DialBegin    - > Local/134@click;1 134@click
        0    LocalBridge  Local/134@click;1 Local/134@click;2
        0.1  Newchannel   134 Down
        0.1  DialBegin    Local/134@click;2 > 134 134
        0.2  Newstate     134 Ringing
        2    Newstate     134 Up
        2    DialEnd      Local/134@click;2 > 134 ANSWER
        2    BridgeEnter  134 b1
        2    BridgeEnter  Local/134@click;2 b1
        """,
        dials_on(3, "Local/134@click;1", "client", CLIENT),
        """
        5    Newstate     client Up
        5    BridgeEnter  client b2
        5    BridgeEnter  Local/134@click;1 b2
        """,
        leaves(9, "client", bridge="b2"),
        leaves(9, "Local/134@click;1", bridge="b2"),
        leaves(9, "Local/134@click;2", "134"),
    )
    record = told.record
    assert (record["direction"], record["initiator"], record["client"]) == ("outbound", "134", "+79031234504")
    assert told.cards == ["5 card.open 134", "9 card.close 134"]
    assert told.left == {}


CLIENT_FIRST = f"""
    0  Newchannel  client Down
    0  DialBegin   - > client {CLIENT}@provider
    1  Newstate    client Ringing
    3  Newstate    client Up
    3  DialEnd     - > client ANSWER
"""


def test_a_dialer_that_calls_the_client_first() -> None:
    told = Story().play(
        CLIENT_FIRST, rings(3.1, "134", "120"), answers(5, "134", cancelled=["120"]), leaves(9, "134", "client")
    )
    record = told.record
    assert (record["direction"], record["client"], record["initiator"]) == ("outbound", "+79031234504", None)
    assert told.cards == ["5 card.open 134", "9 card.close 134"]
    assert told.verdicts == {"120": "answered elsewhere", "134": "participant"}


def test_a_dialers_client_whom_nobody_took_was_missed_and_met_no_machine() -> None:
    told = Story().play(CLIENT_FIRST, rings(3.1, "134"), "9 Hangup client\n9 DialEnd client > 134 CANCEL\n9 Hangup 134")
    assert told.verdicts == {"134": "missed"}
    assert told.record["outcome"] == "missed"


# Third parties and conferences


def test_forwarded_to_an_outside_number_is_a_third_party() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        "5 DialEnd client > 134 NOANSWER\n5 Hangup 134",
        dials_on(5, "client", "third", OTHER),
        answers(8, "third"),
        leaves(20, "third", "client"),
    )
    record = told.record
    assert (record["third_parties"], record["participants"], record["answered"]) == ([f"+{OTHER}"], [], False)
    assert told.verdicts == {"134": "missed"}
    assert told.cards == []


def test_talking_to_the_third_party_alone_is_not_talking_to_the_client() -> None:
    told = Story().play(
        client_calls(),
        dials_on(5, "client", "third", OTHER),
        answers(8, "third"),
        leaves(20, "client"),
        """
        21  Newchannel   120 Down linked=client
        21  DialBegin    third > 120 120
        22  Newstate     120 Up
        22  BridgeEnter  120 b1
        """,
        leaves(30, "120", "third"),
    )
    assert told.cards == []
    assert told.record["participants"] == []
    assert told.left == {}


def conference(*who: str, at: float) -> str:
    return "".join(f"{at} Newstate {one} Up\n{at} BridgeEnter {one} room softmix\n" for one in who)


def test_two_clients_in_a_conference_a_card_for_each_client_heard() -> None:
    told = Story().play(
        client_calls(0, "client"),
        client_calls(1, "client2", number=OTHER),
        "2 Newchannel 134 Ring CallerIDNum=134 Exten=800",
        conference("client", at=3),
        conference("134", at=4),
        conference("client2", at=5),
        leaves(9, "134", "client", "client2", bridge="room"),
    )
    first, second = told.clients
    assert [first["linked_calls"], second["linked_calls"]] == [[second["call_id"]], [first["call_id"]]]
    assert told.cards == ["4 card.open 134", "5 card.open 134", "9 card.close 134", "9 card.close 134"]
    assert told.keys.count("1800000000.1/134/card.open") == 1
    assert told.keys.count("1800000000.2/134/card.open") == 1


def test_a_room_that_waits_for_its_leader_is_no_conversation() -> None:
    told = Story().play(
        client_calls(),
        "1 Newstate client Up\n1 MusicOnHoldStart client\n1 BridgeEnter client room softmix",
        """
        2  Newchannel        134 Ring CallerIDNum=134 Exten=800
        2  Newstate          134 Up
        2  MusicOnHoldStart  134
        2  BridgeEnter       134 room softmix
        5  MusicOnHoldStop   134
        6  MusicOnHoldStop   client
        """,
        leaves(9, "134", "client", bridge="room"),
    )
    assert told.cards == ["6 card.open 134", "9 card.close 134"]


def test_a_ringing_phone_in_an_ari_bridge_hears_nobody() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        """
        1  Newstate     client Up
        1  BridgeEnter  client ari
        1  BridgeEnter  134 ari
        5  BridgeLeave  134 ari
        5  Hangup       134
        6  Hangup       client
        """,
    )
    assert told.cards == []
    assert told.verdicts == {"134": "missed"}


# Ids


def test_a_further_call_under_one_linkedid_has_an_id_of_its_own() -> None:
    told = Story()
    for n, at in enumerate((0, 10, 20)):
        told.play(
            f"{at} Newchannel 134.{n} Ring linked=134.0 CallerIDNum=134",
            dials_on(at, f"134.{n}", f"client{n}", CLIENT),
            answers(at + 2, f"client{n}", source=f"134.{n}"),
            leaves(at + 5, f"134.{n}", f"client{n}"),
        )
    ids = [record["call_id"] for record in told.clients]
    assert ids == ["office:1800000000.1", "office:1800000000.1-2", "office:1800000000.1-3"]
    assert len(set(told.keys)) == len(told.keys)


AGENT = """
    0    Newchannel   134 Ring CallerIDNum=134 Exten=*11
    0    Newstate     134 Up
    0    BridgeEnter  134 pool holding_bridge
"""


def test_an_agent_logged_in_all_day_has_one_linkedid_and_many_clients() -> None:
    told = Story().play(AGENT)
    for n in range(3):
        at = 100 * n + 100
        told.play(
            f"{at} Newchannel client{n} Ring CallerIDNum=790312345{n}4 Exten={DID} linked=134",
            f"""
            {at + 1}   Newstate     client{n} Up
            {at + 2}   BridgeEnter  134 b{n}
            {at + 2}   BridgeEnter  client{n} b{n}
            {at + 50}  BridgeLeave  client{n} b{n}
            {at + 50}  Hangup       client{n}
            {at + 50}  BridgeEnter  134 pool holding_bridge
            """,
        )
    base = "office:1800000000.1"
    assert [record["call_id"] for record in told.clients] == [base, f"{base}-2", f"{base}-3"]
    assert all([p["extension"] for p in record["participants"]] == ["134"] for record in told.clients)
    assert [said.split()[1] for said in told.cards] == ["card.open", "card.close"] * 3


def test_a_queue_answers_in_the_moment_in_which_the_client_takes_the_place_of_who_waits_there() -> None:
    """120 joins the client to a second line that waits in a queue. BridgeEnter still names 120's channel, which then
    hangs up without leaving the bridge (seen on 22)."""
    told = Story().play(
        client_calls(),
        rings(0.1, "120"),
        answers(1, "120"),
        "2 Newchannel 120.b Ring\n2 Newstate 120.b Up\n2 QueueCallerJoin 120.b sales\n",
        "3 Newchannel 134 Down\n3 DialBegin 120.b > 134 134\n4 Newstate 134 Up\n4 BridgeEnter 134 b2\n",
        "4 BridgeLeave client b1\n4 BridgeLeave 120 b1\n4 AttendedTransfer 120.b > 120 - client DestType=App\n",
        "4 BridgeEnter 120.b b2\n4 Hangup 120.b\n4 Hangup 120\n",
        leaves(7, "client", "134", bridge="b2"),
    )
    assert {part["extension"]: part["talk_seconds"] for part in told.record["participants"]} == {"120": 3.0, "134": 3.0}
    assert told.cards == ["1 card.open 120", "4 card.close 120", "4 card.open 134", "7 card.close 134"]


def test_ids_stay_unique_while_a_channel_lingers_through_thousands_of_calls() -> None:
    told = Story().play(AGENT)
    for n in range(3000):
        at = n + 1
        told.play(f"{at} Newchannel client{n} Ring CallerIDNum={CLIENT} Exten={DID} linked=134\n{at} Hangup client{n}")
    ids = [record["call_id"] for record in told.clients]
    assert len(set(ids)) == 3000


def test_numbers_of_ids_are_forgotten_when_nobody_lingers() -> None:
    told = Story()
    for n in range(3000):
        told.play(client_calls(n, f"client{n}"), f"{n} Hangup client{n}")
    assert len({record["call_id"] for record in told.clients}) == 3000
    assert len(told.calls._state.ids) < 1100


def test_after_a_restart_no_id_is_given_twice() -> None:
    """The agent's linkedid, and the -2 that a call which is still known has under it."""
    told = Story(known=[Known("office:1800000000.1-2", "1800000000.2", CLIENT)])
    told.uid("134")
    told.present(0, "134 Up AgentLogin b1", "client Up Queue b1 linked=134")
    told.play(
        leaves(5, "client"),
        f"6 Newchannel client3 Ring CallerIDNum={CLIENT} Exten={DID} linked=134\n7 Hangup client3",
        f"8 Newchannel client4 Ring CallerIDNum={CLIENT} Exten={DID} linked=134\n9 Hangup client4",
    )
    ids = [record["call_id"] for record in told.clients]
    assert len(set(ids)) == 3, ids
