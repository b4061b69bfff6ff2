"""What the core hands out: commands for CRMs, verdicts for the journal, and the record of every call that ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Finding(StrEnum):
    """The closed list of verdicts on an extension's part in a call."""

    PARTICIPANT = "participant"
    ANSWERED_ELSEWHERE = "answered elsewhere"
    MISSED = "missed"
    DECLINED = "declined"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    CONSULTED = "consulted"
    SUPERVISOR = "supervisor"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What became of the whole call."""

    ANSWERED = "answered"
    """A person talked to the client."""
    MACHINE = "machine"
    """Only a machine answered: an IVR, voicemail, a bot."""
    MISSED = "missed"
    DECLINED = "declined"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"


class CommandType(StrEnum):
    """What a CRM can be told."""

    CALL_STARTED = "call.started"
    CARD_OPEN = "card.open"
    CARD_CLOSE = "card.close"
    CALL_FINISHED = "call.finished"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to tell the CRMs. `key` is the same for ever, whoever repeats it."""

    type: CommandType
    key: str
    call_id: str
    extension: str | None
    at: float
    wall: float
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Anchored:
    """A channel of the PBX stands for the client of a call from now on: by it a restarted daemon finds the call."""

    call_id: str
    channel: str
    """Its Uniqueid."""
    client_raw: str | None
    did: str | None
    outbound: bool
    at: float
    began_wall: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an extension did in a call, and the evidence. A later one for the same pair replaces it."""

    call_id: str
    extension: str
    finding: Finding
    because: str
    at: float
    wall: float
    no_card: str | None = None
    """Why this gives no card, or none yet; None where there is one, or nothing that cards open for."""


class End(StrEnum):
    """How the end of a call came to be known."""

    SEEN = "seen"
    VANISHED = "vanished"
    """It ended while the link to the PBX was down; its times are those of the last event before that."""
    FORGOTTEN = "forgotten"
    """Nothing was heard of it for so long that its end must have been missed."""
    CUT = "cut"
    """It has not ended: the capture has."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A call is over. `record` is the object of the output contract, `trail` the evidence in order of time."""

    call_id: str
    end: End
    at: float
    wall: float
    record: Mapping[str, Any]
    trail: tuple["Fact", ...]
    order: int = field(default=0, compare=False)
    """What began first has the smaller one, whatever the wall clock said."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of evidence: when, about whom (None: the whole call), and what was seen."""

    wall: float
    extension: str | None
    text: str


Output = Anchored | Command | Verdict | Ended
