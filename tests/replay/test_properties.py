"""What must hold whatever comes: any cut of the bytes, any interleaving of calls, any lost event of no consequence."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from amibridge.ami.decode import events
from amibridge.ami.packets import Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls, Command, CommandType, Ended, Event, Headers, Output
from amibridge.calls.who import CardRule, OpenOn
from tests.replay.playing import Capture, capture, captures, commands, joined, play, records

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ANY = st.sampled_from(captures())
SMALL = st.sampled_from([one for one in captures() if "busy_hour" not in one.name])
OF_NO_CONSEQUENCE = (b"Event: VarSet", b"Event: Newexten", b"Event: DeviceStateChange")


class OneRuleForAll:
    """The captures' map with another card rule."""

    def __init__(self, one: Capture, rule: CardRule) -> None:
        self._directory = one.directory
        self._rule = rule

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    def rule(self, extension: str, did: str | None, queue: str | None, queue_number: str | None = None) -> CardRule:
        return self._rule


RULES = st.sampled_from(
    [
        CardRule(),
        CardRule(min_talk_seconds=0.4),
        CardRule(OpenOn.RING),
        CardRule(OpenOn.RING_SOLE),
        CardRule(OpenOn.RING_SOLE, min_talk_seconds=0.4),
    ]
)


@MANY
@given(one=ANY, cuts=st.lists(st.floats(0, 1), max_size=40), size=st.sampled_from([None, 1, 7, 1460]))
def test_any_segmentation_gives_the_same_packets(one: Capture, cuts: list[float], size: int | None) -> None:
    raw = one.raw[:60_000]
    marks = sorted(int(cut * len(raw)) for cut in cuts) if size is None else list(range(size, len(raw), size))
    framer = Framer()
    packets = [p for a, b in zip([0, *marks], [*marks, len(raw)], strict=True) for p in framer.feed(raw[a:b])]
    assert packets == Framer().feed(raw)


@MANY
@given(one=ANY, rule=RULES, data=st.data())
def test_advance_anywhere_changes_no_byte(one: Capture, rule: CardRule, data: st.DataObject) -> None:
    happened = one.events
    whose = OneRuleForAll(one, rule)
    moments = sorted(data.draw(st.lists(st.floats(happened[0].at, happened[-1].at), max_size=30)))
    calls, told = Calls("lab", whose), []
    for event in happened:
        while moments and moments[0] <= event.at:
            told += calls.advance(moments.pop(0))
        told += calls.apply(event)
    assert [*told, *calls.end(happened[-1].at)] == play(happened, whose)


@MANY
@given(one=ANY, data=st.data())
def test_lost_or_doubled_events_of_no_consequence_change_nothing(one: Capture, data: st.DataObject) -> None:
    packets = one.packets
    places = [i for i, packet in enumerate(packets) if packet.startswith(OF_NO_CONSEQUENCE)]
    chosen = set(data.draw(st.lists(st.sampled_from(places), max_size=200)))
    lost = data.draw(st.booleans())
    changed = [p for i, p in enumerate(packets) for _ in range(1 if i not in chosen else 0 if lost else 2)]
    assert _without_recordings(changed, one) == _without_recordings(packets, one)


def test_no_varset_at_all_changes_only_the_recordings() -> None:
    for one in captures():
        left = [packet for packet in one.packets if not packet.startswith(OF_NO_CONSEQUENCE)]
        assert _without_recordings(left, one) == _without_recordings(one.packets, one)


@MANY
@given(one=ANY, place=st.floats(0, 1))
def test_a_capture_cut_anywhere_gives_no_card_to_who_had_not_talked_by_then(one: Capture, place: float) -> None:
    cut = int(place * len(one.raw))
    whole = records(play(one.events, one.directory))
    talked = {(r["call_id"], p["extension"]) for r in whole for p in r["participants"]}
    framer = Framer()
    # An end of the capture would say that no transfer follows an Unhold; a daemon sees no end.
    packets = framer.feed(one.raw[:cut])
    if b"\r\nTimestamp: " in one.raw:
        # Elsewhere the time of a packet is its last line: cut off, it would be the time of the packet before.
        packets.append(framer.rest())
    out = play(events(packets, Timeline()), one.directory, ends=False)
    opened = [c for c in commands(out) if c.type is CommandType.CARD_OPEN]
    assert {(c.call_id, c.extension) for c in opened} <= talked
    begun = {(r["call_id"], p["extension"]): p["from"] for r in whole for p in r["participants"]}
    assert all(c.data["call"]["id"] == c.call_id for c in opened)
    assert all(_iso_at(c) == begun[c.call_id, c.extension or ""] for c in opened if not c.data["again"])


@MANY
@given(one=ANY, place=st.floats(0, 1))
def test_a_capture_that_begins_anywhere_gives_no_card_to_who_never_talked(one: Capture, place: float) -> None:
    happened = one.events
    begins = int(place * len(happened))
    assume(not _silent(happened[:begins]))
    whole = records(play(happened, one.directory))
    out = play(happened[begins:], one.directory)
    talked = {p["extension"] for r in whole for p in r["participants"]}
    assert {c.extension for c in commands(out) if c.type is CommandType.CARD_OPEN} <= talked


def _silent(before: Sequence[Event]) -> set[str]:
    """The channels that are on hold, hear music or have hung up at the far end: nobody can know whose beginning was not
    seen."""
    silent: set[str] = set()
    for event in before:
        channel = event.headers.get("Channel", "")
        if event.name in ("Hold", "MusicOnHoldStart", "HangupRequest"):
            silent.add(channel)
        elif event.name in ("Unhold", "MusicOnHoldStop", "Hangup"):
            silent.discard(channel)
    return silent


RENAMED = {"134": "164", "120": "165", "121": "166", "135": "167", "136": "168", "137": "169"}
OTHERS = [
    one
    for one in captures()
    if "busy_hour" not in one.name and b"79161112233" not in one.raw  # the mobile belongs to one entry of the map
]


@MANY
@given(first=SMALL, second=st.sampled_from(OTHERS), offset=st.floats(-8, 8))
def test_interleaved_calls_give_what_each_gives_alone(first: Capture, second: Capture, offset: float) -> None:
    one = first.events
    other = _apart(second, offset + one[0].wall - second.events[0].wall)
    both = sorted([*one, *other], key=lambda event: event.at)
    out = play(both, first.directory)
    for alone in (play(one, first.directory), play(other, first.directory)):
        ids = {output.call_id for output in alone}
        assert _comparable([output for output in out if output.call_id in ids]) == _comparable(alone)


@pytest.mark.parametrize(
    "field",
    [
        "CallerIDName: Event: Hangup",
        "CallerIDName: " + "x" * 10_000,
        "CallerIDName: \"; DROP\\r\\nEvent: Hangup %0D%0A'",
    ],
)
def test_a_hostile_callers_name_changes_nothing(field: str) -> None:
    one = capture("asterisk-22/ringgroup_134_answers")
    hostile = [re.sub(rb"CallerIDName: .*", lambda _: field.encode(), packet) for packet in one.packets]
    assert _records_of(hostile, one) == _records_of(one.packets, one)


def test_a_hostile_callers_number_is_only_no_number() -> None:
    one = capture("asterisk-22/ringgroup_134_answers")
    number = b"\"'; %0D%0AEvent: Hangup%0D%0AUniqueid: 1795290969.6"
    hostile = [packet.replace(b"79031234504", number) for packet in one.packets]
    expected = _records_of(one.packets, one)
    for record in expected:
        record.update(client=None, client_raw=number.decode())
    assert _records_of(hostile, one) == expected


def _records_of(packets: Sequence[bytes], one: Capture) -> list[dict[str, Any]]:
    return records(play(events(Framer().feed(joined(packets)), Timeline()), one.directory))


def _without_recordings(packets: Sequence[bytes], one: Capture) -> list[dict[str, Any]]:
    return [{**record, "recordings": None} for record in _records_of(packets, one)]


def _iso_at(command: Command) -> str:
    from amibridge.calls.record import iso

    return iso(command.wall) or ""


def _apart(one: Capture, shift: float) -> list[Event]:
    """The same calls with other ids, names, extensions and bridges, at another time."""
    rules: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
        (re.compile(r"(?<!\d)(\d{10})\.(\d{1,5})(?!\d)"), lambda m: f"{int(m[1]) + 5_000_000}.{m[2]}"),
        (re.compile(r"-([0-9a-f]{8})(?![-0-9a-f])"), lambda m: f"-f{m[1][1:]}"),
        (re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-"), lambda m: f"f{m[0]}"),
        (re.compile(rf"(?<![\d.-])({'|'.join(RENAMED)})(?!\d)"), lambda m: RENAMED[m[1]]),
    ]
    renamed = []
    for event in one.events:
        text = "\r\n".join(f"{name}: {value}" for name, value in event.headers.lines())
        for pattern, by in rules:
            text = pattern.sub(by, text)
        renamed.append(Event(event.name, event.at + shift, event.wall + shift, Headers(text)))
    return renamed


def _comparable(outputs: Sequence[Output]) -> dict[str, list[Output]]:
    """The outputs by call; the order among different calls is that of time, and says nothing."""
    calls: dict[str, list[Output]] = {}
    for output in outputs:
        calls.setdefault(output.call_id, []).append(output)
    assert all(sum(isinstance(o, Ended) for o in told) == 1 for told in calls.values())
    return calls


def test_the_renaming_keeps_calls_apart() -> None:
    one = capture("asterisk-22/queue_ringall")
    for header in ("Channel", "Uniqueid", "BridgeUniqueid"):
        mine = {event.headers.get(header) for event in one.events} - {None}
        assert not mine & {event.headers.get(header) for event in _apart(one, 0.0)}
