"""Conversation: after every change, who hears the client now, and who has begun or ceased to."""

from collections.abc import Iterable

from amibridge.calls import identity, parts, transfer
from amibridge.calls.call import Call, is_line
from amibridge.calls.channel import Bridge, Channel
from amibridge.calls.hearing import hearers
from amibridge.calls.state import State
from amibridge.calls.who import Kind

_MIXED = "; neither line was on hold: may have been conferenced on the phone"
"""A three-way call mixed inside a phone is invisible to the PBX: it shows two lines of one device, both unheld."""


def changed(state: State, channels: Iterable[Channel], since: float | None = None) -> None:
    """Something changed at these channels: compares what each anchor among them hears now with what it heard before.

    Clients come first: a colleague whom a client hears is on the client's call, not on one between colleagues.

    since: when it changed, where that is believed only now. A participant's talk goes on from then; whoever has not
    talked before begins now.
    """
    between_colleagues = []
    for channel in channels:
        call = channel.anchors
        if call is None:
            if is_line(channel) and channel.call is None and not (channel.call_over or channel.gone) and channel.up:
                call = identity.client_calls(state, channel)
            else:
                continue
        if call.client:
            _compare(state, call, hearers(channel), since)
        else:
            between_colleagues.append(call)
    for call in between_colleagues:
        if call.live and not call.client and call.anchor is not None:
            heard = {ch: b for ch, b in hearers(call.anchor).items() if ch.who.kind is Kind.EXTENSION}
            if heard and call.anchor.bridge is not None:
                heard = {call.anchor: call.anchor.bridge, **heard}
            _compare(state, call, heard, since)


def _compare(state: State, call: Call, now: dict[Channel, Bridge], since: float | None) -> None:
    for channel in [channel for channel in call.talking if channel not in now]:
        del call.talking[channel]
        parts.ends_talk(state, call, channel)
    if not call.talking and not call.client:
        state.part_from(call)
    for channel, bridge in now.items():
        if channel not in call.talking:
            call.talking[channel] = None
            _begins(state, call, channel, bridge, since)


def _begins(state: State, call: Call, channel: Channel, bridge: Bridge, since: float | None) -> None:
    kind = channel.who.kind
    if kind is Kind.EXTENSION:
        identity.join(state, call, channel, "in conversation")
        parts.begins_talk(state, call, channel, bridge.uid, since)
        if call.client:
            transfer.new_participant(state, call, channel)
            for between_colleagues in state.among_themselves.get(channel.who.extension or "", ()):
                _consultation(state, between_colleagues)
        else:
            state.among_themselves.setdefault(channel.who.extension or "", {})[call] = None
            _consultation(state, call)
    elif kind is Kind.OUTSIDE:
        other = channel.anchors
        if other is not None and other.client:
            identity.link(call, other)
            call.note(state.wall, None, f"hears the client of {other.id} in bridge {bridge.uid}")
        else:
            number = call.directory.e164(channel.number) or channel.number or channel.name
            call.third_parties[number] = None
            call.note(state.wall, None, f"hears {number} at {channel.name}, a third party, in bridge {bridge.uid}")
    elif kind is Kind.MACHINE:
        call.machine = channel.device
        call.note(state.wall, None, f"hears {channel.name}, a machine, in bridge {bridge.uid}")


def _consultation(state: State, call: Call) -> None:
    """Colleagues talk while one of them has a client on another line: the others are consulted."""
    talking = {channel.who.extension: channel for channel in call.talking if channel.who.extension is not None}
    for extension, channel in talking.items():
        for client_call in state.engaged.get(extension, ()):
            mixed = extension in client_call.parts and bool(client_call.parts[extension].talks)
            for other in talking:
                if other != extension and other is not None:
                    part = client_call.part(other)
                    if part.consulted is None:
                        part.consulted = f"talked to {extension} on {channel.name} while {extension} had the client"
                        client_call.note(state.wall, other, part.consulted)
                    if mixed and _MIXED not in part.consulted:
                        part.consulted += _MIXED
                        client_call.note(state.wall, other, f"{extension} had neither line on hold")
