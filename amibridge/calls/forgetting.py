"""Forgetting: calls and channels whose end was never seen do not stay for ever."""

from amibridge.calls import ending, lifecycle
from amibridge.calls.channel import Channel
from amibridge.calls.faults import contained
from amibridge.calls.state import State

LOOKS = 64
"""In the time after which a silent call is forgotten everything is looked through so often at most: what fell silent a
little later is forgotten with the next look, not one look for each."""


def watch(state: State, earliest: float = 0.0) -> None:
    """Sets the next look at what has been silent for too long, unless one is set already. earliest: not before it."""
    if not state.watching and (state.channels or state.live):
        state.watching = True
        heard = [_heard_of(channel) for channel in state.channels.values()]
        oldest = min([*heard, *(call.last_at for call in state.live)])
        state.at_deadline(max(earliest, oldest + state.patience.forget_after), lambda: _look(state))


def _look(state: State) -> None:
    state.watching = False
    patience = state.patience.forget_after
    # Whatever goes wrong with one of them, no later look tries it again.
    for call in list(state.live):
        if call.live and call.last_at + patience <= state.at:
            with contained(state, "forgetting it", call):
                ending.forget(state, call)
            state.live.pop(call, None)
    for channel in list(state.channels.values()):
        if not channel.gone and _heard_of(channel) + patience <= state.at:
            with contained(state, "forgetting a channel", *channel.calls):
                lifecycle.goes(state, channel, None)
            state.channels.pop(channel.uid, None)
    watch(state, state.at + patience / LOOKS)


def _heard_of(channel: Channel) -> float:
    """When anything was last heard of the channel or of a call it is on."""
    return max([channel.last_at, *(call.last_at for call in channel.calls)])
