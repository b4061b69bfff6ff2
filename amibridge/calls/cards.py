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
    if not call.client:
        return
    rule = _rule(call, part)
    unwanted = _unwanted(call, part, rule)
    if unwanted is not None:
        stop_ringing(state, call, part, "the call was taken, and that opens no card")
        _withhold(state, call, part, "talks to the client", unwanted)
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
        _withhold(state, call, part, "talks to the client", _excluded(call, part) or _too_short(rule))
        part.card.due_at = due = state.at + missing
        state.at_deadline(due, _when_due(state, call, part, due, lambda: bool(part.talks), "has talked long enough"))


def withheld(state: State, call: Call, part: Part) -> str | None:
    """Why an extension that begins to talk to the client gets no card for that, or none yet."""
    if part.card.openings:
        return None
    rule = _rule(call, part)
    waits = rule.min_talk_seconds > part.seconds(state.at) and not state.timeless
    return _unwanted(call, part, rule) or _excluded(call, part) or (_too_short(rule) if waits else None)


def no_card(call: Call, part: Part) -> str | None:
    """Why the extension has had no card in this call; None where it had one, or did nothing that cards open for."""
    if part.card.openings or not (part.participant or part.card.withheld):
        return None
    if part.card.withheld is not None:
        return part.card.withheld
    if not call.client:
        return "a call between colleagues has no client"
    if call.fault is not None:
        return f"amibridge failed at {call.fault}"
    return "none had opened before the daemon was started again"


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
    if not call.client or part.card.is_open:
        return
    if _rule(call, part).supervisor:
        _open(state, call, part, "listens in")
    elif not part.participant:
        _withhold(state, call, part, "listens in", f"supervisor_card is not set for {part.extension}")


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
    excluded = _excluded(call, part)
    if excluded is not None:
        _withhold(state, call, part, why, excluded)
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


def _withhold(state: State, call: Call, part: Part, why: str, reason: str) -> None:
    """No card, for now or for good; the same reason stands in the evidence once."""
    if part.card.withheld != reason:
        part.card.withheld = reason
        call.note(state.wall, part.extension, f"{why}, but no card: {reason}")


def _excluded(call: Call, part: Part) -> str | None:
    return call.excluded or call.directory.excluded_extension(part.extension)


def _unwanted(call: Call, part: Part, rule: CardRule) -> str | None:
    """Why talk opens no card for this extension, however long it is."""
    if rule.open_on is OpenOn.NEVER:
        return "open_on is never"
    wanted = call.directory.mobile_card
    if not part.mobile_only or wanted is MobileCard.ANSWER or (wanted is MobileCard.CONFIRMED and part.key_pressed):
        return None
    unpressed = ", and no key was pressed" if wanted is MobileCard.CONFIRMED else ""
    return f"mobiles.card is {wanted.value}{unpressed}"


def _too_short(rule: CardRule) -> str:
    return f"min_talk_seconds asks for {rule.min_talk_seconds:g} s of talk"


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


def _alone(call: Call, part: Part) -> bool:
    """Whether nobody else is being dialled for this call."""
    return not any(
        leg.called and leg.ended_at is None and leg.extension != part.extension and leg.channel is not call.anchor
        for leg in call.people()
    )


def _again(count: int) -> str:
    return f"/{count}" if count > 1 else ""
