"""Channels come, ring, are answered and go."""

import re
from functools import cache

from amibridge.calls import conversation, ending, identity, parts, route
from amibridge.calls.call import Call
from amibridge.calls.channel import Channel, pair_name
from amibridge.calls.channelvars import learn, variable
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.readable import readable
from amibridge.calls.state import RING, RINGING, UP, State
from amibridge.calls.who import Kind

NO_NUMBER = ("", "<unknown>")
_CAUSE = re.compile(r"[1-9][0-9]{0,2}")
"""A cause of Q.850; 0 is none."""


def on_newchannel(state: State, event: Event) -> None:
    """`Newchannel`: a channel is born. A trunk's channel born in state Ring is a client who calls."""
    learn(state, event)
    uid = event.told("Uniqueid")
    if uid and uid not in state.channels and not state.has_gone(uid):
        channel = _described(state, event, "", new=True)
        come(state, channel)
        _learn_did(state, event, channel)


def on_newstate(state: State, event: Event) -> None:
    """`Newstate`: Ringing counts for the call, Up makes it able to hear."""
    channel = met(state, event)
    if channel is None:
        return
    shown = event.told("ChannelStateDesc")
    if shown == RINGING:
        rings(state, channel)
        route.on_ringing(channel, event)
    elif shown == UP:
        answers(state, channel)
    elif shown == RING and not channel.began and not channel.was_dialled and channel.call is None:
        # Some drivers give birth to an incoming channel before they know what it is.
        channel.began = True
        channel.exten = event.told("Exten") or ""
        _learn_number(channel, event)
        identify(state, channel)
        _begins(state, channel)


def on_newcallerid(state: State, event: Event) -> None:
    """`NewCallerid`: lines that tell the caller's number only after the channel is born (analogue, some ISDN)."""
    channel = named(state, event)
    if channel is not None and channel.began and not channel.number and not channel.local:
        _learn_number(channel, event)
        if channel.number and channel.anchors is not None and channel.anchors.client:
            identity.number_known(state, channel.anchors)


def on_hangup_request(state: State, event: Event) -> None:
    """`HangupRequest`: the phone at the far end has hung up. Its channel may still be sent into a bridge for a moment
    (a callee who hangs up during the prompt of a `Dial` with `U()`, tried on 16): that is no talk."""
    channel = named(state, event)
    if channel is not None and not channel.local and not channel.leaving:
        channel.leaving = True
        if channel.bridge is not None:
            conversation.changed(state, channel)


def on_hangup(state: State, event: Event) -> None:
    """`Hangup`: the channel is no more; with a client's channel the call is over."""
    channel = named(state, event)
    if channel is None:
        return
    cause = event.told("Cause") or ""
    goes(state, channel, int(cause) if _CAUSE.fullmatch(cause) else None)


def met(state: State, event: Event, prefix: str = "") -> Channel | None:
    """The channel that an event speaks of. One never seen before was there before us: it is taken in as it stands."""
    channel = named(state, event, prefix)
    if channel is None:
        uid = event.told(f"{prefix}Uniqueid")
        if not uid or uid in state.channels or state.has_gone(uid) or not event.told(f"{prefix}Channel"):
            return None
        channel = _described(state, event, prefix, new=False)
        come(state, channel)
    channel.last_at = state.at
    call = channel.call
    if call is not None:
        call.last_at = state.at
        if not call.did_sure:
            _learn_did(state, event, channel)
    return channel


def identify(state: State, channel: Channel, call: Call | None = None) -> None:
    """Asks who is behind a device channel: the map of the call that it is dialled for, else the one in force."""
    directory = call.directory if call is not None else state.directory
    channel.who = directory.who(channel.name, channel.number or None, shown=channel.began)
    if channel.bridge is not None:
        conversation.changed(state, channel)


def rings(state: State, channel: Channel) -> None:
    if channel.rang_at is not None or channel.local:
        return
    channel.rang_at, channel.rang_wall = state.at, state.wall
    if channel.call is not None and channel.call.live:
        leg = channel.call.legs.get(channel.uid)
        if leg is not None:
            parts.rings(state, channel.call, leg)


def answers(state: State, channel: Channel) -> None:
    if channel.up:
        return
    channel.up = True
    call = channel.call
    if call is not None and call.client and channel.who.kind is Kind.OUTSIDE:
        if channel is call.anchor:
            call.reached = True
        elif call.outbound and not call.legs[channel.uid].by_client:
            identity.client_answered(state, call, channel)
    if channel.bridge is not None:
        conversation.changed(state, channel)


def goes(state: State, channel: Channel, cause: int | None) -> None:
    """Takes a channel out of its bridge, its calls and the picture."""
    bridge, heir = channel.bridge, channel.heir
    state.leave(channel)
    state.remove(channel)
    conversation.changed(state, channel)
    if bridge is not None and bridge.members and heir is not None and heir.bridge is None and not heir.gone:
        state.enter(heir, bridge)
        conversation.changed(state, heir)
    if channel.other is not None:
        channel.other.other = None
        channel.other = None
    if channel.listens_to:
        parts.listens_no_more(state, channel)
    for call in list(channel.calls):
        leg = call.legs[channel.uid]
        leg.ended_at = state.at
        leg.cause = cause
        parts.stops_ringing(state, call, leg, "the phone rings no more")
        parts.release(state, call, channel, f"{channel.name} hung up")
        call.lets_go(channel)
        ending.end_if_over(state, call)
    if channel.second_line is not None:
        ending.end_if_over(state, channel.second_line)


def take_in(
    state: State,
    *,
    uid: str,
    name: str,
    linkedid: str,
    shown: str,
    number: str,
    caller_name: str,
    exten: str,
    began: bool | None = None,
) -> Channel:
    """A channel as the PBX describes it, from its birth or met in the middle of its life.

    shown: its `ChannelStateDesc`. began: whether it began a call, for a channel that is not new; None: it is new.
    """
    partial = began is not None
    began = shown == RING or bool(began)
    return Channel(
        uid=uid,
        name=name,
        linkedid=linkedid or uid,
        carries=linkedid or uid,
        began=began,
        number=readable(number) if began and number not in NO_NUMBER else "",
        caller_name=readable(caller_name) if began and caller_name not in NO_NUMBER else "",
        exten=exten if shown == RING else "",
        serial=state.number(),
        local=name.startswith("Local/"),
        up=shown == UP,
        partial=partial,
        last_at=state.at,
    )


def _described(state: State, event: Event, prefix: str, *, new: bool) -> Channel:
    uid, name, linkedid, shown, number, caller_name, exten = event.all_told(_headers(prefix))
    # A channel met in the middle of its life shows no more how it was born; but one that was called carries its
    # caller's linkedid.
    began = None if new else uid == linkedid
    return take_in(
        state,
        uid=uid,
        name=name,
        linkedid=linkedid,
        shown=shown,
        number=number,
        caller_name=caller_name,
        exten=exten,
        began=began,
    )


@cache
def _headers(prefix: str) -> tuple[str, ...]:
    asked = ("Uniqueid", "Channel", "Linkedid", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "Exten")
    return tuple(prefix + header for header in asked)


def come(state: State, channel: Channel) -> None:
    """A channel enters the picture."""
    state.add(channel)
    if channel.local:
        other = state.names.get(pair_name(channel.name) or "")
        if other is not None:
            pair(state, channel, other)
        return
    identify(state, channel)
    midway = channel.partial and channel.up and not channel.who.unverified
    if channel.began and channel.who.kind is not Kind.NOBODY and not midway:
        _begins(state, channel)


def pair(state: State, one: Channel, other: Channel) -> None:
    """Two halves of one Local channel: what belongs to one belongs to the other."""
    if one.other is not None or other.other is not None or one is other:
        # It has its other half already: for as long as it lives.
        return
    one.other, other.other = other, one
    for half, far in ((one, other), (other, one)):
        if half.call is not None and half.call.live:
            leg = half.call.legs[half.uid]
            identity.join(state, half.call, far, "the other half of a Local channel", by_client=leg.by_client)


def _learn_did(state: State, event: Event, channel: Channel) -> None:
    """Trunks that deliver no number in `Exten` (`s`, `account77`): FreePBX's dialplan sets FROM_DID, which
    `channelvars` shows. Where there is no number at all that is `s` too."""
    call = channel.anchors
    if call is not None and not call.did_sure:
        did = variable(state, event, "FROM_DID")
        if did is not None and did not in identity.NO_DID and did != call.did:
            identity.did_known(state, call, did)


def _begins(state: State, channel: Channel) -> None:
    if channel.who.kind is Kind.OUTSIDE:
        identity.client_calls(state, channel)
    elif channel.call is None:
        call = identity.new_call(state, channel)
        if channel.who.unverified:
            identity.colleague_calls_in(state, call, channel)


def _learn_number(channel: Channel, event: Event) -> None:
    number, name = event.told("CallerIDNum") or "", event.told("CallerIDName") or ""
    if number not in NO_NUMBER:
        channel.number = readable(number)
    if name not in NO_NUMBER:
        channel.caller_name = readable(name)
