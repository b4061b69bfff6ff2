"""Hold and music: whoever has music played to them hears nobody. It pauses talk and undoes nothing.

A phone's `Hold` is about the bridge that the phone is in, and so is the music which it starts there: both end when the
channel goes into another bridge. (A feature-code transfer announces Hold, goes to the consultation, and says Unhold
only when it comes back.) Music that began outside of bridges goes on in them: so waits a conference for its leader.
"""

from amibridge.calls import conversation
from amibridge.calls.channel import Channel
from amibridge.calls.event import Event
from amibridge.calls.hearing import reach
from amibridge.calls.lifecycle import met
from amibridge.calls.state import State


def on_hold(state: State, event: Event) -> None:
    """`Hold`: this channel's phone put the others on hold."""
    channel = met(state, event)
    if channel is not None:
        _set(state, channel, on_hold=True)


def on_unhold(state: State, event: Event) -> None:
    """`Unhold`; one without a `Hold` is normal: phones send it before a transfer."""
    channel = met(state, event)
    if channel is not None:
        _set(state, channel, on_hold=False)


def on_music_start(state: State, event: Event) -> None:
    """`MusicOnHoldStart`: this channel hears music."""
    channel = met(state, event)
    if channel is None:
        return
    if channel.bridge is None:
        _set(state, channel, music=True)
    else:
        _set(state, channel, held=True)


def on_music_stop(state: State, event: Event) -> None:
    """`MusicOnHoldStop`: the music is over, whoever started it."""
    channel = met(state, event)
    if channel is not None:
        _set(state, channel, music=False, held=False)


def _set(
    state: State, channel: Channel, *, on_hold: bool | None = None, music: bool | None = None, held: bool | None = None
) -> None:
    was = channel.audible
    channel.on_hold = channel.on_hold if on_hold is None else on_hold
    channel.music = channel.music if music is None else music
    channel.held = channel.held if held is None else held
    if channel.audible != was and channel.bridge is not None:
        conversation.changed(state, reach(channel))
