"""Queues: which one the client waits in, and which one connected."""

from amibridge.calls import identity, route
from amibridge.calls.call import Call
from amibridge.calls.channel import Channel
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.state import State


def on_join(state: State, event: Event) -> None:
    """`QueueCallerJoin`: the last queue entered counts while none has connected."""
    _set(state, event, connected=False)


def on_connect(state: State, event: Event) -> None:
    """`AgentConnect`: this queue connected the client to a member."""
    _set(state, event, connected=True)
    member = named(state, event, "Dest")
    if member is not None and member.last_bridge is None:
        member.connected_at = state.at


def _set(state: State, event: Event, *, connected: bool) -> None:
    channel = named(state, event)
    queue = event.told("Queue")
    call = _waits(channel) if channel is not None else None
    if call is None or not queue or (call.queue_connected and not connected):
        return
    number = event.told("Exten") or ""
    call.queue, call.queue_connected = queue, connected
    call.queue_number = number if number.isdecimal() else None
    if not connected:
        call.note(state.wall, None, f"the client waits in queue {queue}")
    if queue not in call.route:
        call.route.append(queue)
    route.passes(state, call, number)
    identity.tell(state, call)


def _waits(channel: Channel) -> Call | None:
    """The call of the client who waits in a queue at this channel.

    It is the client's own, or the Local half that the client was sent into the queue by: dialled for the client
    (`Dial(Local/2200100@…)`), or joined to the client by a transfer. A queue that a colleague asks on a second line,
    while the client is on hold, is not the client's.
    """
    call = channel.anchors
    if call is None and channel.local:
        call = channel.call
        if call is None or not call.live or not call.client or not call.legs[channel.uid].by_client:
            near = channel.other.bridge if channel.other is not None else None
            lines = near.conversation.lines if near is not None else ()
            call = next((line.anchors for line in lines if line.anchors is not None), None)
    return call if call is not None and call.client else None
