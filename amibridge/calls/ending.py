"""Ending: when a call is over, and what is said of it then."""

from amibridge.calls import cards, lacking, parts, verdicts
from amibridge.calls.call import Call, is_line
from amibridge.calls.outputs import CommandType, End, Ended, Finding, Verdict
from amibridge.calls.record import finished, missed_candidates, summary
from amibridge.calls.state import State


def end_if_over(state: State, call: Call) -> None:
    """Ends the call when its client is gone, or between colleagues when everybody is.

    Whoever calls a client and has not reached them may try another number: such a call lasts as long as the caller.
    """
    if not call.live:
        return
    if call.client and call.anchor is not None:
        if call.anchor.gone and (not call.outbound or call.reached or not _still_dialling(call)):
            end(state, call)
    elif not call.here:
        end(state, call)


def end(state: State, call: Call, how: End = End.SEEN) -> None:
    """The call is over: talk ends, cards close, verdicts fall, and the record goes out."""
    parts.everybody_parts(state, call)
    call.ended_at = state.at
    call.ended_wall = state.wall
    state.live.pop(call, None)
    if call.anchor is not None:
        call.anchor.anchors = None
    for leg in call.legs.values():
        call.lets_go(leg.channel)
        if leg.channel.call is call:
            leg.channel.call = None
            leg.channel.call_over = True
    if not call.client and not _worth_recording(call):
        return
    parts.release_all(state, call, "the call is over")
    record = judged(state, call)
    if call.client:
        key = f"{call.id}/call.finished"
        data = {"call": summary(call), "record": record, "missed_candidates": missed_candidates(call)}
        state.command(call, CommandType.CALL_FINISHED, key, None, data)
    state.out.append(Ended(call.id, how, state.at, state.wall, record, tuple(call.trail), call.order))
    state.is_over(call, forgotten=how is End.FORGOTTEN)
    call.legs.clear()
    call.parts.clear()


def vanish(state: State, call: Call) -> None:
    """The call was gone when the link to the PBX came back: it ends with the last that was seen of it."""
    call.note(state.wall, None, "its end was not seen: it vanished while the link to the PBX was down")
    end(state, call, End.VANISHED)


def forget(state: State, call: Call) -> None:
    """Nothing was heard of the call for so long that its end must have been missed."""
    hours = state.patience.forget_after / 3600
    call.note(state.wall, None, f"its end was never seen: closed after {hours:g} h in which nothing was heard of it")
    end(state, call, End.FORGOTTEN)


def so_far(state: State, call: Call) -> Ended | None:
    """The record of a call that a capture ends in the middle of."""
    for part in call.parts.values():
        if part.talks:
            part.talked += max(0.0, state.at - part.talk_from)
            part.last_wall = max(state.wall, part.first_wall)
            part.talks.clear()
    if not call.client and not _worth_recording(call):
        return None
    record = judged(state, call)
    return Ended(call.id, End.CUT, state.at, state.wall, record, tuple(call.trail), call.order)


def judged(state: State, call: Call) -> dict[str, object]:
    """Pronounces the verdicts and writes the record."""
    call.id_or(state.ids.give)
    if not call.client:
        call.initiator = call.who_began()
    if lacking.lacks_events(state, call):
        call.lacks_events = True
        call.note(state.wall, None, lacking.LACKS)
    said: dict[str, dict[str, str]] = {}
    legs = call.legs_by_extension()
    for extension in sorted(call.parts):
        part = call.parts[extension]
        before = part.finding
        part.finding, because = verdicts.judge(call, part, legs.get(extension, ()))
        unseen = call.lacks_events and any(leg.unseen for leg in legs.get(extension, ()))
        no_card = lacking.LACKS if unseen else cards.no_card(call, part)
        said[extension] = {"verdict": part.finding.value, "because": because}
        if no_card is not None:
            said[extension]["no_card"] = no_card
        # Of somebody who talks it was said at once, with what withholds the card.
        news = before is not Finding.PARTICIPANT or (no_card is not None and part.card.withheld is None)
        if news and (call.client or call.client_raw is not None):
            state.out.append(Verdict(call.id, extension, part.finding, because, state.at, state.wall, no_card))
    return finished(call, verdicts.outcome(call), said)


def _still_dialling(call: Call) -> bool:
    """Whether somebody on the caller's side of an outbound call is still there to try another number."""
    return any(not leg.channel.gone and not leg.by_client and not is_line(leg.channel) for leg in call.legs.values())


def _worth_recording(call: Call) -> bool:
    """Between colleagues: whether there was anybody to talk to. A mobile that calls in leaves a record always."""
    called_in = any(leg.channel.who.unverified for leg in call.people())
    return called_in or len({leg.extension for leg in call.people()}) > 1
