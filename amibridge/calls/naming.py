"""Naming: which channel an event speaks of, by the Uniqueid or the name that the PBX tells (`Event.told`)."""

from amibridge.calls.channel import Channel
from amibridge.calls.event import Event
from amibridge.calls.state import State


def named(state: State, event: Event, prefix: str = "") -> Channel | None:
    """The channel that the event's headers with this prefix describe, or None if it is not known.

    Uniqueid and name travel together through every masquerade; that somebody else has taken its place only adds
    `<ZOMBIE>` to a name.
    """
    channel = state.names.get(event.told(f"{prefix}Channel") or "")
    return channel if channel is not None else state.channels.get(event.told(f"{prefix}Uniqueid") or "")
