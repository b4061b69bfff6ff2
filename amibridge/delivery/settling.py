"""What becomes of an errand: from what is known of it, and from the CRM's answer, to what the outbox records."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from amibridge.calls import CommandType
from amibridge.crm.interface import Answer, Capabilities, Done, Gone, Lost, Refused, Repeat, Retry
from amibridge.delivery.backoff import FIRST, granted, pause
from amibridge.store import Errand, Result, State

HOLDS_UP: Mapping[CommandType, float] = {CommandType.CARD_CLOSE: 30.0, CommandType.CALL_STARTED: 600.0}
"""Seconds from its commit that what is no record may hold up the record of its call, while the CRM takes other things:
as long as a card may take to open, and as long as a right that is missing may take to be given."""
TRIES = 3
"""Times at least that it is tried before it is given up."""


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


def bounded(errand: Errand, answer: Answer | Poisoned, result: Result, now: float, *, up: bool) -> Result:
    """The result, or the end of what would hold up its call's record for too long. now: the host's clock.

    A card that cannot be closed is one: without the right to close cards every record would wait for ever. So is a
    `call.started` that alone is not allowed. up: whether the CRM takes other things; while it takes none, all wait.
    """
    longest = HOLDS_UP.get(errand.command.type)
    if longest is None or result.state is not State.PENDING or result.not_before == 0.0:
        return result
    if errand.command.type is CommandType.CALL_STARTED and not (isinstance(answer, Retry) and answer.alone):
        return result
    # What is younger than nothing was committed before the clock was set back: it has waited long enough.
    waited = now - errand.created_at if errand.created_at <= now else longest
    if up and waited >= longest and errand.attempts + 1 >= TRIES:
        return replace(result, state=State.REFUSED, why=f"{result.why}; given up, so that the call's record can go")
    return replace(result, not_before=min(result.not_before, now + max(FIRST, longest - waited)))
