"""Queues: which one the client waits in, and which one connected."""

from amibridge.calls import identity
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.state import State


def on_join(state: State, event: Event) -> None:
    """`QueueCallerJoin`: the last queue entered counts while none has connected."""
    _set(state, event, connected=False)


def on_connect(state: State, event: Event) -> None:
    """`AgentConnect`: this queue connected the client to a member."""
    _set(state, event, connected=True)


def _set(state: State, event: Event, *, connected: bool) -> None:
    channel = named(state, event)
    queue = event.told("Queue")
    call = channel.anchors if channel is not None else None
    if call is None or not call.client or not queue or (call.queue_connected and not connected):
        return
    call.queue, call.queue_connected = queue, connected
    if not connected:
        call.note(state.wall, None, f"the client waits in queue {queue}")
    if queue not in call.route:
        call.route.append(queue)
    identity.tell(state, call)
