"""The output contract: a call as the object that `replay --json`, the journal and `call.finished` carry."""

from datetime import UTC, datetime
from functools import lru_cache
from math import isnan
from typing import Any

from amibridge.calls.call import Call, Part
from amibridge.calls.outputs import Finding, Outcome

FIRST, LAST = -62_135_596_800.0, 253_402_300_799.0
"""The first and the last second of the calendar, since the epoch."""


@lru_cache(1024)
def iso(wall: float | None) -> str | None:
    """Seconds since the epoch as `2026-11-21T19:56:11.120Z`; None for a time that is not known, and the calendar's end
    for one outside of it."""
    if wall is None or isnan(wall):
        return None
    seconds, milliseconds = _split(wall)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def clock(wall: float) -> str:
    """Seconds since the epoch as the time of day that evidence is told with: `19:56:11.120`."""
    if isnan(wall):
        return "an unknown time"
    seconds, milliseconds = _split(wall)
    return f"{_second(seconds)[11:]}.{milliseconds:03d}"


def _split(wall: float) -> tuple[int, int]:
    return divmod(int(min(max(wall, FIRST), LAST) * 1000), 1000)


@lru_cache(1024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def direction(call: Call) -> str:
    if not call.client:
        return "internal"
    return "outbound" if call.outbound else "inbound"


def talkers(call: Call) -> list[Part]:
    """The participants' parts in the order of first talk."""
    parts = [part for part in call.parts.values() if part.participant]
    return sorted(parts, key=lambda part: part.talk_order or 0)


def consulted(call: Call) -> list[str]:
    return sorted(part.extension for part in call.parts.values() if part.finding is Finding.CONSULTED)


def missed_candidates(call: Call) -> list[str]:
    """Whose a missed call may be, by who rang first; the CRM's adapter chooses."""
    rang = [part for part in call.parts.values() if part.rang_at is not None]
    return [part.extension for part in sorted(rang, key=lambda part: (part.rang_at or 0.0, part.extension))]


def summary(call: Call) -> dict[str, Any]:
    """The call as every command carries it."""
    return {
        "id": call.id,
        "direction": direction(call),
        "client": call.client_number,
        "client_raw": call.client_raw,
        "client_name": call.client_name,
        "did": call.did,
        "line": call.line,
        "queue": call.queue,
        "route": list(call.route),
        "initiator": call.initiator,
        "language": call.directory.language(call.did),
        "started_at": iso(call.began_wall),
    }


def card(call: Call, part: Part) -> dict[str, Any]:
    """What `card.open` and `card.close` say beside the key."""
    person = call.directory.person(part.extension)
    said: dict[str, Any] = {
        "again": part.card.openings > 1,
        "extension": part.extension,
        "name": person.name,
        "crm_user": person.crm_user,
        "call": summary(call),
    }
    if call.outbound and not call.proves_answer:
        said["unproven"] = True
    return said


def finished(call: Call, outcome: Outcome, verdicts: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The record of a call that is over, or as far as it is known at the end of a capture."""
    people = talkers(call)
    answered: bool | None = bool(people)
    if people and call.outbound and not call.proves_answer:
        answered = None
    return {
        "call_id": call.id,
        "direction": direction(call),
        "client": call.client_number,
        "client_raw": call.client_raw,
        "did": call.did,
        "line": call.line,
        "queue": call.queue,
        "initiator": call.initiator,
        "started_at": iso(call.began_wall),
        "answered_at": iso(people[0].first_wall) if people else None,
        "ended_at": None if call.ended_at is None else iso(call.ended_wall),
        "answered": answered,
        "outcome": outcome.value,
        "participants": [
            {
                "extension": part.extension,
                "from": iso(part.first_wall),
                "to": iso(part.last_wall),
                "talk_seconds": None if isnan(part.first_wall) else round(part.talked, 3),
                "device": part.device,
                "via_mobile": part.mobile_only,
                "unconfirmed": part.unconfirmed,
                "unverified": part.unverified,
            }
            for part in people
        ],
        "rang": sorted(part.extension for part in call.parts.values() if part.rang_at is not None),
        "consulted": consulted(call),
        "transfers": [{"from": by, "to": to, "kind": kind} for by, to, kind in call.transfers],
        "cards": [
            {
                "extension": part.extension,
                "opened_at": iso(part.card.first_opened),
                "closed_at": None if part.card.is_open else iso(part.card.last_closed),
            }
            for part in sorted(call.parts.values(), key=lambda part: part.card.order)
            if part.card.openings
        ],
        "verdicts": verdicts,
        "third_parties": list(call.third_parties),
        "linked_calls": sorted(call.linked),
        "recordings": list(call.recordings),
        "partial": call.partial,
        **({} if call.fault is None else {"fault": call.fault}),
    }
