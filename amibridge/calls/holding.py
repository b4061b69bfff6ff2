"""Hold and music: whoever has music played to them hears nobody. It pauses talk and undoes nothing."""

from amibridge.calls import conversation
from amibridge.calls.event import Event
from amibridge.calls.hearing import reach
from amibridge.calls.lifecycle import met
from amibridge.calls.state import State


def on_hold(state: State, event: Event) -> None:
    _set(state, event, on_hold=True)


def on_unhold(state: State, event: Event) -> None:
    """An `Unhold` without a `Hold` is normal: phones send one before a transfer."""
    _set(state, event, on_hold=False)


def on_music_start(state: State, event: Event) -> None:
    _set(state, event, music=True)


def on_music_stop(state: State, event: Event) -> None:
    _set(state, event, music=False)


def _set(state: State, event: Event, *, on_hold: bool | None = None, music: bool | None = None) -> None:
    channel = met(state, event)
    if channel is None:
        return
    was = channel.audible
    channel.on_hold = channel.on_hold if on_hold is None else on_hold
    channel.music = channel.music if music is None else music
    if channel.audible != was and channel.bridge is not None:
        conversation.changed(state, reach(channel))
