"""Hold: a phone's own goes through bridges, a feature code's stays behind, and Asterisk's Unhold before a transfer is
none."""

import pytest

from tests.unit.event_tables import Story, answers, client_calls, holds, leaves, rings

TALKING = client_calls() + rings(0.1, "134") + answers(1, "134")
BY_PHONE = "MusicClass=default"
"""What only a phone's own hold says (chan_pjsip)."""

WAYS = {
    "a blind transfer": """
        5    BridgeLeave    client b1
        5    BlindTransfer  134 > client Extension=120
        5    BridgeLeave    134 b1
        5    Hangup         134
        5.1  Newchannel     120 Down
        5.1  DialBegin      client > 120 120
        6    Newstate       120 Up
        6    BridgeEnter    120 b2
        6    BridgeEnter    client b2
    """,
    "the end of a queue's wait": """
        5    BridgeLeave      client b1
        5    Hangup           134
        5    QueueCallerJoin  client sales
        5.1  Newchannel       120 Down
        5.1  DialBegin        client > 120 120
        6    Newstate         120 Up
        6    AgentConnect     client sales
        6    BridgeEnter      120 b2
        6    BridgeEnter      client b2
    """,
    "a parking lot": """
        5    BridgeLeave   client b1
        5    ParkedCall    client
        5    BridgeEnter   client lot holding_bridge
        5    Hangup        134
        5.5  Newchannel    120 Ring
        6    UnParkedCall  client > 120
        6    BridgeLeave   client lot
        6    Newstate      120 Up
        6    BridgeEnter   120 b2
        6    BridgeEnter   client b2
    """,
    "a pickup": """
        5    BridgeLeave  client b1
        5    Hangup       134
        5    Newchannel   121 Down
        5    DialBegin    client > 121 121
        5.5  Newchannel   120 Ring
        6    Pickup       120 > 121
        6    Newstate     120 Up
        6    Hangup       121
        6    BridgeEnter  120 b2
        6    BridgeEnter  client b2
    """,
    "the action Bridge": """
        5    Newchannel   120 Ring
        5    Newstate     120 Up
        6    BridgeLeave  client b1
        6    BridgeEnter  120 b2
        6    BridgeEnter  client b2
        6    Hangup       134
    """,
    "a conference": """
        5    BridgeLeave  client b1
        5    Hangup       134
        5    Newchannel   120 Ring
        5    Newstate     120 Up
        6    BridgeEnter  120 b2 softmix
        6    BridgeEnter  client b2 softmix
    """,
}


@pytest.mark.parametrize("named", [BY_PHONE, ""], ids=["named", "unnamed"])
@pytest.mark.parametrize("way", WAYS)
def test_a_client_who_holds_is_heard_in_no_bridge_before_the_unhold(way: str, named: str) -> None:
    """Where the hold names no music (chan_sip) the way of the channel says that it is no feature code's."""
    held = TALKING + f"4 Hold client {named}\n" + WAYS[way]
    unheard = Story().play(held, leaves(9, "120", "client", bridge="b2"))
    assert unheard.participants == ["134"]
    heard = Story().play(held, "7 Unhold client", leaves(9, "120", "client", bridge="b2"))
    assert heard.participants == ["134", "120"]
    assert "7.1 card.open 120" in heard.cards


def test_a_colleague_who_holds_is_heard_by_nobody_who_is_brought() -> None:
    """120 holds in a consultation, 134 completes the transfer all the same: 120 is asked for by an Unhold."""
    consulted = """
        2  Newchannel   134.b Ring
        2  Newchannel   120 Down
        2  DialBegin    134.b > 120 120
        3  Newstate     120 Up
        3  Newstate     134.b Up
        3  BridgeEnter  120 b2
        3  BridgeEnter  134.b b2
        4  Hold         120 MusicClass=default
        5  Unhold       134
        5  Unhold       134.b
        5  BridgeLeave  client b1
        5  BridgeLeave  134.b b2
        5  BridgeEnter  client b2 SwapUniqueid=1.1
        5  AttendedTransfer 134 > 134.b client 120
        5  Hangup       134
        5  Hangup       134.b
    """
    unheard = Story().play(TALKING, consulted, leaves(9, "120", "client", bridge="b2"))
    assert unheard.participants == ["134"]
    heard = Story().play(TALKING, consulted, "7 Unhold 120", leaves(9, "120", "client", bridge="b2"))
    assert heard.participants == ["134", "120"]


def client_comes_to_who_holds(*rows: str) -> Story:
    """134 hands the client over to 120, who has gone on hold meanwhile; then what the rows tell."""
    return Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(1, "134"),
        "2 Newchannel 120 Ring\n2 Newstate 120 Up\n2 BridgeEnter 120 b2\n2.5 Hold 120 MusicClass=default\n",
        "3 BridgeLeave client b1\n3 BridgeEnter client b2\n3 Hangup 134\n",
        *rows,
    )


@pytest.mark.parametrize(
    "transfer",
    [
        "5.005 BlindTransfer 120 > client Extension=121\n5.006 BridgeLeave 120 b2\n",
        "5.004 BridgeLeave 120 b2\n5.05 BlindTransfer 120 > client Extension=121\n",
        "5.005 BridgeLeave client b2\n5.006 AttendedTransfer 120 > 120.b client 121\n",
        "5.005 AttendedTransfer 120.b > 120 - client\n",
        "5.005 BlindTransfer 120 > client Extension=121 Result=Invalid\n",
    ],
)
def test_the_unhold_before_a_transfer_is_asterisks_own(transfer: str) -> None:
    """Also before one that fails: the phone holds on until its own Unhold."""
    told = client_comes_to_who_holds("5 Unhold 120\n", transfer).wait(8).play("9 Hangup client\n9 Hangup 120")
    assert told.participants == ["134"]
    assert told.cards == ["1 card.open 134", "3 card.close 134"]


def test_the_transfer_may_be_told_long_after_its_unhold_where_asterisk_joins_two_bridges() -> None:
    """120 holds the client and talks to 121 on a second line, and joins the two: both lines get an Unhold at once."""
    second = "4 Newchannel 120.b Ring\n4 Newstate 120.b Up\n4 BridgeEnter 120.b b3\n"
    pair = "Local/_attended@transfer;1", "Local/_attended@transfer;2"
    unholds = "5 Unhold 120.b\n5 Unhold 120\n"
    joins = f"5 Newchannel {pair[0]} Down\n5 Newchannel {pair[1]} Ring\n5 LocalBridge {pair[0]} > {pair[1]}\n"
    told = client_comes_to_who_holds(second, unholds, joins).wait(5.5)
    told.play("5.5 AttendedTransfer 120.b > 120 client 121\n5.5 Hangup 120\n5.5 Hangup 120.b\n9 Hangup client")
    assert told.participants == ["134"]
    resumed = client_comes_to_who_holds(second, "5 Unhold 120\n", joins).wait(5.5)
    assert "5.1 card.open 120" in resumed.cards


def test_after_a_transfer_that_failed_the_phones_own_unhold_counts() -> None:
    told = client_comes_to_who_holds(
        "5 Unhold 120\n5.01 BlindTransfer 120 > client Extension=121 Result=Invalid\n",
        "6 Unhold 120\n",
        leaves(8, "120", "client", bridge="b2"),
    )
    assert told.participants == ["134", "120"]
    assert told.record["participants"][1]["talk_seconds"] == 1.9


def test_an_unhold_that_no_transfer_follows_counts_for_whoever_has_talked_from_its_time() -> None:
    told = Story().play(
        TALKING, holds(3, "134"), "5 MusicOnHoldStop client\n5 Unhold 134\n", leaves(8, "134", "client")
    )
    assert told.record["participants"][0]["talk_seconds"] == 5.0
    assert told.cards == ["1 card.open 134", "8 card.close 134"]


def test_an_unhold_is_believed_when_the_transfer_did_not_come() -> None:
    """The deadline needs no event; the end of a capture is no transfer either."""
    for told in (client_comes_to_who_holds("5 Unhold 120").wait(6), client_comes_to_who_holds("5 Unhold 120").end()):
        assert "5.1 card.open 120" in told.cards


def test_a_second_hold_within_that_moment_takes_the_unhold_back() -> None:
    told = client_comes_to_who_holds("5 Unhold 120\n5.05 Hold 120 MusicClass=default\n").wait(8)
    assert told.cards == ["1 card.open 134", "3 card.close 134"]


CONSULTS = """
    2    Hold         134
    2    MusicOnHoldStart client
    2.1  Newchannel   Local/120@all;1 Down
    2.1  Newchannel   Local/120@all;2 Ring
    2.1  LocalBridge  Local/120@all;1 > Local/120@all;2
    2.1  BridgeEnter  Local/120@all;1 b2
    2.1  BridgeLeave  134 b1
    2.1  BridgeEnter  134 b2
    2.2  Newchannel   120 Down
    2.2  DialBegin    Local/120@all;2 > 120 120
    3    Newstate     120 Up
    3    Newstate     Local/120@all;2 Up
    3    Newstate     Local/120@all;1 Up
    3    BridgeEnter  120 b3
    3    BridgeEnter  Local/120@all;2 b3
"""
"""A feature code's attended transfer, up to the consultation (as 16 and 22 tell it)."""


def test_a_feature_codes_hold_is_left_behind_in_its_bridge() -> None:
    """134 swaps to the client and back, and Asterisk sends no Unhold at all."""
    told = Story().play(
        TALKING,
        CONSULTS,
        "4 Hold 134\n4 BridgeLeave 134 b2\n4 BridgeEnter 134 b1\n4 MusicOnHoldStop client\n",
        "6 Hold 134\n6 BridgeLeave 134 b1\n6 BridgeEnter 134 b2\n6 MusicOnHoldStart client\n",
        "7 MusicOnHoldStop client\n7 BridgeLeave 134 b2\n7 BridgeLeave Local/120@all;1 b2\n",
        "7 BridgeEnter Local/120@all;1 b1\n7 AttendedTransfer 134 > 134 client 120\n7 Hangup 134\n",
        leaves(9, "120", bridge="b3"),
        leaves(9, "client"),
    )
    assert {part["extension"]: part["talk_seconds"] for part in told.record["participants"]} == {"134": 3.0, "120": 2.0}


def test_a_phones_hold_goes_back_from_a_consultation() -> None:
    """134 presses hold on the phone in the consultation, and the code for coming back; Asterisk says Unhold."""
    told = Story().play(
        TALKING,
        CONSULTS,
        "4 Hold 134 MusicClass=default\n",
        "5 BridgeLeave 134 b2\n5 BridgeEnter 134 b1\n5.001 Unhold 134\n5.002 MusicOnHoldStop client\n",
        "7 Unhold 134\n",
        leaves(9, "134", "client"),
    )
    assert told.record["participants"][0]["talk_seconds"] == 3.0


@pytest.mark.parametrize(
    "holds", ["3 Hold 134 MusicClass=default\n4 Hold 134\n", "3 Hold 134\n4 Hold 134 MusicClass=default\n"]
)
def test_a_code_that_comes_to_nothing_ends_its_own_hold_and_not_the_phones(holds: str) -> None:
    """134 presses a transfer's code and the phone's hold key; nobody is reached, and Asterisk says Unhold."""
    told = Story().play(TALKING, holds, "6 Unhold 134\n8 Unhold 134\n", leaves(9, "134", "client"))
    assert told.record["participants"][0]["talk_seconds"] == 3.0


def test_while_music_goes_on_it_is_the_phone_that_resumes() -> None:
    """134 holds and resumes by the phone while a code collects digits: only the code's end ends the client's music."""
    told = Story().play(
        TALKING,
        "3 Hold 134\n3 MusicOnHoldStart client\n4 Hold 134 MusicClass=default\n5 Unhold 134\n",
        "5.5 Hold 134 MusicClass=default\n6 Unhold 134\n6.001 MusicOnHoldStop client\n",
        leaves(9, "134", "client"),
    )
    assert told.record["participants"][0]["talk_seconds"] == 2.0


def test_two_unholds_at_once_end_both_holds() -> None:
    """The code comes to nothing in the same moment in which the phone resumes."""
    holds = "3 Hold 134 MusicClass=default\n4 Hold 134\n6 Unhold 134\n6.02 Unhold 134\n"
    told = Story().play(TALKING, holds, leaves(9, "134", "client"))
    assert told.record["participants"][0]["talk_seconds"] == 4.98


def test_a_code_that_is_pressed_behind_a_local_pair_holds_the_half() -> None:
    """120 is behind a pair and asks 121 by a code: it is the half that holds, goes into the consultation and back."""
    told = Story().play(
        client_calls(),
        """
        1    Newchannel   Local/120@q;1 Down
        1    Newchannel   Local/120@q;2 Ring
        1    LocalBridge  Local/120@q;1 > Local/120@q;2
        1    DialBegin    client > Local/120@q;1
        1    Newchannel   120 Down
        1    DialBegin    Local/120@q;2 > 120 120
        2    Newstate     120 Up
        2    Newstate     client Up
        2    BridgeEnter  120 b2
        2    BridgeEnter  Local/120@q;2 b2
        2    BridgeEnter  Local/120@q;1 b1
        2    BridgeEnter  client b1
        3    Hold         Local/120@q;1
        4    Newchannel   Local/121@all;1 Down
        4    Newchannel   Local/121@all;2 Ring
        4    LocalBridge  Local/121@all;1 > Local/121@all;2
        4    BridgeEnter  Local/121@all;1 b3
        4    BridgeLeave  Local/120@q;1 b1
        4    BridgeEnter  Local/120@q;1 b3
        5    Hold         Local/120@q;1
        5    BridgeLeave  Local/120@q;1 b3
        5    BridgeEnter  Local/120@q;1 b1
        """,
        leaves(9, "120", bridge="b2"),
        leaves(9, "client"),
    )
    assert told.record["participants"][0]["talk_seconds"] == 5.0


def test_a_consultation_by_feature_code_is_talk_between_colleagues() -> None:
    told = Story().play(TALKING, CONSULTS, "9 Hangup client\n9 Hangup 134\n9 Hangup 120")
    assert told.record["consulted"] == ["120"]


def test_music_goes_through_bridges_until_it_stops() -> None:
    """Whoever is moved by a bridge's own means hears it on; whoever leaves a bridge has its stop told."""
    told = Story().play(
        TALKING,
        holds(2, "134"),
        "3 Newchannel 120 Ring\n3 Newstate 120 Up\n3 BridgeEnter 120 b2\n",
        "4 BridgeLeave client b1\n4 BridgeEnter client b2\n5 MusicOnHoldStop client\n",
        leaves(7, "120", "client", bridge="b2"),
    )
    assert told.record["participants"][1] == {**told.record["participants"][1], "extension": "120", "talk_seconds": 2.0}
