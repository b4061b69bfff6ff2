"""Naming: which channel an event speaks of.

A caller can write headers of his own into the events of his call: line ends in his number reach the manager's stream
as they are (tried on Asterisk 16 and 22 with chan_pjsip). They stand behind the channel's name and before its real
Uniqueid, and again in the events of channels that show his number. So a channel is known by its name
or by its Uniqueid, whichever a caller cannot have written.
"""

from amibridge.calls.channel import Channel
from amibridge.calls.event import Event
from amibridge.calls.state import State

ZOMBIE = "<ZOMBIE>"
"""What Asterisk adds to the name of a channel whose place another one has taken."""


def named(state: State, event: Event, prefix: str = "") -> Channel | None:
    """The channel that the event's headers with this prefix describe, or None if it is not known.

    Of an event's first channel the name is before anything that a caller can write; of the second (`Dest…`) the
    Uniqueid is behind it.
    """
    name = event.headers.get(f"{prefix}Channel", "")
    by_name = state.names.get(name)
    if by_name is not None and not prefix:
        return by_name
    channel = state.channels.get(event.headers.last(f"{prefix}Uniqueid"))
    if channel is not None and (prefix or (name and name.removesuffix(ZOMBIE) == channel.name)):
        return channel
    return by_name
