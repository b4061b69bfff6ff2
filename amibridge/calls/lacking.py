"""What a stream lacks: somebody answered, was connected, and no BridgeEnter of it ever came.

An eventfilter of the manager's account, or another class than `call`, takes the bridges away, and then nobody talks as
far as anything shows. That is not a missed call. What proves it: just before it bridges two channels, Asterisk answers
the one that dialled (`pre_bridge_setup`), and a queue tells of `AgentConnect`. Prompts, announcements and screening run
before that. Where the caller had been answered earlier (an IVR) nothing tells a prompt from a talk: then it takes some
calls, and a link on which no bridge at all was seen.
"""

from collections.abc import Iterator

from amibridge.calls.call import Call, Leg
from amibridge.calls.state import State

LACKS = "the stream lacks events: an eventfilter?"
CONNECTED = 1.0
"""Seconds. Whoever hangs up in the moment of the answer may never come into a bridge."""
ANSWERED = 5.0
"""Seconds. So long, and longer, last prompts that a colleague hears before a call; see ENOUGH."""
ENOUGH = 3
"""Calls in a row with nothing but an answer."""


def lacks_events(state: State, call: Call) -> bool:
    """Whether somebody of this call must have talked, and the stream did not show it. Marks those legs."""
    if call.participants or call.partial or state.timeless:
        return False
    answered = list(_answered(call))
    suspects = [
        leg
        for leg in answered
        if not leg.channel.who.via_mobile and _lasted(state, leg, leg.channel.answered_at) >= ANSWERED
    ]
    if suspects and not state.shows_bridges:
        state.unbridged += 1
    doubted = suspects if state.unbridged >= ENOUGH and not state.shows_bridges else []
    proven = [leg for leg in answered if _lasted(state, leg, leg.channel.connected_at) >= CONNECTED]
    for leg in (*proven, *doubted):
        leg.unseen = True
    return bool(proven or doubted)


def forget_answers(state: State) -> None:
    """After a gap nothing is proven by an answer before it: the bridge may have come and gone meanwhile."""
    for channel in state.channels.values():
        channel.answered_at = channel.connected_at = None
    state.shows_bridges, state.unbridged = False, 0


def _answered(call: Call) -> Iterator[Leg]:
    """Who was called and answered, and was in no bridge: people, and the client whom somebody called."""
    for leg in call.legs.values():
        asked = leg.extension is not None or leg.channel is call.anchor
        if leg.called and asked and leg.channel.last_bridge is None and leg.taken_by is None:
            yield leg


def _lasted(state: State, leg: Leg, since: float | None) -> float:
    if since is None:
        return 0.0
    return (state.at if leg.ended_at is None else leg.ended_at) - since
