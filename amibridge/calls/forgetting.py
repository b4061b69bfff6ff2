"""Forgetting: calls and channels whose end was never seen do not stay for ever."""

from amibridge.calls import identity
from amibridge.calls.state import State


def watch(state: State) -> None:
    """Sets the next look at what has been silent for too long, unless one is set already."""
    if not state.watching and state.channels:
        state.watching = True
        oldest = min(channel.last_at for channel in state.channels.values())
        state.at_deadline(oldest + state.patience.forget_after, lambda: _look(state))


def _look(state: State) -> None:
    state.watching = False
    silent_since = state.at - state.patience.forget_after
    for call in list(state.live):
        if call.last_at <= silent_since:
            identity.forget(state, call)
    for channel in list(state.channels.values()):
        if channel.last_at <= silent_since and not any(call.live for call in channel.calls):
            state.leave(channel)
            state.remove(channel)
    watch(state)
