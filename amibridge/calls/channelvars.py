"""Channel variables that the PBX attaches to every description of a channel: `channelvars` in manager.conf.

A variable can hold what a caller wrote (a recording's file name has the number in it), and with line ends in it a line
that looks like another variable's. Which variables there are shows a channel that is just being born: it has no value
in any of them yet, so nobody has written anything behind its description.
"""

from amibridge.calls.event import Event
from amibridge.calls.state import State


def learn(state: State, newchannel: Event) -> None:
    """Learns from a `Newchannel` which variables the PBX attaches."""
    state.channelvars = newchannel.variable_names()


def variable(state: State, event: Event, name: str, prefix: str = "") -> str | None:
    """A variable of the channel that the event's block with this prefix describes; None where it is empty, absent, or
    perhaps somebody else's word."""
    if state.channelvars and name not in state.channelvars:
        return None
    return event.variable(name, prefix) or None
