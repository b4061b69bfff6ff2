"""Pickup: somebody takes a call that rings at another phone."""

from amibridge.calls import identity
from amibridge.calls.event import Event
from amibridge.calls.lifecycle import met
from amibridge.calls.state import State


def on_pickup(state: State, event: Event) -> None:
    """`Pickup`: `Channel` takes the place of the ringing `TargetChannel`, in the call that the target was dialled for.

    This proves only that the picker belongs to the call; talk is proved by the bridge, like any other.
    """
    picker, target = met(state, event), met(state, event, "Target")
    if picker is None or target is None or target.call is None or not target.call.live:
        return
    call = target.call
    leg = call.legs[target.uid]
    identity.join(state, call, picker, f"picked up {target.name}", by_client=leg.by_client)
    leg.taken_by = picker.who.extension or picker.name
    if picker.who.extension is not None:
        call.part(picker.who.extension)
    call.note(state.wall, picker.who.extension, f"{picker.name} picks up the call that rings at {target.name}")
