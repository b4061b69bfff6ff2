"""The forms of a portal: what its methods want to know, made of what the core says. Pure.

The parameters are those of the vendor's public documentation of `telephony.externalCall.*`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OUTBOUND, INBOUND, HANDED_OVER = 1, 2, 3
"""TYPE: a call to the client, one from the client, and such a one that was handed on to somebody else."""
WITHHELD = "000"
"""PHONE_NUMBER may not be without digits."""
TALKED = "200"
STATUS = {
    "answered": TALKED,
    "machine": "304",
    "missed": "304",
    "declined": "603",
    "busy": "486",
    "unreachable": "480",
    "cancelled": "603-S",
}
"""STATUS_CODE by the outcome of a call."""
GAVE_UP = "304"
"""A client who hangs up before anybody's phone rings has been missed; who calls one and hangs up has cancelled."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is done with a client whom the portal does not know. source: of the lead, by its id in the portal."""

    create: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the configuration says about the forms. lines: by DID, where it is not as everywhere.

    is_own: whether a number is one of the company's own: whoever calls and shows it is somebody else.
    """

    newcomer: Newcomer = field(default_factory=Newcomer)
    lines: Mapping[str, Newcomer] = field(default_factory=dict)
    add_to_chat: bool = True
    is_own: Callable[[str], bool] = lambda number: False

    def newcomer_on(self, did: str | None) -> Newcomer:
        return self.lines.get(did or "", self.newcomer)


def register(
    call: Mapping[str, Any],
    user: str,
    wishes: Wishes,
    entity: list[str] | None,
    *,
    extension: str | None = None,
    since: str | None = None,
) -> dict[str, Any]:
    """To register a call.

    call: its summary or record. user: in whose name. entity: who the client is in the CRM, if known.
    extension: the one to whom it was handed over, and since when; None: for the call as a whole.
    """
    call_id = call.get("id") or call["call_id"]
    outbound = call["direction"] == "outbound"
    newcomer, client = wishes.newcomer_on(call["did"]), number(call, wishes)
    form: dict[str, Any] = {
        "USER_ID": user,
        "PHONE_NUMBER": client or WITHHELD,
        "TYPE": OUTBOUND if outbound else INBOUND if extension is None else HANDED_OVER,
        "CALL_START_DATE": date(since or call["started_at"]),
        "CRM_CREATE": int(newcomer.create and client is not None and entity is None),
        "SHOW": 0,
        "ADD_TO_CHAT": int(wishes.add_to_chat),
        # The same for every attempt: by it the portal knows the call again.
        "EXTERNAL_CALL_ID": call_id if extension is None else f"{call_id}/{extension}",
    }
    if newcomer.source is not None:
        form["CRM_SOURCE"] = newcomer.source
    if call["did"] is not None:
        form["LINE_NUMBER"] = call["did"]
    if entity is not None:
        form["CRM_ENTITY_TYPE"], form["CRM_ENTITY_ID"] = entity
    return form


def talked(user: str, seconds: float, wishes: Wishes, call_id: str) -> dict[str, Any]:
    """To finish what was registered for somebody who talked for so many seconds."""
    return _finish(user, max(1, round(seconds)), TALKED, wishes, call_id)


def not_talked(user: str, record: Mapping[str, Any], wishes: Wishes, call_id: str) -> dict[str, Any]:
    """To finish a call in which nobody talked to the client; it is the `user`'s."""
    return {**_finish(user, 0, status(record), wishes, call_id), "FAILED_REASON": record["outcome"]}


def _finish(user: str, seconds: int, status: str, wishes: Wishes, call_id: str) -> dict[str, Any]:
    return {
        "CALL_ID": call_id,
        "USER_ID": user,
        "DURATION": seconds,
        "STATUS_CODE": status,
        "ADD_TO_CHAT": int(wishes.add_to_chat),
    }


def status(record: Mapping[str, Any]) -> str:
    """The STATUS_CODE of a call in which nobody talked to the client."""
    outcome = record["outcome"]
    if outcome == "cancelled" and record["direction"] == "inbound":
        return GAVE_UP
    return STATUS[outcome]


def number(call: Mapping[str, Any], wishes: Wishes) -> str | None:
    """The client's number as well as it is known; None for what is none, as `anonymous`, and for one that is not
    believed: no card of the company itself opens, and no lead is made of it."""
    if call["client"]:
        return str(call["client"])
    raw: str = call["client_raw"] or ""
    if call["direction"] == "inbound" and wishes.is_own(raw):
        return None
    return raw if any(sign.isdecimal() for sign in raw) else None


def date(iso: str) -> str:
    """ISO 8601 with a zone, without the parts of a second."""
    return datetime.fromisoformat(iso).isoformat(timespec="seconds")
