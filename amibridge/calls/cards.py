"""Cards: when the window for one extension in one call opens and closes.

At most one card for a pair of call and extension, ever: a second opening shows the same card again.
"""

from collections.abc import Callable

from amibridge.calls.call import Call, Part
from amibridge.calls.faults import contained
from amibridge.calls.outputs import CommandType
from amibridge.calls.record import card
from amibridge.calls.state import State
from amibridge.calls.who import CardRule, MobileCard, OpenOn


def on_talk(state: State, call: Call, part: Part) -> None:
    """The extension is in conversation with the client."""
    rule = _rule(call, part)
    if not call.client:
        return
    if rule.open_on is OpenOn.NEVER or not _mobile_counts(call, part):
        stop_ringing(state, call, part, "the call was taken, and that opens no card")
        return
    part.card.for_ringing = False
    if part.card.is_open:
        return
    missing = rule.min_talk_seconds - part.seconds(state.at)
    if part.card.openings or missing <= 0:
        _open(state, call, part, "talks to the client")
    elif state.timeless:
        _open(state, call, part, "talks to the client, and nothing tells how long")
    else:
        part.card.due_at = due = state.at + missing
        state.at_deadline(due, _when_due(state, call, part, due, lambda: bool(part.talks), "has talked long enough"))


def on_ring(state: State, call: Call, part: Part) -> None:
    """A phone of the extension rings for this call."""
    rule = _rule(call, part)
    if not call.client or part.participant or part.card.is_open:
        return
    if rule.open_on is OpenOn.RING:
        part.card.for_ringing = True
        call.aside[part.extension] = part
        _open(state, call, part, "rings")
    elif rule.open_on is OpenOn.RING_SOLE and part.card.due_at is None:
        part.card.due_at = due = state.at + state.patience.ring_settles
        part.card.for_ringing = True
        call.aside[part.extension] = part

        def rings_alone() -> bool:
            return part.card.for_ringing and _alone(call, part)

        state.at_deadline(due, _when_due(state, call, part, due, rings_alone, "rings, and nobody else is dialled"))


def on_dialled(state: State, call: Call, part: Part) -> None:
    """Another phone is dialled for this call: a card that was open for the only one ringing closes."""
    for other in list(call.aside.values()):
        if other is not part and other.card.for_ringing and _rule(call, other).open_on is OpenOn.RING_SOLE:
            stop_ringing(state, call, other, f"{part.extension} is dialled too")


def on_given_up(state: State, call: Call) -> None:
    """A phone is dialled no more: another one may ring alone now."""
    for part in list(call.ringing.values()):
        if not call.talking and _rule(call, part).open_on is OpenOn.RING_SOLE:
            on_ring(state, call, part)


def stop_ringing(state: State, call: Call, part: Part, why: str) -> None:
    """The phones of this extension ring no more, or somebody else took the call: a card for ringing closes."""
    if part.card.for_ringing:
        part.card.for_ringing = False
        part.card.due_at = None
        close(state, call, part, why)


def open_for_supervisor(state: State, call: Call, part: Part) -> None:
    """Supervisors get a card only where the map says so."""
    if call.client and not part.card.is_open and _rule(call, part).supervisor:
        _open(state, call, part, "listens in")


def close(state: State, call: Call, part: Part, why: str) -> None:
    """Closes the card if it is open."""
    part.card.due_at = None
    if not part.card.is_open:
        return
    part.card.is_open = False
    part.card.closings += 1
    part.card.last_closed = state.wall
    call.note(state.wall, part.extension, f"the card closes: {why}")
    key = f"{call.id}/{part.extension}/card.close{_again(part.card.closings)}"
    state.command(call, CommandType.CARD_CLOSE, key, part.extension, card(call, part))


def _open(state: State, call: Call, part: Part, why: str) -> None:
    excluded = call.excluded or call.directory.excluded_extension(part.extension)
    if excluded is not None:
        if not part.refusal_told:
            part.refusal_told = True
            call.note(state.wall, part.extension, f"{why}, but no card: {excluded}")
        return
    part.card.due_at = None
    part.card.is_open = True
    part.card.openings += 1
    if part.card.first_opened is None:
        part.card.order, part.card.first_opened = state.number(), state.wall
    again = " again" if part.card.openings > 1 else ""
    call.note(state.wall, part.extension, f"the card opens{again}: {why}")
    key = f"{call.id}/{part.extension}/card.open{_again(part.card.openings)}"
    said = {**card(call, part), "reason": _reason(part)}
    state.command(call, CommandType.CARD_OPEN, key, part.extension, said)


def _reason(part: Part) -> str:
    """What a card opens for, as CRMs are told: those that count who talked must not count who only rings."""
    if part.card.for_ringing:
        return "rings"
    return "talks" if part.participant else "listens"


def _when_due(
    state: State, call: Call, part: Part, due: float, holds: Callable[[], bool], why: str
) -> Callable[[], None]:
    """Opens the card at `due`, unless something has changed by then."""

    def then() -> None:
        if call.live and part.card.due_at == due:
            part.card.due_at = None
            with contained(state, "a card's deadline", call):
                if holds() and not part.card.is_open:
                    _open(state, call, part, why)

    return then


def _rule(call: Call, part: Part) -> CardRule:
    return call.directory.rule(part.extension, call.did, call.queue, call.queue_number)


def _mobile_counts(call: Call, part: Part) -> bool:
    """Whether talk through this extension's mobile opens a card."""
    if not part.mobile_only:
        return True
    wanted = call.directory.mobile_card
    return wanted is MobileCard.ANSWER or (wanted is MobileCard.CONFIRMED and part.key_pressed)


def _alone(call: Call, part: Part) -> bool:
    """Whether nobody else is being dialled for this call."""
    return not any(
        leg.called and leg.ended_at is None and leg.extension != part.extension and leg.channel is not call.anchor
        for leg in call.people()
    )


def _again(count: int) -> str:
    return f"/{count}" if count > 1 else ""
