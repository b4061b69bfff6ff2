"""Many who hear each other, and many who never leave: what is kept is what a search would find, and costs no more."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given

from amibridge.calls import Calls, Ended, Patience
from amibridge.calls.channel import Channel
from amibridge.calls.who import Kind
from tests.bench.crowds import CROWDS
from tests.unit.event_tables import CLIENT, DID, Story, answers, client_calls, leaves, rings
from tests.unit.test_calls_properties import ALL, MANY, pictures, tables

COUNTED = (Kind.EXTENSION, Kind.OUTSIDE, Kind.MACHINE)


def found(channel: Channel) -> set[str]:
    """Whom a channel hears, searched for through all bridges and Local pairs."""
    bridge = channel.bridge
    if bridge is None or bridge.holding or not channel.audible:
        return set()
    heard, walked = set(), [bridge]
    for bridge in walked:
        for member in bridge.members:
            if not member.audible or member is channel:
                continue
            if not member.local:
                heard |= {member.uid} if member.who.kind in COUNTED else set()
                continue
            far = member.other
            if far is not None and far.audible and far.bridge is not None and not far.bridge.holding:
                walked += [far.bridge] if far.bridge not in walked else []
    return heard


def kept_is_found(calls: Calls) -> None:
    for call in calls._state.live:
        if call.client and call.anchor is not None:
            assert {channel.uid for channel in call.talking} == found(call.anchor), call.trail


@MANY
@given(table=tables, shown=pictures)
def test_what_is_kept_is_what_a_search_would_find(
    table: list[tuple[float, str]], shown: list[tuple[str, str, str]]
) -> None:
    told, at = Story(), 0.0
    for pause, row in table:
        at = round(at + pause, 3)
        told.play(f"{at} {row}")
        kept_is_found(told.calls)
    told.present(at, *(f"{token} {state} Dial {bridge}" for token, state, bridge in shown))
    kept_is_found(told.calls)
    told.play(*(f"{at + 1} {row}" for _, row in table))
    kept_is_found(told.calls)
    told.play("\n".join(f"{at + 10} Hangup {token}" for token in ALL))
    assert not [channel for channel in told.calls._state.channels.values() if channel.hears or channel.heard_by]


def chain(length: int) -> str:
    """The client, then Local pairs one behind the other, and 134 behind the last."""
    rows = client_calls() + "1 Newstate client Up\n1 BridgeEnter client b0\n"
    for n in range(length):
        one, two = f"Local/{n}@all;1", f"Local/{n}@all;2"
        rows += f"1 Newchannel {one} Down\n1 Newchannel {two} Ring\n1 LocalBridge {one} > {two}\n"
        rows += f"1 BridgeEnter {one} b{n}\n1 BridgeEnter {two} b{n + 1}\n"
    return rows + f"2 Newchannel 134 Ring\n2 Newstate 134 Up\n2 BridgeEnter 134 b{length}\n"


@pytest.mark.parametrize("broken", [0, 7, 19])
@pytest.mark.parametrize("how", ["5 BridgeLeave Local/{}@all;1 b{}", "5 MusicOnHoldStart Local/{}@all;1"])
def test_a_chain_of_local_pairs_is_one_conversation_until_a_link_breaks(broken: int, how: str) -> None:
    told = Story().play(chain(20), how.format(broken, broken), "9 Hangup 134\n9 Hangup client")
    assert told.cards[0] == "2 card.open 134"
    assert told.record["participants"][0]["talk_seconds"] == 3.0


def test_two_chains_between_the_same_bridges_are_parted_by_the_second_break() -> None:
    one, two = "Local/x@all;1", "Local/x@all;2"
    again = f"3 Newchannel {one} Down\n3 Newchannel {two} Ring\n3 LocalBridge {one} > {two}\n"
    again += f"3 BridgeEnter {one} b0\n3 BridgeEnter {two} b2\n"
    told = Story().play(
        chain(4), again, "5 BridgeLeave Local/1@all;1 b1\n7 BridgeLeave Local/x@all;2 b2\n9 Hangup 134\n9 Hangup client"
    )
    assert told.record["participants"][0]["talk_seconds"] == 5.0


def test_every_client_of_a_large_conference_is_heard() -> None:
    """Each gets a card for the colleague; of the other clients some are named, not all: there may be thousands."""
    told = Story()
    told.play("0 Newchannel 134 Ring\n0 Newstate 134 Up\n0 BridgeEnter 134 room softmix")
    for n in range(200):
        told.play(client_calls(1, f"c{n}", f"7903{n:07d}"), f"1 Newstate c{n} Up\n1 BridgeEnter c{n} room softmix")
    told.play("5 Hangup 134")
    for n in range(200):
        told.play(f"6 Hangup c{n}")
    assert len(told.clients) == 200
    for record in told.clients:
        assert [part["talk_seconds"] for part in record["participants"]] == [4.0]
        assert [card["extension"] for card in record["cards"]] == ["134"]
        assert record["linked_calls"]


def test_a_conference_of_colleagues_is_one_call() -> None:
    told = Story()
    for at, phone in enumerate(["134", "120", "121", "136"]):
        told.play(f"{at} Newchannel {phone} Ring\n{at} Newstate {phone} Up\n{at} BridgeEnter {phone} room softmix")
    told.play(*(f"9 Hangup {phone}" for phone in ["121", "136", "120", "134"]))
    (record,) = told.records
    assert [part["extension"] for part in record["participants"]] == ["134", "120", "121", "136"]
    assert record["initiator"] == "134"


# Costs. Lines of Python are counted, not seconds: they are the same on every machine.


def lines(work: Callable[[], Any]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        if "amibridge" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("crowd", CROWDS)
def test_an_event_costs_no_more_among_many(crowd: str) -> None:
    few, many = (lines(lambda members=members: CROWDS[crowd](members)) / members for members in (40, 320))  # type: ignore[misc]
    assert many <= 1.5 * few


# What is remembered of what has ended


def test_one_immortal_channel_keeps_only_its_own_ids() -> None:
    told = Story().play("0 Newchannel 134 Ring\n0 Newstate 134 Up\n0 BridgeEnter 134 pool holding_bridge")
    for n in range(6000):
        told.play(client_calls(n + 1, f"client{n}"), f"{n + 1} Hangup client{n}")
    assert len(told.calls._state.ids) < 2500


def test_a_linkedid_that_an_immortal_channel_has_come_to_carry_is_not_given_twice() -> None:
    """134 has taken the first client's linkedid in their bridge, and makes a channel with it hours later."""
    told = Story().play(client_calls(), "0 Newchannel 134 Ring linked=134", "0 Newstate 134 Up\n0 Newstate client Up")
    told.play("1 BridgeEnter client b1\n1 BridgeEnter 134 b1\n2 BridgeLeave client b1\n2 Hangup client")
    told._linked["134"] = told.uid("client")
    told.play("2 BridgeLeave 134 b1")
    for n in range(4000):
        told.play(client_calls(n + 100, f"client{n}"), f"{n + 100} Hangup client{n}")
    told.play(f"5000 Newchannel late Ring CallerIDNum={CLIENT} Exten={DID} linked=client\n5001 Hangup late")
    ids = [record["call_id"] for record in told.clients]
    assert ids[-1] == f"{ids[0]}-2"


def test_a_call_that_was_forgotten_and_is_heard_of_again_gets_another_id() -> None:
    """Its commands would be dropped as known otherwise. 134 and the client talk for a day and press no key."""
    told = Story(patience=Patience(forget_after=100)).play(client_calls(), rings(0.1, "134"), answers(2, "134"))
    told.wait(1000)
    for n in range(2000):
        told.play(client_calls(1000 + n, f"client{n}"), f"{1000 + n} Hangup client{n}")
    told.play("9000 BridgeEnter 134 b1\n9000 BridgeEnter client b1", leaves(9001, "134", "client"))
    ids = [output.call_id for output in told.out if isinstance(output, Ended)]
    assert ids[-1] == f"{ids[0]}-2"
    assert len(set(told.keys)) == len(told.keys)
