"""Streams for the benchmarks: a real busy hour again and again with ids of its own, or any number of calls at once."""

import re
from collections.abc import Iterator
from functools import cache

from amibridge.ami.packets import Framer
from tests.replay.playing import capture, joined, of_use

CHUNK = 1 << 16
_EPOCH = re.compile(rb"(?<!\d)17\d{8}(?=\.\d)")
"""The seconds in a Uniqueid, a linkedid or a Timestamp."""


@cache
def busy_hour() -> bytes:
    """The raw stream of a real PBX with two dozen overlapping calls."""
    return capture("asterisk-22/busy_hour").raw


@cache
def busy_hour_filtered() -> bytes:
    """The same as a manager account with event filters would get it: only what the core has a use for."""
    return joined([packet for packet in Framer().feed(busy_hour()) if of_use(packet)])


def events_in(stream: bytes) -> int:
    return stream.count(b"\r\nEvent: ")


def repeated(stream: bytes, times: int) -> Iterator[bytes]:
    """The stream `times` times, each a minute later and with ids that no other one has, in chunks."""
    for turn in range(times):
        shift = 60 * turn
        moved = _EPOCH.sub(lambda match, shift=shift: b"%d" % (int(match[0]) + shift), stream)  # type: ignore[misc]
        for start in range(0, len(moved), CHUNK):
            yield moved[start : start + CHUNK]


def concurrent(calls: int, later: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """So many inbound calls at once, in stages: ("begin", …), ("talk", …), ("end", …). 100 calls begin in a second."""
    began = 1_800_000_000.0 + later
    for stage in ("begin", "talk", "end"):
        packets: list[bytes] = []
        for n in range(calls):
            at = began + n / 100 + {"begin": 0, "talk": 2 + calls / 100, "end": 4 + 2 * calls / 100}[stage]
            packets += _STAGES[stage](n + 100_000 * int(later), at)
        yield stage, packets


def _packet(name: str, at: float, **headers: str) -> bytes:
    lines = [f"Event: {name}", "Privilege: call,all", f"Timestamp: {at:.6f}"]
    return "\r\n".join([*lines, *(f"{key}: {value}" for key, value in headers.items())]).encode()


_NUMBERS = {"Down": "0", "Ring": "4", "Ringing": "5", "Up": "6"}


def _channel(n: int, whose: str, state: str, prefix: str = "") -> dict[str, str]:
    device = "provider" if whose == "client" else f"1{n % 100:02d}"
    uid = f"1800000000.{2 * n + (whose == 'phone')}"
    number = f"7903{n:07d}" if whose == "client" else f"1{n % 100:02d}"
    headers = {"Channel": f"PJSIP/{device}-{2 * n + (whose == 'phone'):08x}", "ChannelState": _NUMBERS[state]}
    headers |= {"ChannelStateDesc": state, "CallerIDNum": number, "CallerIDName": "<unknown>"}
    headers |= {"ConnectedLineNum": "<unknown>", "ConnectedLineName": "<unknown>", "Language": "en", "AccountCode": ""}
    headers |= {"Context": "from-pstn", "Exten": "74950000002", "Priority": "1"}
    headers |= {"Uniqueid": uid, "Linkedid": f"1800000000.{2 * n}"}
    return {prefix + key: value for key, value in headers.items()}


def _begin(n: int, at: float) -> list[bytes]:
    client, phone = _channel(n, "client", "Ring"), _channel(n, "phone", "Down")
    dial = client | _channel(n, "phone", "Down", "Dest") | {"DialString": f"1{n % 100:02d}"}
    return [
        _packet("Newchannel", at, **client),
        _packet("Newchannel", at, **phone),
        _packet("DialBegin", at, **dial),
        _packet("Newstate", at, **_channel(n, "phone", "Ringing")),
    ]


def _talk(n: int, at: float) -> list[bytes]:
    bridge = {"BridgeUniqueid": f"bridge-{n}", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}
    bridge |= {"BridgeCreator": "<unknown>", "BridgeName": "<unknown>", "BridgeNumChannels": "2"}
    bridge |= {"BridgeVideoSourceMode": "none"}
    client, phone = _channel(n, "client", "Up"), _channel(n, "phone", "Up")
    return [
        _packet("Newstate", at, **phone),
        _packet("DialEnd", at, **client, **_channel(n, "phone", "Up", "Dest"), DialStatus="ANSWER"),
        _packet("Newstate", at, **client),
        _packet("BridgeEnter", at, **bridge, **phone),
        _packet("BridgeEnter", at, **bridge, **client),
    ]


def _end(n: int, at: float) -> list[bytes]:
    cause = {"Cause": "16", "Cause-txt": "Normal Clearing"}
    bridge = {"BridgeUniqueid": f"bridge-{n}", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}
    bridge |= {"BridgeCreator": "<unknown>", "BridgeName": "<unknown>", "BridgeNumChannels": "2"}
    bridge |= {"BridgeVideoSourceMode": "none"}
    client, phone = _channel(n, "client", "Up"), _channel(n, "phone", "Up")
    return [
        _packet("BridgeLeave", at, **bridge, **client),
        _packet("BridgeLeave", at, **bridge, **phone),
        _packet("Hangup", at, **phone, **cause),
        _packet("Hangup", at, **client, **cause),
    ]


_STAGES = {"begin": _begin, "talk": _talk, "end": _end}
