"""Parking: the client waits in a holding bridge until somebody retrieves the call or its time is up."""

from amibridge.calls import identity, parts, transfer
from amibridge.calls.event import Event
from amibridge.calls.lifecycle import met
from amibridge.calls.state import State


def on_parked(state: State, event: Event) -> None:
    """`ParkedCall`: no hand-over, although many phones park by a blind transfer."""
    parkee = met(state, event, "Parkee")
    call = parkee.anchors if parkee is not None else None
    if call is not None and call.client:
        transfer.none_any_more(call)
        call.note(state.wall, None, f"the client is parked at {event.told('ParkingSpace') or '?'}")
        parts.release_all(state, call, "the client was parked")


def on_unparked(state: State, event: Event) -> None:
    """`UnParkedCall`: names who retrieves the client; talk begins with the bridge."""
    parkee, retriever = met(state, event, "Parkee"), met(state, event, "Retriever")
    call = parkee.anchors if parkee is not None else None
    if call is not None and call.client:
        transfer.none_any_more(call)
        if retriever is not None:
            identity.join(state, call, retriever, "retrieved the parked client")
            call.note(state.wall, retriever.who.extension, f"{retriever.name} retrieves the parked client")
