"""Dialling: what proves that a phone, a Local channel or a trunk was called for a call, and how that ended."""

from amibridge.calls import identity, parts, route
from amibridge.calls.call import Call
from amibridge.calls.channel import Channel, dialled_number
from amibridge.calls.event import Event
from amibridge.calls.lifecycle import answers, identify, met, rings
from amibridge.calls.naming import named
from amibridge.calls.readable import readable
from amibridge.calls.state import RINGING, UP, State
from amibridge.calls.who import Kind


def on_begin(state: State, event: Event) -> None:
    """`DialBegin`: without a source channel it is an Originate (a click), with one the source's call goes on."""
    source, dialled = met(state, event), met(state, event, "Dest")
    if dialled is None or dialled.was_dialled:
        return
    dialled.was_dialled = True
    dialled.dialled_by = source
    if source is not None:
        source.dialled[dialled] = None
        route.on_dialling(state, source, event)
    if dialled.local:
        if source is not None:
            call = identity.extends(state, source)
            identity.join(state, call, dialled, f"dialled by {source.name}", by_client=_by_client(call, source))
        return
    dialled.began = False
    dialled.number = dialled_number(readable(event.told("DialString") or "")) or ""
    identify(state, dialled, source.call if source is not None and source.call is not None else None)
    if dialled.who.kind is Kind.OUTSIDE:
        _outside(state, source, dialled)
    elif dialled.who.kind is not Kind.NOBODY:
        call = identity.extends(state, source) if source is not None else identity.new_call(state, None)
        by_client = source is not None and _by_client(call, source)
        proof = f"dialled by {source.name}" if source is not None else "rung by a click"
        if source is None and dialled.call is None:
            call.origin = dialled
            call.linkedid = dialled.linkedid
        identity.join(state, call, dialled, proof, called=True, by_client=by_client)
    if event.told("DestChannelStateDesc") == RINGING:
        rings(state, dialled)


def on_end(state: State, event: Event) -> None:
    """`DialEnd`: how the dialling ended; of two for one channel the first counts."""
    dialled = named(state, event, "Dest")
    if dialled is None:
        return
    status = event.told("DialStatus") or ""
    if event.told("DestChannelStateDesc") == UP:
        answers(state, dialled)
    if status == "ANSWER" and dialled.dialled_by is not None and dialled.dialled_by.up:
        dialled.answered_at = state.at
    for call in list(dialled.calls):
        leg = call.legs[dialled.uid]
        if leg.dial_status is None and status:
            leg.dial_status = status
        if status != "ANSWER" and leg.ended_at is None:
            leg.ended_at = state.at
            parts.stops_ringing(state, call, leg, f"the dialling ended: {status.lower()}")


def _outside(state: State, source: Channel | None, dialled: Channel) -> None:
    """An outside number is dialled: a client, the same client over another line, or a third party."""
    if dialled.anchors is not None and dialled.anchors.client:
        identity.client_found(state, dialled.anchors, source)
        return
    if source is None:
        call = identity.new_call(state, None)
        identity.client_called(state, call, dialled)
        return
    call = identity.extends(state, source)
    if not call.client:
        identity.client_called(state, call, dialled)
    elif _by_client(call, source):
        identity.join(state, call, dialled, f"dialled by {source.name}", called=True, by_client=True)
        call.note(state.wall, None, f"{dialled.number or dialled.name} is dialled as a third party")
    elif not call.reached:
        identity.client_redialled(state, call, dialled)
    else:
        identity.client_called(state, identity.new_call(state, source), dialled)


def _by_client(call: Call, source: Channel) -> bool:
    """Whether what this channel dials is dialled for the client, not by the person who called the client."""
    if source is call.anchor and call.client:
        return True
    leg = call.legs.get(source.uid)
    return leg is not None and leg.by_client
