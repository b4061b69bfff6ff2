"""Bridges and Local pairs: who is joined to whom.

BridgeEnter, BridgeLeave and Hangup are believed, and nothing else: an entry implies leaving the previous bridge.
BridgeMerge, `Success` of LocalOptimizationEnd and BridgeNumChannels do not say what one would think.
"""

from amibridge.calls import conversation, holding, parts
from amibridge.calls.event import Event
from amibridge.calls.lifecycle import answers, met, pair
from amibridge.calls.state import HOLDING, UP, State
from amibridge.calls.who import Kind


def on_enter(state: State, event: Event) -> None:
    """`BridgeEnter`: also tells that the channel is Up, should its Newstate be late."""
    channel = met(state, event)
    uid = event.told("BridgeUniqueid")
    if channel is None or not uid or (channel.who.kind is Kind.NOBODY and not channel.local):
        if channel is not None:
            # What cannot be read was there all the same.
            channel.answered_at = channel.connected_at = None
        return
    state.shows_bridges = True
    bridge = state.bridge(uid)
    conversation.set_holding(state, bridge, event.told("BridgeTechnology") == HOLDING)
    if bridge is not channel.last_bridge and not event.told("SwapUniqueid"):
        # A channel that only takes a Local half's place has not gone anywhere.
        holding.goes_into(state, channel, bridge)
    channel.last_bridge = bridge
    channel.carries = event.told("Linkedid") or channel.carries
    state.enter(channel, bridge)
    if not channel.up and event.told("ChannelStateDesc") == UP:
        answers(state, channel)
    if bridge.holding:
        call = channel.anchors
        if call is not None and call.client:
            parts.release_all(state, call, "the client was put into a holding bridge")
        for call in channel.calls:
            parts.release(state, call, channel, f"{channel.name} went into a holding bridge")
    conversation.changed(state, channel)


def on_leave(state: State, event: Event) -> None:
    """`BridgeLeave`: of the bridge it names only; a late one of an earlier bridge changes nothing."""
    channel = met(state, event)
    if channel is None or channel.bridge is None or channel.bridge.uid != event.told("BridgeUniqueid"):
        return
    channel.carries = event.told("Linkedid") or channel.carries
    state.leave(channel)
    conversation.changed(state, channel)


def on_local_bridge(state: State, event: Event) -> None:
    """`LocalBridge`: names both halves of a Local channel."""
    one, two = met(state, event, "LocalOne"), met(state, event, "LocalTwo")
    if one is not None and two is not None:
        pair(state, one, two)
        holding.joins_two_bridges(state, one)
        conversation.changed(state, one)
