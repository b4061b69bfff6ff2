"""Verdicts: from what was seen of an extension's legs to one word of the closed list, with the evidence.

Causes are Q.850 as Asterisk's Hangup gives them; dial statuses those of DialEnd.
"""

from collections.abc import Sequence
from math import isnan

from amibridge.calls.call import Call, Leg, Part
from amibridge.calls.lacking import LACKS
from amibridge.calls.outputs import Finding, Outcome
from amibridge.calls.record import clock, talkers

REJECTED = 21
BUSY = 17
ELSEWHERE = 26
UNREACHABLE_CAUSES = frozenset({1, 2, 3, 18, 20, 22, 25, 27, 34, 38, 41, 42, 58, 127})
UNREACHABLE_STATUSES = frozenset({"CHANUNAVAIL", "CONGESTION"})


def judge(call: Call, part: Part, legs: Sequence[Leg]) -> tuple[Finding, str]:
    """The verdict on one extension's part in the call, and why. legs: that extension's."""
    if part.participant:
        return Finding.PARTICIPANT, _talked(call, part)
    if part.supervised:
        return Finding.SUPERVISOR, "listened in with ChanSpy, which is no conversation with the client"
    called = [leg for leg in legs if leg.called]
    if part.consulted is not None and not any(leg.by_client for leg in called):
        return Finding.CONSULTED, part.consulted
    if call.outbound and part.extension == call.initiator:
        return _unreached(call)
    if not called and not call.client:
        return Finding.CANCELLED, "called in from a mobile (unverified) and talked to nobody"
    if not called:
        return Finding.CANCELLED, "was on the call's side but never in a bridge with the client"
    unseen = next((leg for leg in called if leg.unseen), None)
    if unseen is not None:
        return Finding.CANCELLED, f"{unseen.channel.name} answered, and no BridgeEnter of it ever came: {LACKS}"
    found = [_leg(call, leg) for leg in called]
    finding, because = min(found, key=lambda pair: _STRENGTH.index(pair[0]))
    if part.consulted is not None:
        because += f"; {part.consulted}"
    return finding, because


_STRENGTH = (
    Finding.ANSWERED_ELSEWHERE,
    Finding.DECLINED,
    Finding.BUSY,
    Finding.MISSED,
    Finding.CANCELLED,
    Finding.UNREACHABLE,
)
"""Of two devices of one person the stronger verdict stands: whoever declined on one phone did decline."""


def _talked(call: Call, part: Part) -> str:
    how = "in conversation with the client" if call.client else "in conversation"
    via = " through a mobile" if part.mobile_only else ""
    doubt = ", where no key was pressed: perhaps voicemail" if part.unconfirmed else ""
    if part.unverified:
        doubt = ", unverified: only the number that it showed says so"
    said = f"{how} on {part.device}{via}{doubt}"
    if isnan(part.first_wall):
        return f"{said}; nothing tells when and how long"
    return f"{said} from {clock(part.first_wall)} to {clock(part.last_wall)}, {part.talked:.1f} s of talk"


def _leg(call: Call, leg: Leg) -> tuple[Finding, str]:
    """The verdict on one called leg that never heard the client."""
    where = leg.channel.name
    rang = f"{where} rang" if leg.rang else f"{where} was dialled and did not ring"
    if leg.taken_by is not None:
        if leg.taken_by in call.parts and call.parts[leg.taken_by].participant:
            return Finding.ANSWERED_ELSEWHERE, f"{rang}; {leg.taken_by} picked the call up"
        return Finding.MISSED, f"{rang}; {leg.taken_by} picked the call up, but the client was gone"
    if leg.cause == REJECTED:
        return Finding.DECLINED, f"{rang} and refused the call (cause 21)"
    if leg.dial_status == "BUSY" or (leg.cause == BUSY and leg.dial_status != "CANCEL"):
        if leg.rang:
            return Finding.DECLINED, f"{rang} and then answered busy: refused by hand"
        return Finding.BUSY, f"{rang}: busy or do-not-disturb"
    if leg.dial_status in UNREACHABLE_STATUSES or (
        not leg.rang and leg.cause in UNREACHABLE_CAUSES and leg.dial_status != "CANCEL"
    ):
        return Finding.UNREACHABLE, f"{where} could not be reached (cause {leg.cause}, {leg.dial_status})"
    taker = _taker(call, leg)
    if leg.channel.up or leg.dial_status == "ANSWER":
        heard = f"{where} answered, but was never in a bridge with the client"
        if taker is not None:
            return Finding.ANSWERED_ELSEWHERE, f"{heard}; {taker} talked to the client"
        return Finding.MISSED, heard
    if taker is not None and (leg.dial_status == "CANCEL" or leg.cause == ELSEWHERE or leg.dial_status is None):
        return Finding.ANSWERED_ELSEWHERE, f"{rang}; {taker} took the call"
    if leg.rang:
        ended = "until its time was up" if leg.dial_status == "NOANSWER" else "until the caller gave up"
        return Finding.MISSED, f"{rang} {ended}"
    return Finding.CANCELLED, f"{rang}: the dialling was given up before"


def _taker(call: Call, leg: Leg) -> str | None:
    """Who began to talk to the client after this leg was dialled."""
    for part in talkers(call):
        if part.first_from is not None and part.first_from >= leg.at and part.extension != leg.extension:
            when = "" if isnan(part.first_wall) else f" at {clock(part.first_wall)}"
            return f"{part.extension} on {part.device}{when}"
    for other in call.people():
        if other.unseen and other.extension != leg.extension:
            return f"{other.extension} on {other.channel.device}"
    return None


def _unreached(call: Call) -> tuple[Finding, str]:
    """The verdict on the person who called a client and did not get to talk."""
    leg = call.legs.get(call.anchor.uid) if call.anchor is not None else None
    number = call.client_raw or "the client"
    if leg is not None and leg.unseen:
        return Finding.CANCELLED, f"called {number}, who answered, and no BridgeEnter of it ever came: {LACKS}"
    if leg is None:
        return Finding.CANCELLED, f"called {number}"
    if leg.dial_status == "BUSY" or leg.cause in (BUSY, REJECTED):
        return Finding.BUSY, f"called {number}, who was busy"
    if leg.dial_status in UNREACHABLE_STATUSES:
        return Finding.UNREACHABLE, f"called {number}, who could not be reached ({leg.dial_status}, cause {leg.cause})"
    if leg.dial_status == "NOANSWER":
        return Finding.MISSED, f"called {number}, who did not answer"
    if leg.channel.up:
        return Finding.CANCELLED, f"called {number}; the line was up, but they were never in a bridge together"
    return Finding.CANCELLED, f"called {number} and gave up before an answer"


def outcome(call: Call) -> Outcome:
    """What became of the whole call."""
    if call.participants:
        return Outcome.ANSWERED
    if call.lacks_events:
        return Outcome.CANCELLED
    if call.machine is not None:
        return Outcome.MACHINE
    findings = {part.finding for part in call.parts.values() if part.extension != call.initiator}
    if call.outbound and call.client and not (call.reached and findings):
        finding, _ = _unreached(call)
        return Outcome.MACHINE if call.reached and finding is Finding.CANCELLED else Outcome(finding.value)
    for finding in (Finding.MISSED, Finding.DECLINED, Finding.BUSY, Finding.CANCELLED, Finding.UNREACHABLE):
        if finding in findings:
            return Outcome(finding.value)
    return Outcome.MACHINE if call.reached or _called_in_and_heard(call) else Outcome.MISSED


def _called_in_and_heard(call: Call) -> bool:
    """Whether something answered a colleague's mobile that called in, which was no person."""
    return not call.client and call.anchor is not None and call.anchor.who.unverified and call.anchor.up
