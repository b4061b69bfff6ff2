"""Key presses: a mobile on which a key was pressed is in a person's hand, not in voicemail's."""

from amibridge.calls import parts
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.state import State


def on_dtmf(state: State, event: Event) -> None:
    """`DTMFEnd` with direction Received; needs the read class `dtmf`."""
    channel = named(state, event)
    if channel is None or not channel.who.via_mobile or event.told("Direction") != "Received":
        return
    channel.key_pressed = True
    for call in channel.calls:
        call.note(state.wall, channel.who.extension, f"a key was pressed on the mobile at {channel.name}")
        parts.presses_key(state, call, channel)
