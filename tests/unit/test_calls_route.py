"""By which ring groups and queues a client came, on dialplans that go through macros and Local channels."""

import pytest

from amibridge.calls.who import OpenOn
from tests.unit.event_tables import CLIENT, DID, Story, answers, client_calls, leaves, office, rings

QUEUE = "QUEUE-AAAA0100"
NUMBER = "2200100"

SENT_THROUGH_A_LOCAL = f"""
    0.1  Newchannel  Local/{NUMBER}@in;1 Down
    0.1  Newchannel  Local/{NUMBER}@in;2 Ring
    0.1  LocalBridge Local/{NUMBER}@in;1 Local/{NUMBER}@in;2
    0.1  DialBegin   client > Local/{NUMBER}@in;1 Exten={DID}
    0.2  Newstate    Local/{NUMBER}@in;2 Up
    0.2  Newstate    Local/{NUMBER}@in;1 Up
    0.2  Newstate    client Up
    0.2  BridgeEnter Local/{NUMBER}@in;1 b1
    0.2  BridgeEnter client b1
"""
"""The client is sent to the queue by a Dial: the Local half stands in it, and the client hears it from a bridge."""

WAITS = f"0.3 QueueCallerJoin Local/{NUMBER}@in;2 {QUEUE} Exten={NUMBER}\n"


def connects(at: float, phone: str, half: str = f"Local/{NUMBER}@in;2") -> str:
    return f"""
        {at} Newchannel   {phone} Down
        {at} DialBegin    {half} > {phone} {phone}
        {at} Newstate     {phone} Ringing Exten={NUMBER}
        {at} Newstate     {phone} Up
        {at} DialEnd      {half} > {phone} ANSWER
        {at} AgentConnect {half} {QUEUE} Exten={NUMBER}
        {at} BridgeEnter  {phone} q
        {at} BridgeEnter  {half} q
    """


def test_a_local_half_that_was_dialled_for_the_client_waits_for_the_client() -> None:
    told = Story().play(client_calls(), SENT_THROUGH_A_LOCAL, WAITS, connects(2, "134"), leaves(9, "134", "client"))
    assert told.record["queue"] == QUEUE
    assert told.participants == ["134"]
    assert told.command("134/card.open").data["call"]["queue"] == QUEUE
    assert told.command("134/card.open").data["call"]["route"] == [QUEUE, NUMBER]


@pytest.mark.parametrize("name", [QUEUE, NUMBER])
def test_the_map_knows_a_queue_by_its_id_and_by_its_number(name: str) -> None:
    story = (client_calls(), SENT_THROUGH_A_LOCAL, WAITS, connects(2, "134"), "4 Hangup 134", "4 Hangup client")
    assert Story(office(map_={"queues": {name: {"open_on": "never"}}})).play(*story).cards == []
    patient = Story(office(map_={"queues": {name: {"min_talk_seconds": 1.5}}})).play(*story)
    assert patient.cards == ["3.5 card.open 134", "4 card.close 134"]
    excluded = Story(office(exclude={"queues": [name]})).play(*story)
    assert excluded.cards == []
    assert f"queue {name} is excluded" in excluded.trail


def test_of_two_names_of_one_queue_the_id_goes_first() -> None:
    directory = office(
        map_={"queues": {QUEUE: {"open_on": "never"}, NUMBER: {"open_on": "ring", "min_talk_seconds": 3}}}
    )
    rule = directory.rule("134", DID, QUEUE, NUMBER)
    assert (rule.open_on, rule.min_talk_seconds) == (OpenOn.NEVER, 3.0)


def test_the_queue_that_a_colleague_asks_for_advice_is_not_the_clients() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(1, "134"),
        """
        3  BridgeLeave     134 b1
        3  Newchannel      Local/700@back;1 Down
        3  Newchannel      Local/700@back;2 Ring
        3  LocalBridge     Local/700@back;1 Local/700@back;2
        3  DialBegin       - > Local/700@back;1
        3  BridgeEnter     134 b2
        3  BridgeEnter     Local/700@back;1 b2
        3  QueueCallerJoin Local/700@back;2 700 Exten=700
        4  Hangup          Local/700@back;1
        4  Hangup          Local/700@back;2
        5  BridgeEnter     134 b1
        """,
        leaves(9, "134", "client"),
    )
    assert told.record["queue"] is None


def test_a_client_who_is_handed_into_that_queue_came_through_it() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(1, "134"),
        """
        3  BridgeLeave     134 b1
        3  Newchannel      Local/700@back;1 Down
        3  Newchannel      Local/700@back;2 Ring
        3  LocalBridge     Local/700@back;1 Local/700@back;2
        3  DialBegin       - > Local/700@back;1
        3  BridgeEnter     134 b2
        3  BridgeEnter     Local/700@back;1 b2
        3  QueueCallerJoin Local/700@back;2 700 Exten=700
        4  BridgeEnter     Local/700@back;1 b1
        4  BridgeLeave     134 b2
        4  Hangup          134
        """,
        connects(6, "120", half="Local/700@back;2").replace(QUEUE, "700").replace(NUMBER, "700"),
        leaves(9, "120", "client"),
    )
    assert told.record["queue"] == "700"
    assert told.participants == ["134", "120"]


def through_a_macro(group: str, *phones: str) -> str:
    """The client's channel dials from a macro (`Exten: s`); the phones say in whose dialplan it was."""
    return "".join(
        f"0.1 Newchannel {phone} Down\n0.1 DialBegin client > {phone} {phone} Exten=s\n" for phone in phones
    ) + "".join(f"0.2 Newstate {phone} Ringing Exten={group}\n" for phone in phones)


@pytest.mark.parametrize(
    ("exten", "route"),
    [
        ("600", ["600"]),
        ("134", []),  # the phone's own number
        (DID, []),
        ("74950000099", []),  # a number outside, whoever's it is
        ("s", []),
        ("RG-600-134", []),
        ("", []),
    ],
)
def test_a_rung_phone_says_in_which_groups_dialplan_it_is_rung(exten: str, route: list[str]) -> None:
    told = Story().play(client_calls(), through_a_macro(exten, "134"), answers(1, "134"), leaves(9, "134", "client"))
    assert told.command("134/card.open").data["call"]["route"] == route


@pytest.mark.parametrize("open_on", ["answer", "ring", "ring_sole"])
def test_a_group_is_excluded_by_the_number_that_is_dialled_for_it(open_on: str) -> None:
    excluded = office(exclude={"groups": ["600"]}, cards={"open_on": open_on})
    story = (answers(1, "134"), leaves(9, "134", "client"))
    of_600 = Story(excluded).play(client_calls(), through_a_macro("600", "134", "120"), *story)
    assert of_600.cards == []
    assert "group 600 is excluded" in of_600.trail
    assert of_600.participants == ["134"]
    of_601 = Story(excluded).play(client_calls(), through_a_macro("601", "134"), *story)
    assert of_601.command("134/card.open").data["call"]["route"] == ["601"]


def test_a_colleagues_group_call_leaves_the_clients_route_alone() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(1, "134"),
        """
        2  Newchannel 134.b Ring CallerIDNum=134 Exten=600
        2  Newchannel 120 Down
        2  DialBegin  134.b > 120 120 Exten=s
        2  Newstate   120 Ringing Exten=600
        3  Hangup     120
        3  Hangup     134.b
        """,
        leaves(9, "134", "client"),
    )
    assert told.command("134/card.close").data["call"]["route"] == []


def test_a_mobile_outside_that_is_rung_is_no_internal_number() -> None:
    told = Story().play(
        client_calls(),
        """
        0.1  Newchannel  mobile Down
        0.1  DialBegin   client > mobile 79161112233@provider Exten=s
        0.2  Newstate    mobile Ringing Exten=979161112233
        """,
        answers(1, "mobile"),
        leaves(9, "mobile", "client"),
    )
    assert told.record["client"] == f"+{CLIENT}"
    assert told.command("134/card.open").data["call"]["route"] == []
