"""Nobody but the PBX is believed: whatever stands in a number, a name, an extension, a variable or a dial string.

Into every event of a capture, at every place that somebody else can write, whole header lines are put behind what
stands there; alone and with an empty line, which tears the packet; with and without `timestampevents`. A value is its
first line, so nothing at all may change, but for what `anybodys` names.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amibridge.ami.decode import Decoder
from amibridge.ami.packets import END, Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Event
from amibridge.calls.layout import LAYOUTS
from tests.replay.playing import Capture, capture, play

NUMBERS = frozenset(("CallerIDNum", "ConnectedLineNum", "Exten"))
ROOM = 79
"""Bytes of a number (tried on 16 and 22)."""
PLACES = (
    *("CallerIDNum", "ConnectedLineNum", "Exten", "CallerIDName", "ConnectedLineName", "AccountCode", "Language"),
    *("ChanVariable", "DialString", "Value", "AppData", "BridgeName", "ParkerDialString", "Extension", "Queue"),
)
"""Whose values somebody else can write, or a dialplan; with a block's prefix before it."""
HEADERS = sorted(
    {name for layout in LAYOUTS.values() for name in layout.names} | {"Received", "Response", "SystemName"}
)
PREFIXES = {name.removesuffix("Channel") for name in HEADERS if name.endswith("Channel")}
STREAMS = ("stamped", "live", "recorded")
"""A capture with timestamps; what a session gets without `timestampevents`; what `record` makes of that."""

SLOW = bool(os.environ.get("SLOW"))
SOME = settings(
    max_examples=20_000 if SLOW else 300,
    deadline=None,
    derandomize=not SLOW,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
BEGAN = 1_795_000_000.0
NAMES = [
    "ringgroup_134_answers",
    "queue_optimised_locals",
    "feature_attended_completed",
    "click_local",
    "parked_and_retrieved",
]
TELLING = [
    capture("asterisk-16/freepbx_channelvars_any_did"),
    capture("asterisk-16/freepbx_channelvars_group_recorded"),
    *(capture(f"asterisk-22/{name}") for name in (*NAMES, "pickup_directed", "outbound_answered", "supervisor_spies")),
]
"""Every kind of event stands in one of them."""


@pytest.mark.parametrize(
    ("places", "lines"),
    [
        pytest.param(["CallerIDNum"], ["Timestamp: 1e12"], id="a time of the caller's own"),
        pytest.param(["CallerIDNum"], ["Timestamp: inf"], id="no time at all"),
        pytest.param(["CallerIDNum"], ["Received: 1.000000"], id="an arrival"),
        pytest.param(["CallerIDNum"], ["Exten: 74950000099"], id="a DID"),
        pytest.param(["Exten"], ["Priority: 1", "Uniqueid: 1.1", "Linkedid: 1.1"], id="the end of a description"),
        pytest.param(
            ["CallerIDNum", "ConnectedLineNum"], ["DestUniqueid: 1.1", "DestChannel: PJSIP/120-0"], id="a leg"
        ),
        pytest.param(["ChanVariable"], ["ChannelStateDesc: Up"], id="a description in a variable"),
        pytest.param(["Value"], ["ChannelStateDesc: Up"], id="a description in a VarSet"),
        pytest.param(["ChanVariable"], ["ChanVariable: FROM_DID=666"], id="another variable"),
        pytest.param(["BridgeName"], ["", "Response: "], id="what looks like an answer"),
    ],
)
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in TELLING])
def test_what_was_found(one: Capture, stream: str, places: list[str], lines: list[str]) -> None:
    assert told(one, stream, places, "\r\n" + "\r\n".join(lines)) == plain(one, stream)


@SOME
@given(one=st.sampled_from(TELLING), stream=st.sampled_from(STREAMS), data=st.data())
def test_what_others_write_changes_nothing(one: Capture, stream: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True))
    header = st.sampled_from(HEADERS)
    lines = [f"{name}: {data.draw(poison(one, name))}" for name in data.draw(st.lists(header, min_size=1, max_size=4))]
    torn = data.draw(st.none() | st.integers(0, len(lines) - 1))
    text = "".join(f"\r\n{line}" if n != torn else f"\r\n\r\n{line}" for n, line in enumerate(lines))
    anybodys = {"client_name"} if "CallerIDName" in places and "CallerIDName" in text else set()
    if {"Exten", "AccountCode"} & set(places) and "Context: " in text and "Exten: " in text:
        # What a phone was dialled by stands between an account and an extension: either may hold the other's lines.
        anybodys.add("route")
    assert told(one, stream, places, text, anybodys) == plain(one, stream, frozenset(anybodys))


def poison(one: Capture, header: str) -> st.SearchStrategy[str]:
    """Values that would do harm in this header, were it believed: those of other events of the capture too."""
    more = {
        "Timestamp": ["1e12", "inf", "nan", "9999999999.000000", "1.000000"],
        "Event": ["Hangup", "CoreShowChannel"],
    }
    more |= {"Received": more["Timestamp"], "Value": ["/etc/passwd"], "Privilege": ["call,all"]}
    more |= {"Variable": ["MIXMONITOR_FILENAME"], "ChanVariable": ["FROM_DID=666", "MIXMONITOR_FILENAME=/etc/passwd"]}
    return st.sampled_from([*more.get(header, ()), *values(one, header)])


@cache
def values(one: Capture, header: str) -> tuple[str, ...]:
    """What stands in this header in the capture; of channels, what stands in any block."""
    found: dict[str, None] = {"": None}
    for name, value in all_lines(one):
        if name == header or (header.endswith(name) and name in ("Channel", "Uniqueid", "Linkedid", "Exten")):
            found[value] = None
    return tuple(found)[:40]


@cache
def all_lines(one: Capture) -> tuple[tuple[str, str], ...]:
    text = one.raw.decode("utf-8", "surrogateescape")
    lines = [line.partition(": ") for packet in text.split("\r\n\r\n") for line in packet.split("\r\n")]
    return tuple(dict.fromkeys((name, value) for name, colon, value in lines if colon and name in HEADERS))


@cache
def plain(one: Capture, stream: str, anybodys: frozenset[str] = frozenset()) -> list[Any]:
    return told(one, stream, (), "", anybodys)


def told(one: Capture, stream: str, places: Sequence[str], text: str, anybodys: Collection[str] = ()) -> list[Any]:
    """What the core says when at these places this text stands behind what stood there. anybodys: what is left out."""
    out = play(heard(one, stream, places, text), one.directory)
    return [(type(said).__name__, _without(asdict(said), anybodys)) for said in out]


def heard(one: Capture, stream: str, places: Sequence[str], text: str) -> Iterator[Event]:
    decoder, framer = Decoder(Timeline(), captured=stream != "live"), Framer()
    for number, packet in enumerate(one.packets):
        arrived = BEGAN + number / 1000
        lines = packet.decode("utf-8", "surrogateescape").split("\r\n")
        if stream != "stamped" and len(lines) > 2 and lines[2].startswith("Timestamp: "):
            del lines[2]
        if lines[0].startswith("Event: "):
            lines = [written(line, places, text) for line in lines]
        # Asterisk writes an event at once: it is read at once.
        pieces = framer.feed("\r\n".join(lines).encode("utf-8", "surrogateescape") + END)
        if stream == "recorded":
            pieces = [piece + f"\r\nReceived: {arrived:.6f}".encode() for piece in pieces]
        yield from decoder.events(pieces, arrived if stream == "live" else None)


def written(line: str, places: Sequence[str], text: str) -> str:
    """The line with the text behind its value, where it is one of these places."""
    name, _, value = line.partition(": ")
    for place in places:
        if name.endswith(place) and name.removesuffix(place) in PREFIXES:
            return line + (text[: max(0, ROOM - len(value))] if place in NUMBERS else text)
    return line


def _without(said: Any, keys: Collection[str]) -> Any:
    if isinstance(said, dict):
        return {key: _without(value, keys) for key, value in said.items() if key not in keys}
    if isinstance(said, list | tuple):
        return [_without(value, keys) for value in said]
    return said
