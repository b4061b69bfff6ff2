"""Events doubled, lost, late or out of order, and calls whose end never comes."""

import re
from collections.abc import Callable, Iterator

import pytest

from amibridge.calls import End, Ended, Patience
from amibridge.calls.call import Call
from amibridge.calls.state import State
from tests.unit.event_tables import CLIENT, Story, answers, client_calls, dials_out, holds, leaves, rings

GROUP = (
    client_calls()
    + rings(0.1, "134", "120")
    + answers(2, "134", cancelled=["120"])
    + holds(4, "134")
    + "6 MusicOnHoldStop client\n6 Unhold 134\n"
    + leaves(9, "134", "client")
)
PLAIN = ["0 call.started", "2 card.open 134", "9 card.close 134", "9 call.finished"]


@pytest.mark.parametrize(
    "name",
    [
        "Newchannel",
        "Newstate",
        "DialBegin",
        "DialEnd",
        "BridgeEnter",
        "BridgeLeave",
        "Hold",
        "Unhold",
        "MusicOnHoldStart",
        "MusicOnHoldStop",
        "Hangup",
    ],
)
def test_doubled_events_change_nothing(name: str) -> None:
    rows = GROUP.splitlines()
    doubled = "\n".join(row for row in rows for _ in range(2 if name in row.split() else 1))
    told = Story().play(doubled)
    once = Story().play(GROUP)
    assert told.out == once.out
    assert told.left == {}


@pytest.mark.parametrize(
    "lost",
    ["Newstate 134 Up", "Newstate client Up", "BridgeLeave 134 b1", "BridgeLeave client b1", "DialEnd client > 134"],
)
def test_a_lost_event_that_others_imply(lost: str) -> None:
    rows = [re.sub(r"\s+", " ", row.strip()) for row in GROUP.splitlines()]
    left = [row for row in rows if lost not in row]
    assert len(left) == len([row for row in rows if row]) - 1 + rows.count("")
    story = Story()
    if lost.startswith("Newstate"):
        # The PBX knows that the channel is Up: its later events say so.
        token = lost.split()[1]
        events = []
        for row in left:
            if "BridgeEnter" in row:
                story.becomes(token, "Up")
            events += story.events(row)
        for event in events:
            story.out += story.calls.apply(event)
    else:
        story.play(*left)
    assert story.commands == PLAIN
    assert story.left == {}


def test_a_lost_bridge_leave_the_next_enter_implies_it() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        """
        5  BridgeEnter  client elsewhere
        8  BridgeLeave  client b1
        """,
        leaves(9, "134"),
        leaves(9, "client", bridge="elsewhere"),
    )
    assert told.record["participants"][0]["talk_seconds"] == 3.0
    assert told.left == {}


def test_a_late_bridge_leave_of_an_earlier_bridge_changes_nothing() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        answers(2, "134"),
        """
        5  BridgeEnter  client b2
        5  BridgeEnter  134 b2
        6  BridgeLeave  client b1
        6  BridgeLeave  134 b1
        """,
        leaves(9, "134", "client", bridge="b2"),
    )
    assert told.record["participants"][0]["talk_seconds"] == 7.0
    assert told.commands == PLAIN


LATE = """
    9  BridgeLeave      134 b1
    9  DialEnd          client > 134 ANSWER
    9  Newstate         134 Up
    9  MusicOnHoldStop  client
    9  Unhold           134
    9  DTMFEnd          134
    9  Hangup           134
    9  BridgeEnter      134 b1
    9  ChanSpyStop      120 > 134
    9  QueueCallerJoin  client sales
"""


def test_late_events_after_the_hangup_are_echoes() -> None:
    told = Story().play(GROUP)
    said = list(told.out)
    told.play(LATE)
    assert told.out == said
    assert told.left == {}


def test_a_late_newchannel_after_the_hangup_is_an_echo_too() -> None:
    told = Story().play(client_calls(), "1 Hangup client")
    told.play(client_calls(1))
    assert told.commands == ["0 call.started", "1 call.finished"]
    assert told.left == {}


def test_ringing_before_its_dial_begin() -> None:
    told = Story().play(
        client_calls(),
        """
        0.1  Newchannel  134 Down
        0.1  Newstate    134 Ringing
        0.2  DialBegin   client > 134 134
        9    Hangup      client
        9    Hangup      134
        """,
    )
    assert told.record["rang"] == ["134"]


def test_everything_in_one_moment() -> None:
    rows = [row.split(maxsplit=1)[1] for row in GROUP.splitlines() if row.strip()]
    told = Story().play("\n".join(f"0 {row}" for row in rows))
    assert [said.split(" ", 1)[1] for said in told.commands] == [said.split(" ", 1)[1] for said in PLAIN]
    assert told.record["participants"][0]["talk_seconds"] == 0


def test_client_enters_the_bridge_first_or_last() -> None:
    for first, second in (("client", "134"), ("134", "client")):
        told = Story().play(
            client_calls(),
            rings(0.1, "134"),
            f"2 Newstate 134 Up\n2 Newstate client Up\n2 BridgeEnter {first} b1\n3 BridgeEnter {second} b1",
        )
        assert told.cards == ["3 card.open 134"]


def test_up_after_the_bridge() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        "2 BridgeEnter 134 b1\n2 BridgeEnter client b1\n3 Newstate client Up\n4 Newstate 134 Up",
    )
    assert told.cards == ["4 card.open 134"]


def test_events_without_the_headers_they_should_have() -> None:
    story = Story().play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    said = list(story.out)
    for name in story.calls.apply.__globals__["HANDLERS"]:
        story.play(f"3 {name} - - - -" if name not in ("Newchannel", "Newstate") else f"3 {name} - Up")
    assert story.out == said


def test_an_event_of_no_interest_is_nothing() -> None:
    assert Story().play("0 RTCPSent client").out == []


# Forgetting


SHORT = Patience(forget_after=100)


def test_a_call_whose_end_never_comes_is_forgotten() -> None:
    told = Story(patience=SHORT).play(client_calls(), rings(0.1, "134"), answers(2, "134")).wait(1000)
    assert told.commands[:2] == PLAIN[:2]
    assert [said.split(" ", 1)[1] for said in told.commands[2:]] == ["card.close 134", "call.finished"]
    assert [o.end for o in told.out if isinstance(o, Ended)] == [End.FORGOTTEN]
    assert 102 <= told.out[-1].at <= 202
    assert told.wait(2000).left == {}
    assert told.calls.deadline is None


def test_a_call_of_which_something_is_heard_is_not_forgotten() -> None:
    told = Story(patience=SHORT).play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    for at in range(50, 1000, 50):
        told.play(holds(at, "134"), f"{at + 1} MusicOnHoldStop client\n{at + 1} Unhold 134")
    assert told.commands == PLAIN[:2]


def test_a_silent_channel_of_a_lively_call_does_not_stop_everything() -> None:
    """The client's channel says nothing for long, the operator's does: nothing is forgotten, and time goes on."""
    told = Story(patience=SHORT).play(
        client_calls(), rings(0.1, "134"), answers(2, "134"), "50 Hold 134\n51 Unhold 134"
    )
    set_ = 0
    at_deadline = State.at_deadline

    def counted(state: State, at: float, then: Callable[[], None]) -> None:
        nonlocal set_
        set_ += 1
        assert set_ < 100, "one deadline after the other is set in the past: time stands still"
        at_deadline(state, at, then)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(State, "at_deadline", counted)
        told.wait(120)
    assert told.commands == PLAIN[:2]


def test_a_hangup_that_was_lost_leaves_nothing_for_ever() -> None:
    told = Story(patience=SHORT).play(client_calls(), rings(0.1, "134"), answers(2, "134"), "9 Hangup client")
    assert told.commands == PLAIN
    assert told.left["channels"] == 1
    assert told.wait(300).left == {}


# Costs


def test_a_queue_that_rings_for_an_hour_costs_no_more_at_its_end_than_at_its_beginning() -> None:
    """Counts the legs that are looked at: not a clock, so it is the same on every machine."""
    looked = 0
    people = Call.people

    def counted(call: Call) -> Iterator[object]:
        nonlocal looked
        for leg in people(call):
            looked += 1
            yield leg

    def rounds(count: int) -> int:
        nonlocal looked
        looked = 0
        told = Story().play(client_calls(), "0 QueueCallerJoin client sales")
        for n in range(count):
            for phone in ("134", "120"):
                told.play(rings(n + 1, f"{phone}.{n}"))
            for phone in ("134", "120"):
                told.play(f"{n + 1.5} DialEnd client > {phone}.{n} NOANSWER\n{n + 1.5} Hangup {phone}.{n}")
        return looked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Call, "people", counted)
        few, many = rounds(20), rounds(200)
    assert many <= 20 * few


def test_linked_calls_do_not_keep_each_other_in_memory() -> None:
    """An operator who always has two lines links every call with the next one."""
    import gc

    told = Story()
    for n in range(60):
        at = 10 * n
        told.play(
            dials_out(at, f"134.{n}", f"client{n}", CLIENT),
            answers(at + 1, f"client{n}", source=f"134.{n}", bridge=f"b{n}"),
        )
        if n:
            told.play(leaves(at + 2, f"134.{n - 1}", f"client{n - 1}", bridge=f"b{n - 1}"))
    gc.collect()
    kept = sum(isinstance(one, Call) for one in gc.get_objects())
    assert kept < 20


def test_a_local_channel_that_dials_on_after_its_client_hung_up_leaves_nothing() -> None:
    told = Story().play(
        client_calls(),
        """
        0.1  Newchannel   Local/120@ring;1 Down
        0.1  Newchannel   Local/120@ring;2 Ring
        0.1  LocalBridge  Local/120@ring;1 Local/120@ring;2
        0.1  DialBegin    client > Local/120@ring;1
        0.2  Hangup       client
        0.3  Newchannel   120 Down
        0.3  DialBegin    Local/120@ring;2 > 120
        0.4  Hangup       120
        0.4  Hangup       Local/120@ring;1
        0.4  Hangup       Local/120@ring;2
        """,
    )
    assert told.commands == ["0 call.started", "0.2 call.finished"]
    assert told.left == {}
