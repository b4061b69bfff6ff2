"""Conversation: after every change, who begins or ceases to hear the client.

What an event changes is compared and nothing else: in a conference of thousands, one who comes, holds or goes costs
what this means for calls, not what the others are.
"""

from collections.abc import Iterable
from itertools import islice

from amibridge.calls import hearing, identity, parts, recording, transfer
from amibridge.calls.call import Call, is_line
from amibridge.calls.channel import Bridge, Channel, Conversation
from amibridge.calls.state import State
from amibridge.calls.who import Kind

NOTED = 16
"""With so many of those who are there a newcomer's lines and calls are compared, however many there are: clients'
calls that name each other, third parties. Whom a client hears has no such bound."""

_MIXED = "; neither line was on hold: may have been conferenced on the phone"
"""A three-way call mixed inside a phone is invisible to the PBX: it shows two lines of one device, both unheld."""


def changed(state: State, channel: Channel, since: float | None = None) -> None:
    """Something changed at this channel: its bridge, its state, what it hears, who it is.

    since: when it changed, where that is believed only now. A participant's talk goes on from then; whoever has not
    talked before begins now.
    """
    if channel.local:
        _pair_changed(state, channel, since)
        return
    if is_line(channel) and channel.up and channel.call is None and not (channel.call_over or channel.gone):
        identity.client_calls(state, channel)
    now = hearing.place(channel)
    if channel.hears is now:
        return
    if channel.hears is not None:
        hearing.remove(channel)
        _apart(state, (channel,))
    if now is not None:
        _meet(state, (channel,), now, since)
        hearing.add(now, channel)


def set_holding(state: State, bridge: Bridge, holding: bool) -> None:
    """What a bridge is, a holding bridge or one that mixes, is told with each entry."""
    if bridge.holding != holding:
        bridge.holding = holding
        for channel in list(bridge.members):
            changed(state, channel)


def settle(state: State) -> None:
    """Calls that have got another anchor in the middle of a conversation: who hears it is compared anew."""
    unsettled, state.unsettled = state.unsettled, []
    for call in unsettled:
        anchor = call.anchor
        for channel in [channel for channel in call.talking if not _together(anchor, channel)]:
            _ends(state, call, channel)
        if anchor is not None and anchor.hears is not None:
            _hears_them(state, anchor, anchor.hears, None)


def _pair_changed(state: State, half: Channel, since: float | None) -> None:
    """Something changed at a Local half: its pair joins two bridges now, or does so no more."""
    far = half.other
    passes = hearing.passes(half)
    if half.joins is not None and far is not None and far.joins is not None:
        if passes and half.joins is half.bridge and far.joins is far.bridge:
            return
        one, other = half.joins, far.joins
        half.joins = far.joins = None
        del one.joined[half], other.joined[far]
        side = hearing.smaller_side(one, other)
        if side is not None:
            _split(state, side)
    if passes and far is not None and half.bridge is not None and far.bridge is not None:
        half.joins, far.joins = half.bridge, far.bridge
        half.bridge.joined[half], far.bridge.joined[far] = far.bridge, half.bridge
        _join(state, half.bridge.conversation, far.bridge.conversation, since)


def _split(state: State, side: Iterable[Bridge]) -> None:
    """These bridges are a conversation of their own from now on."""
    apart = Conversation()
    leaving = []
    for bridge in side:
        del bridge.conversation.bridges[bridge]
        bridge.conversation = apart
        apart.bridges[bridge] = None
        leaving += [channel for channel in bridge.members if channel.hears is not None]
    for channel in leaving:
        hearing.remove(channel)
        hearing.add(apart, channel)
    _apart(state, leaving)


def _join(state: State, one: Conversation, other: Conversation, since: float | None) -> None:
    """Two conversations become one: the smaller goes into the larger."""
    if one is other:
        return
    small, large = (one, other) if one.size <= other.size else (other, one)
    coming = [*small.people, *small.lines, *small.machines]
    _meet(state, coming, large, since)
    for channel in coming:
        hearing.add(large, channel)
    for bridge in small.bridges:
        bridge.conversation = large
    large.bridges.update(small.bridges)


def _meet(state: State, coming: Iterable[Channel], there: Conversation, since: float | None) -> None:
    """These come to hear those who are there, and are heard by them.

    Clients come first: a colleague whom a client hears is on the client's call, not on one between colleagues.
    """
    for channel in coming:
        if channel.who.kind is Kind.OUTSIDE:
            for line in islice(there.lines, NOTED):
                _clients(state, line, channel, since)
            _hears_them(state, channel, there, since)
        else:
            for line in there.lines:
                _clients(state, line, channel, since)
    for channel in coming:
        if channel.who.kind is Kind.EXTENSION:
            for colleague in islice(there.people, NOTED):
                _colleagues(state, _whose_call(colleague), channel, since)
            _hears_them(state, channel, there, since)


def _hears_them(state: State, anchor: Channel, there: Conversation, since: float | None) -> None:
    """A channel comes to hear those who are there."""
    if anchor.anchors is None:
        return
    if anchor.anchors.client:
        for channel in (*there.people, *there.machines, *islice(there.lines, NOTED)):
            _clients(state, anchor, channel, since)
    else:
        for channel in list(there.people):
            _colleagues(state, anchor, channel, since)


def _clients(state: State, anchor: Channel, channel: Channel, since: float | None) -> None:
    """A client hears somebody, if it is one."""
    call = anchor.anchors
    if call is not None and call.client and channel is not anchor and channel not in call.talking:
        _begins(state, call, channel, since)


def _whose_call(colleague: Channel) -> Channel:
    """The first person of the call in which this one talks to colleagues already."""
    call = colleague.call
    if call is not None and not call.client and _together(call.anchor, colleague):
        return call.anchor or colleague
    return colleague


def _colleagues(state: State, one: Channel, other: Channel, since: float | None) -> None:
    """Two colleagues hear each other: both talk in the call between colleagues that one of them began, the older one.

    So a conference is one call, and whoever comes late joins it.
    """
    for anchor, channel in ((one, other), (other, one)) if one.serial < other.serial else ((other, one), (one, other)):
        call = anchor.anchors
        if call is not None and not call.client and call.live and channel is not anchor:
            for talker in (anchor, channel):
                if talker not in call.talking:
                    _begins(state, call, talker, since)


def _apart(state: State, going: Iterable[Channel]) -> None:
    """These hear nobody any more who is not with them."""
    for channel in going:
        for call in list(channel.heard_by):
            if call.anchor is not channel and not _together(call.anchor, channel):
                _ends(state, call, channel)
        own = channel.anchors
        if own is not None:
            for heard in [heard for heard in own.talking if heard is not channel and not _together(heard, channel)]:
                _ends(state, own, heard)


def _together(one: Channel | None, other: Channel) -> bool:
    return one is not None and one.hears is not None and one.hears is other.hears


def _begins(state: State, call: Call, channel: Channel, since: float | None) -> None:
    call.begins_to_hear(channel)
    recording.talks(state, call)
    kind, bridge = channel.who.kind, channel.bridge.uid if channel.bridge is not None else "?"
    extension = channel.who.extension
    if extension is not None:
        identity.join(state, call, channel, "in conversation")
        parts.begins_talk(state, call, channel, bridge, since)
        if call.client:
            transfer.new_participant(state, call, channel)
            for between_colleagues in state.among_themselves.get(extension, ()):
                _consultation(state, between_colleagues, extension)
        else:
            state.among_themselves.setdefault(extension, {})[call] = None
            _consultation(state, call, extension)
    elif kind is Kind.OUTSIDE:
        other = channel.anchors
        if other is not None and other.client:
            identity.link(call, other)
            call.note(state.wall, None, f"hears the client of {other.id} in bridge {bridge}")
        else:
            number = call.directory.e164(channel.number) or channel.number or channel.name
            call.third_parties[number] = None
            call.note(state.wall, None, f"hears {number} at {channel.name}, a third party, in bridge {bridge}")
    elif kind is Kind.MACHINE:
        call.machine = channel.device
        call.note(state.wall, None, f"hears {channel.name}, a machine, in bridge {bridge}")


def _ends(state: State, call: Call, channel: Channel) -> None:
    call.hears_no_more(channel)
    parts.ends_talk(state, call, channel)
    part = call.part_of(channel.who.extension)
    if not call.client and part is not None and not part.talks:
        state.part_from(call, part.extension)
    if not call.client and call.anchor is not None and list(islice(call.talking, 2)) == [call.anchor]:
        # Between colleagues nobody talks alone.
        _ends(state, call, call.anchor)


def _consultation(state: State, call: Call, extension: str) -> None:
    """This extension and colleagues talk. Whoever of them has a client on another line consults the others."""
    for client_call in state.engaged.get(extension, ()):
        for other in _names(call):
            _consults(state, client_call, call, extension, other)
    if len(state.engaged) < len(call.talking):
        busy = [name for name in state.engaged if name in call.parts and call.parts[name].talks]
    else:
        busy = [name for name in _names(call) if name in state.engaged]
    for name in busy:
        for client_call in state.engaged[name]:
            _consults(state, client_call, call, name, extension)


def _names(call: Call) -> dict[str, None]:
    """The extensions that talk in a call."""
    return {one.who.extension: None for one in call.talking if one.who.extension is not None}


def _consults(state: State, client_call: Call, call: Call, extension: str, other: str) -> None:
    """`extension` has the client of one call and talks to `other` in another one."""
    if other == extension:
        return
    part = client_call.part(other)
    if part.consulted is None:
        phone = next(reversed(call.parts[extension].talks))
        part.consulted = f"talked to {extension} on {phone.name} while {extension} had the client"
        client_call.note(state.wall, other, part.consulted)
    if _MIXED not in part.consulted and extension in client_call.parts and client_call.parts[extension].talks:
        part.consulted += _MIXED
        client_call.note(state.wall, other, f"{extension} had neither line on hold")
