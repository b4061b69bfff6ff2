"""What is true of a composed story: with whom each client talked, by ear."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

from tests.live import hearing
from tests.live.chance.acting import Outside, Performance, rung_outside, whose
from tests.live.chance.ears import Spans, both, heard, seconds, together
from tests.live.chance.story import CALLED, Story
from tests.live.chance.wire import Packet
from tests.live.lab import Lab
from tests.live.manager import Event
from tests.live.phones import News

SURE = 0.08
"""Seconds for which two have heard each other without doubt. Sound goes in packets of 20 ms, and it takes two of them
to know a voice: a shorter meeting may be heard on one side only, or not at all, and either answer is right. So it is
when only one heard the other: who presses digits is not heard (0.15 s each), and whoever goes back to a client from a
colleague who rings goes on hearing that ringing, and not the client. Who is on hold neither hears nor is heard.
"""
MUSIC = "music"
EARLIER, MIXING = 0.02, 0.4
"""Seconds around the third one's BridgeEnter; after it sound took 0.32 s, until the Local pair was optimised away."""
NO_CODE = 2.5
"""Seconds in which a PBX knows that what was pressed is no code, and everybody has heard the digits."""
A_DIGIT = 0.3
"""Seconds for which who presses a digit is not heard, with the pause between two."""


@dataclass
class Met:
    """What the ears say of one call with somebody outside. talk: when the two heard each other. either: who was heard
    too shortly, or by one side only for a moment.
    """

    outside: Outside
    talk: dict[str, Spans] = field(default_factory=dict)
    either: set[str] = field(default_factory=set)
    one_way: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def participants(self) -> list[str]:
        """Those who talked without doubt, by the first word."""
        sure = [who for who, spans in self.talk.items() if who not in self.either]
        return sorted(sure, key=lambda who: self.talk[who][0])


def met(lab: Lab, performance: Performance, news: Iterable[Sequence[News]], sound: Sequence[Packet]) -> list[Met]:
    """What the phones heard. news: of each phone that took part. sound: all that the PBX sent them."""
    colleagues = {extension: phone.voice for extension, phone in lab.phones.items()}
    mobiles = {one.key: one.voice for one in performance.outside if whose(one.number)}
    people = colleagues | mobiles
    clients = {one.key: one.voice for one in performance.outside if not whose(one.number)}
    hears: dict[str, dict[str, Spans]] = {}
    for who, packets in _listened(news, sound):
        for voice, spans in heard(packets, {MUSIC: hearing.MUSIC, **(clients if who in people else people)}).items():
            mine = hears.setdefault(who, {})
            mine[voice] = together([*mine.get(voice, []), *spans])
    found = []
    for outside in performance.outside:
        if outside.key in clients:
            found.append(one := Met(outside))
            for who in people:
                client, colleague = hears.get(outside.key, {}), hears.get(who, {})
                music = together([*client.get(MUSIC, []), *colleague.get(MUSIC, [])])
                _meet(one, performance, who, client.get(who, []), colleague.get(outside.key, []), music)
    return found


def _listened(news: Iterable[Sequence[News]], sound: Sequence[Packet]) -> Iterator[tuple[str, list[Packet]]]:
    """Whose phone listened, and what came to it meanwhile."""
    by_port: dict[int, list[Packet]] = {}
    for packet in sound:
        by_port.setdefault(packet.port, []).append(packet)
    for log in news:
        for n, one in enumerate(log):
            if "recording" in one:
                rest = (later for later in log[n + 1 :] if later.get("call") == one["call"])
                end = next(
                    (later["at"] for later in rest if "media" in later or later.get("state") == "DISCONNECTED"), inf
                )
                packets = [packet for packet in by_port.get(one["port"], ()) if one["at"] <= packet.at < end]
                yield Path(one["recording"]).name.split("-")[0], packets


def _meet(one: Met, performance: Performance, who: str, there: Spans, back: Spans, music: Spans) -> None:
    """Adds what a client and a colleague heard of each other. there: when the client heard. music: when one of them
    heard that.
    """
    talk = _while_pressing(both(there, back), performance.pressing, music)
    person = next((whose(other.number) or "" for other in performance.outside if other.key == who), who)
    if talk:
        one.talk[person] = together([*one.talk.get(person, []), *talk])
    if there or back:
        before = one.one_way.get(person, (0.0, 0.0))
        one.one_way[person] = (round(before[0] + seconds(there), 2), round(before[1] + seconds(back), 2))
    if seconds(one.talk.get(person, [])) >= SURE:
        one.either.discard(person)
    elif there or back:
        one.either.add(person)


def _while_pressing(talk: Spans, pressing: Sequence[tuple[float, float]], music: Spans) -> Spans:
    """The talk goes on while digits are pressed, and until the PBX knows that they are no code (`featuredigittimeout`),
    though who presses is not heard.
    """
    silent = [
        (end, begin)
        for (_, end), (begin, _) in pairwise(talk)
        if begin - end < NO_CODE and both([(end, begin)], pressing) and seconds(both([(end, begin)], music)) < SURE
    ]
    return together([*talk, *silent])


def calls(lab: Lab, performance: Performance, found: Iterable[Met], events: Sequence[Event]) -> list[dict[str, Any]]:
    """The calls that the records should tell of, in the form of all truths.

    heard: seconds of talk. unsure: seconds that may be told beside, as digits were pressed, or only one heard the
    other. either: any answer is right for these. optional: there may be no such record: an outside number that somebody
    was sent to, and nobody of the company talked to (a third party), or that no provider was asked for in the end.
    """
    directly = [done.action.to for done in performance.played if done.action.do in ("call", "click")]
    truth = []
    for one in found:
        if one.outside.did is not None or one.participants or one.either:
            truth.append(_call(one, pressed=performance.codes))
    reached = [call["client"] for call in truth if call["direction"] == "outbound"]
    asked = rung_outside(lab)
    for number in CALLED:
        dialled = [one for one in events if one.name == "DialBegin" and number in one.get("DialString")]
        tried = max(asked.count(number), len(dialled))
        for n in range(tried - reached.count(f"+{number}")):
            sure = n < min(asked.count(number), directly.count(number)) - reached.count(f"+{number}")
            truth.append(_call(Met(Outside("", number, None, 0)), optional=not sure))
    return truth


def _call(one: Met, optional: bool = False, pressed: Mapping[str, int] | None = None) -> dict[str, Any]:
    outside = one.outside
    unsure = {who: A_DIGIT * digits for who, digits in (pressed or {}).items() if who in one.participants}
    for who in one.participants:
        unsure[who] = round(unsure.get(who, 0.0) + max(one.one_way[who]) - min(one.one_way[who]), 2)
    call = {
        "direction": "outbound" if outside.did is None else "inbound",
        "client": f"+{outside.number}",
        "did": outside.did,
        "answered": bool(one.participants),
        "participants": one.participants,
        "rang": [],
        "consulted": [],
        "transfers": [],
        "open": ["rang", "transfers", *(["answered", "participants", "cards"] if one.either else [])],
        "heard": {who: round(seconds(one.talk[who]), 2) for who in one.participants},
    }
    call |= {"unsure": unsure} if any(unsure.values()) else {}
    return call | ({"either": sorted(one.either)} if one.either else {}) | ({"optional": True} if optional else {})


def on_hold(news: Sequence[News]) -> Spans:
    """When a phone had all its calls on hold by itself: then nobody heard it, and it heard nobody."""
    state: dict[int, str] = {}
    spans: list[tuple[float, float]] = []
    since = 0.0
    for one in news:
        call = one.get("call", -1)
        if one.get("state") == "DISCONNECTED":
            state.pop(call, None)
        elif one.get("state") in ("ASKED", "DIALLING") or one.get("media") in ("held here", "active"):
            state[call] = one.get("media", "none")
        holds = bool(state) and all(media == "held here" for media in state.values())
        if holds and not since:
            since = one["at"]
        elif since and not holds:
            spans.append((since, one["at"]))
            since = 0.0
    return spans


def _mixing(events: Iterable[Event]) -> Spans:
    """When a bridge of two became one of three: nobody hears anybody until its sound is mixed."""
    thirds = [one for one in events if one.name == "BridgeEnter" and one.get("BridgeNumChannels") == "3"]
    begun = [float(one.get("Timestamp")) for one in thirds if one.get("BridgeTechnology") != "softmix"]
    return together((at - EARLIER, at + MIXING) for at in begun)


def truth(
    story: Story,
    lab: Lab,
    performance: Performance,
    found: Sequence[Met],
    holds: Mapping[str, Spans],
    events: Sequence[Event],
) -> dict[str, Any]:
    """To be kept beside a capture. holds: when whose phone was on hold. events: of the manager."""
    return {
        "scenario": story.name,
        "asterisk": lab.version,
        "what": "Composed by chance; the truth is what the phones heard.",
        "calls": calls(lab, performance, found, events),
        "any_order": True,
        "mixing": _rounded(_mixing(events)),
        "on_hold": {who: _rounded(spans) for who, spans in holds.items()},
        "ears": [_ears(one) for one in found],
    }


def _ears(one: Met) -> Mapping[str, object]:
    spans = {who: _rounded(spans) for who, spans in one.talk.items()}
    return {"client": f"+{one.outside.number}", "did": one.outside.did, "spans": spans, "one_way": one.one_way}


def _rounded(spans: Spans) -> list[list[float]]:
    return [[round(begin, 2), round(end, 2)] for begin, end in spans]
