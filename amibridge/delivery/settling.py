"""What becomes of an errand: from what is known of it, and from the CRM's answer, to what the outbox records."""

from dataclasses import dataclass
from random import Random

from amibridge.calls import CommandType
from amibridge.crm.interface import Answer, Capabilities, Done, Gone, Lost, Refused, Repeat, Retry
from amibridge.delivery.backoff import granted, pause
from amibridge.store import Errand, Result, State


@dataclass(frozen=True, slots=True)
class Poisoned:
    """The adapter raised over this command, and would again: a dead letter. Whether the CRM is there is not known by
    it."""

    why: str


def needless(errand: Errand, capabilities: Capabilities) -> Result | None:
    """The result of an errand that need not set out at all; None for one that has to."""
    if errand.command.type is CommandType.CARD_CLOSE:
        if not capabilities.can_close:
            return Result(State.SUPERSEDED, "this CRM cannot close a card", sent=False)
        if errand.nothing_to_close:
            return Result(State.SUPERSEDED, "its card was never sent", sent=False)
    return None


def settled(errand: Errand, answer: Answer | Poisoned, repeat: Repeat, now: float, random: Random) -> Result:
    """The result of an errand after the CRM's answer. now: the host's clock."""
    match answer:
        case Done(memory):
            return Result(State.DONE, memory=memory)
        case Poisoned(why) if repeat is Repeat.UNSAFE:
            return Result(State.UNCLEAR, why)
        case Refused(why) | Poisoned(why):
            return Result(State.REFUSED, why)
        case Lost(why, memory) if repeat is Repeat.UNSAFE:
            return Result(State.UNCLEAR, why, memory=memory)
        case Retry(why, after, _, memory) if after is not None:
            return Result(State.PENDING, why, now + granted(after), memory)
        case Gone(why):
            return Result(State.PENDING, why)
        case Retry(why, _, _, memory) | Lost(why, memory):
            return Result(State.PENDING, why, now + pause(errand.attempts + 1, random), memory)
