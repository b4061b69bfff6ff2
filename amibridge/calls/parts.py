"""What an extension does in a call, as it happens: rings, talks, stops talking, leaves."""

from amibridge.calls import cards
from amibridge.calls.call import Call, Leg, Part
from amibridge.calls.channel import Channel
from amibridge.calls.outputs import Finding, Verdict
from amibridge.calls.record import clock
from amibridge.calls.state import State


def rings(state: State, call: Call, leg: Leg) -> None:
    """The leg's device reached Ringing for this call."""
    if leg.rang or leg.extension is None:
        return
    leg.rang = True
    part = call.part(leg.extension)
    if part.rang_at is None:
        part.rang_at = leg.channel.rang_at
        call.note(leg.channel.rang_wall, part.extension, f"{leg.channel.name} rings")
    if leg.ended_at is None:
        part.ringing[leg] = None
        call.ringing[part.extension] = part
        cards.on_ring(state, call, part)


def stops_ringing(state: State, call: Call, leg: Leg, why: str) -> None:
    """One device of the extension is dialled no more; the card stays while another one rings."""
    part = call.part_of(leg.extension)
    if part is None:
        return
    part.ringing.pop(leg, None)
    if not part.ringing:
        call.ringing.pop(part.extension, None)
        cards.stop_ringing(state, call, part, why)
    cards.on_given_up(state, call)


def begins_talk(state: State, call: Call, channel: Channel, bridge: str, since: float | None) -> None:
    """One device of an extension and the client begin to hear each other. since: see `conversation.changed`."""
    extension = channel.who.extension
    if extension is None:
        return
    part = call.part(extension)
    if not part.talks:
        part.talk_from = state.at if since is None or part.first_from is None else since
    part.talks[channel] = None
    part.mobile_only = part.mobile_only and channel.who.via_mobile
    part.unverified = part.unverified and channel.who.unverified
    # Nobody but a person makes a mobile call in.
    part.key_pressed = part.key_pressed or channel.key_pressed or channel.began
    if part.first_from is None:
        part.first_from = state.at
        part.first_wall = part.last_wall = state.wall
        part.device = channel.device
        call.participants += 1
        part.talk_order = call.participants
    if call.client:
        _tie(state, call, part, channel)
        whom = call.anchor.name if call.anchor is not None else "the client"
        call.note(state.wall, extension, f"{channel.name} and the client's {whom} hear each other in bridge {bridge}")
        if part.finding is not Finding.PARTICIPANT:
            part.finding = Finding.PARTICIPANT
            when = "" if state.timeless else f" since {clock(state.wall)}"
            because = f"{channel.name} and {whom} hear each other in bridge {bridge}{when}"
            no_card = cards.withheld(state, call, part)
            state.out.append(Verdict(call.id, extension, part.finding, because, state.at, state.wall, no_card))
        call.aside.pop(extension, None)
        for other in list(call.aside.values()):
            cards.stop_ringing(state, call, other, f"{extension} took the call")
            _leave_behind(state, call, other)
            if not other.ties:
                del call.aside[other.extension]
    cards.on_talk(state, call, part)


def ends_talk(state: State, call: Call, channel: Channel) -> None:
    """They do not hear each other any more (for now)."""
    part = call.part_of(channel.who.extension)
    if part is None or part.talks.pop(channel, 0) == 0:
        return
    if not part.talks:
        part.talked += max(0.0, state.at - part.talk_from)
        part.last_wall = max(state.wall, part.first_wall)
        if part.ties:
            call.aside[part.extension] = part
    if call.client:
        after = "" if state.timeless else f" after {part.seconds(state.at):.1f} s so far"
        call.note(state.wall, part.extension, f"{channel.name} and the client part{after}")


def everybody_parts(state: State, call: Call) -> None:
    """Nobody in this call hears anybody any more."""
    for channel in list(call.talking):
        call.hears_no_more(channel)
        ends_talk(state, call, channel)
    state.part_from(call)


def presses_key(state: State, call: Call, channel: Channel) -> None:
    """A key was pressed on a mobile: whoever talks there is a person."""
    part = call.part_of(channel.who.extension)
    if part is not None and channel in part.talks and not part.key_pressed:
        part.key_pressed = True
        cards.on_talk(state, call, part)


def listens_no_more(state: State, channel: Channel) -> None:
    """A supervisor's channel has stopped listening, or is gone."""
    for call in channel.listens_to:
        part = call.part_of(channel.who.extension)
        if part is not None and part.spying:
            part.spying = False
            if not part.ties:
                cards.close(state, call, part, "listens in no more")
    channel.listens_to.clear()


def release(state: State, call: Call, channel: Channel, why: str) -> None:
    """A channel is on this call no more: with its last one the extension's card closes."""
    part = call.part_of(channel.who.extension)
    if part is None or part.ties.pop(channel, 0) == 0 or part.ties:
        return
    _disengage(state, call, part)
    cards.close(state, call, part, why)


def release_all(state: State, call: Call, why: str) -> None:
    """The client is with nobody any more (parked, or gone)."""
    for part in call.parts.values():
        part.ties.clear()
        _disengage(state, call, part)
        cards.close(state, call, part, why)


def _leave_behind(state: State, call: Call, part: Part) -> None:
    """Somebody else has the client: a phone that is in no bridge at all is not on this call any more."""
    for channel in [channel for channel in part.ties if channel.bridge is None]:
        release(state, call, channel, "the client talks to somebody else")


def _tie(state: State, call: Call, part: Part, channel: Channel) -> None:
    part.ties[channel] = None
    state.engaged.setdefault(part.extension, {})[call] = None


def _disengage(state: State, call: Call, part: Part) -> None:
    calls = state.engaged.get(part.extension)
    if calls is not None:
        calls.pop(call, None)
        if not calls:
            del state.engaged[part.extension]
