"""Resync: what a PBX shows of its channels and bridges after a (re)connect, and what follows from it.

Nothing is replayed after a reconnect. `CoreShowChannels` lists the channels with their bridges, `BridgeList` the
bridges' technologies; what was heard of a channel before is kept, what is gone is finished with the time it was last
seen. Whoever talks to a client at that moment is a participant.
"""

from dataclasses import dataclass

from amibridge.calls import conversation, ending, identity, remembering
from amibridge.calls.channel import Channel
from amibridge.calls.faults import LISTING, contained
from amibridge.calls.lifecycle import answers, come, goes, rings, take_in
from amibridge.calls.state import HOLDING, RINGING, UP, State


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """One row of `CoreShowChannels`."""

    uid: str
    name: str
    linkedid: str
    state: str
    """`ChannelStateDesc`: Down, Ring, Ringing, Up …"""
    caller_number: str
    caller_name: str
    exten: str
    application: str
    """`AppDial`, `AppDial2`, `AppQueue`: the channel was called."""
    bridge: str | None


@dataclass(frozen=True, slots=True)
class SeenBridge:
    """One row of `BridgeList`."""

    uid: str
    technology: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What the PBX shows at one moment."""

    channels: tuple[SeenChannel, ...]
    bridges: tuple[SeenBridge, ...]


def lose(state: State, picture: Picture) -> None:
    """Takes away the channels that are gone. They ended while nobody listened: at the last moment that was seen."""
    shown = {row.uid for row in picture.channels}
    lost = [channel for channel in state.channels.values() if channel.uid not in shown]
    for channel in lost:
        if channel.anchors is not None:
            with contained(state, LISTING, channel.anchors):
                ending.vanish(state, channel.anchors)
    for channel in lost:
        with contained(state, LISTING, *channel.calls):
            goes(state, channel, None)


def present(state: State, picture: Picture) -> None:
    """Makes the core's picture that of the PBX: unknown channels are taken in, bridges are as shown."""
    holding = {row.uid for row in picture.bridges if row.technology == HOLDING}
    taken_in: list[tuple[Channel, SeenChannel]] = []
    for row in picture.channels:
        known = state.channels.get(row.uid)
        with contained(state, LISTING, *(known.calls if known is not None else ())):
            taken_in.append((_take_in(state, row), row))
    for channel, row in taken_in:
        # Who is on hold or hears music is in no listing; what was heard of it before the gap may be over. Only whoever
        # was in the same bridge before may still wait there for a conference's leader.
        channel.phone_holds = channel.code_holds = channel.held = channel.consults = False
        channel.music = channel.music and channel.bridge is not None and channel.bridge.uid == row.bridge
        if row.bridge is None:
            state.leave(channel)
        else:
            bridge = state.bridge(row.bridge)
            conversation.set_holding(state, bridge, row.bridge in holding)
            state.enter(channel, bridge)
            channel.last_bridge = bridge
    for channel, _ in taken_in:
        with contained(state, LISTING, *channel.calls):
            conversation.changed(state, channel)
    with contained(state, LISTING):
        conversation.settle(state)
    remembering.close_what_is_over(state)


def _take_in(state: State, row: SeenChannel) -> Channel:
    channel = state.channels.get(row.uid)
    if channel is None:
        channel = take_in(
            state,
            uid=row.uid,
            name=row.name,
            linkedid=row.linkedid,
            shown=row.state,
            number=row.caller_number,
            caller_name=row.caller_name,
            exten=row.exten,
            began=not row.application.startswith(("AppDial", "AppQueue")),
        )
        come(state, channel)
    channel.last_at = state.at
    if row.state == UP:
        answers(state, channel)
    elif row.state == RINGING:
        rings(state, channel)
    if not channel.local and not channel.began and not channel.number and row.caller_number:
        # A called line shows the dialled number as its caller's, but for what the dialplan made of it: good enough to
        # know an operator's mobile or a colleague in another office by, not to name a client.
        who = state.directory.who(channel.name, row.caller_number)
        if who.extension is not None:
            channel.who, channel.number = who, row.caller_number
    if channel.uid in state.known and channel.anchors is None:
        identity.client_calls(state, channel)
    return channel
