"""Identity: which call a channel belongs to, where a call begins, and how two become one (`ending`: when it is over).

A call is anchored at its client's channel. Other channels join it by what proves that they belong: a dialling, a Local
pair, a conversation, or an event that names both. A linkedid is never asked: it comes late and merges too much.
"""

from math import isnan

from amibridge.calls import cards, ending, parts, recording
from amibridge.calls.call import Call, Leg, is_line
from amibridge.calls.channel import Channel
from amibridge.calls.outputs import Anchored, CommandType
from amibridge.calls.record import clock, summary
from amibridge.calls.remembering import remember
from amibridge.calls.state import State

NO_DID = ("", "s")
"""What a trunk that delivers no number puts in its place."""


def is_number(did: str | None) -> bool:
    """Whether it was dialled: a trunk may deliver its account's name (`account77`) for a number."""
    return did is not None and did.removeprefix("+").isdecimal()


def new_call(state: State, origin: Channel | None) -> Call:
    """A call between colleagues, so far: it becomes a client's when an outside number is dialled from it."""
    call = Call(state.directory, state.wall, state.at, state.number(), origin=origin)
    state.live[call] = None
    if origin is not None:
        call.linkedid = origin.linkedid
        call.partial = origin.partial
        join(state, call, origin, "began it")
    return call


def client_calls(state: State, channel: Channel) -> Call:
    """A client's channel began a call, or is found in the middle of one."""
    call = new_call(state, None)
    if channel.began:
        call.did = channel.exten if channel.exten not in NO_DID else None
        call.did_sure = is_number(call.did)
    else:
        call.outbound = True
    _anchor_client(state, call, channel)
    return call


def colleague_calls_in(state: State, call: Call, channel: Channel) -> None:
    """A mobile of the map calls in over a trunk: a call between colleagues, and a record whomever it reaches."""
    extension = channel.who.extension
    if extension is not None:
        call.part(extension)
        call.client_raw = channel.number
        call.note(
            state.wall,
            extension,
            f"{channel.name} calls in and shows {channel.number}, a mobile of {extension}: unverified, a number can be"
            " forged",
        )


def client_called(state: State, call: Call, channel: Channel) -> None:
    """An outside number is dialled from a call between colleagues: it is a client's call from now on."""
    call.outbound = True
    for part in call.parts.values():
        if part.participant:
            part.consulted = f"talked to a colleague from {clock(part.first_wall)}, before the client was called"
        part.talks.clear()
        part.first_from, part.talk_order, part.talked = None, None, 0.0
    call.participants = 0
    call.hears_nobody()
    state.part_from(call)
    _anchor_client(state, call, channel)


def client_found(state: State, call: Call, source: Channel | None) -> None:
    """The dialling of a client whom a listing had shown before it: now it is known who dialled, and what number."""
    number_known(state, call)
    if source is not None and call.initiator is None:
        join(state, call, source, "dialled the client")
        call.origin = source
        _initiated(state, call)


def client_redialled(state: State, call: Call, channel: Channel) -> None:
    """The next number or the next trunk is tried for a client who was not reached: still the same call."""
    _set_client(state, call, channel)
    call.note(state.wall, None, f"{channel.name} is dialled next for {call.client_raw}")
    tell(state, call)


def client_answered(state: State, call: Call, channel: Channel) -> None:
    """Of several lines tried at once this one was answered: it is the client's."""
    if call.anchor is not channel and not call.reached:
        _set_client(state, call, channel)
        tell(state, call)
    call.reached = True


def number_known(state: State, call: Call) -> None:
    """The client's number came after the client's channel."""
    if call.anchor is not None and call.client_raw is None and call.anchor.number:
        _number(call, call.anchor)
        _doubts(state, call)
        tell(state, call)


def did_known(state: State, call: Call, did: str) -> None:
    """What the client dialled came after the client's channel."""
    call.did, call.did_sure = did, is_number(did)
    tell(state, call)


def extends(state: State, source: Channel) -> Call:
    """The call that dialling from this channel belongs to.

    The client's own channel, a trunk's leg and plumbing extend the call they are in. A person's phone extends the call
    that it began; on somebody else's call, what it dials is a second line of its own.
    """
    call = source.call
    if call is None or not call.live:
        # A line that dials in the dialplan, but whose call was never seen to begin, has a client at its far end.
        waits = is_line(source) and source.up and not source.call_over
        return client_calls(state, source) if waits else new_call(state, source)
    if source is call.anchor or source.local or is_line(source) or source is call.origin:
        return call
    if source.second_line is None or not source.second_line.live:
        source.second_line = new_call(state, source)
    return source.second_line


def join(
    state: State, call: Call, channel: Channel, proof: str, *, called: bool = False, by_client: bool = False
) -> None:
    """A channel belongs to the call from now on. `proof` says by what."""
    if channel.uid in call.legs or channel.gone:
        return
    # The far end of the client's own channel is the client, whatever the map says by now.
    extension = None if call.client and channel is call.anchor else channel.who.extension
    leg = Leg(channel, extension, state.at, called, by_client)
    call.legs[channel.uid] = leg
    call.takes(channel)
    if isnan(call.began_wall):
        call.began_wall = channel.born
    other = channel.call
    if other is None or not other.live:
        channel.call = call
    elif other is not call and not other.client:
        if not call.client or _consulted(other, call, extension):
            merge(state, other, call)
        else:
            _moves(state, other, call, channel)
    recording.joins(state, call, channel)
    if extension is not None:
        _person_joins(state, call, leg, extension, proof)
    if channel.local:
        for near in (channel.other, channel.dialled_by):
            if near is not None:
                join(state, call, near, proof, by_client=by_client and near.local)
        for dialled in list(channel.dialled):
            join(state, call, dialled, proof, called=True, by_client=by_client)


def merge(state: State, other: Call, into: Call) -> None:
    """A call between colleagues turns out to be part of another one."""
    state.live.pop(other, None)
    other.ended_at = state.at
    other.hears_nobody()
    state.part_from(other)
    if other.anchor is not None:
        other.anchor.anchors = None
    for uid, leg in other.legs.items():
        channel = leg.channel
        other.lets_go(channel)
        if channel.call is other:
            channel.call = into
        if channel.second_line is other:
            channel.second_line = None
        if uid not in into.legs:
            into.legs[uid] = leg
            if not channel.gone:
                into.takes(channel)
                recording.joins(state, into, channel)
    for extension, part in other.parts.items():
        mine = into.part(extension)
        mine.ringing.update(part.ringing)
        if mine.ringing:
            into.ringing[extension] = mine
        mine.dialled_at = mine.dialled_at if mine.dialled_at is not None else part.dialled_at
        mine.rang_at = mine.rang_at if mine.rang_at is not None else part.rang_at
        if part.participant and mine.consulted is None:
            mine.consulted = f"talked to a colleague from {clock(part.first_wall)}, without the client"
    into.recordings.update(other.recordings)
    for fact in other.trail:
        into.note(fact.wall, fact.extension, fact.text)
    if not into.client and other.order < into.order:
        into.began_wall, into.order = other.began_wall, other.order


def link(one: Call, other: Call) -> None:
    """Two clients' calls that an operator joined, or that one operator made at once, name each other."""
    if one is not other and one.client and other.client:
        one.linked[other.id] = None
        other.linked[one.id] = None


def _anchor_client(state: State, call: Call, channel: Channel) -> None:
    """The call becomes a client's: it gets its id, and the world hears of it."""
    call.client = True
    call.partial = call.partial or channel.partial
    known = state.known.pop(channel.uid, None)
    if known is None:
        call.linkedid = channel.linkedid
        call.call_id = state.ids.give(call.linkedid)
    else:
        # The channel may have another linkedid by now than the one in the id.
        call.linkedid = state.ids.linkedid(known.call_id)
        call.call_id = known.call_id
    _set_client(state, call, channel)
    if known is not None:
        remember(state, call, known)
    whose = "calls" if not call.outbound else "is called"
    call.note(state.wall, None, f"{call.client_raw or 'a withheld number'} {whose} on {channel.name}")
    _doubts(state, call)
    tell(state, call)
    _initiated(state, call)
    state.out.append(
        Anchored(call.id, channel.uid, call.client_raw, call.did, call.outbound, state.at, call.began_wall)
    )


def _set_client(state: State, call: Call, channel: Channel) -> None:
    if call.anchor is not None:
        call.anchor.anchors = None
    call.anchor = channel
    channel.anchors = call
    if call.talking or channel.hears is not None:
        state.unsettled.append(call)
    call.proves_answer = channel.who.proves_answer
    call.reached = call.reached or channel.up
    _number(call, channel)
    join(state, call, channel, "the client's own channel", called=call.outbound)
    channel.call = call


def _number(call: Call, channel: Channel) -> None:
    call.client_raw = channel.number or None
    call.client_number = call.believed_number
    if not call.outbound:
        call.client_name = channel.caller_name or None


def _doubts(state: State, call: Call) -> None:
    """Says why a caller's number is not taken for what it looks like."""
    raw = call.client_raw
    if call.outbound or raw is None:
        return
    mobile_of = call.directory.mobile_of(raw)
    if call.directory.is_own(raw):
        call.note(state.wall, None, f"{raw} is one of the company's own numbers: a caller who shows it is not believed")
    elif mobile_of is not None:
        call.note(
            state.wall,
            None,
            f"{raw} is a mobile of {mobile_of}, and whoever shows it counts as a client here (mobiles.calls_in, or"
            " the trunk's trust_caller_id)",
        )


def tell(state: State, call: Call) -> None:
    """What the map says of the line and the number; and the world hears of the call, unless it is excluded."""
    if call.anchor is not None:
        call.line = call.directory.line(call.anchor.device, call.did)
    before = call.excluded
    call.excluded = call.directory.excluded(
        client=call.client_number,
        client_raw=call.client_raw,
        did=call.did,
        queue=call.queue,
        queue_number=call.queue_number,
        route=call.route,
    )
    if call.excluded is not None and call.excluded != before:
        call.note(state.wall, None, f"no card opens: {call.excluded}")
    if call.excluded is None and not call.announced:
        call.announced = True
        state.command(call, CommandType.CALL_STARTED, f"{call.id}/call.started", None, {"call": summary(call)})


def _initiated(state: State, call: Call) -> None:
    """It is known who called the client: that person has a part in the call, and is linked by it to other clients'."""
    if not call.outbound or call.initiator is not None:
        return
    call.initiator = call.who_began()
    if call.initiator is not None:
        call.part(call.initiator)
        for other in state.engaged.get(call.initiator, {}):
            link(call, other)


def _person_joins(state: State, call: Call, leg: Leg, extension: str, proof: str) -> None:
    if leg.called:
        part = call.part(extension)
        if part.dialled_at is None:
            part.dialled_at = state.at
        call.note(state.wall, extension, f"{leg.channel.name} is {proof}")
        cards.on_dialled(state, call, part)
    if not call.client and call.anchor is None and leg.channel.anchors is None:
        # Between colleagues the first person's phone stands in the client's place.
        call.anchor = leg.channel
        leg.channel.anchors = call
        if leg.channel.hears is not None:
            state.unsettled.append(call)
    if leg.channel.rang_at is not None and leg.channel.call is call:
        parts.rings(state, call, leg)


def _consulted(other: Call, call: Call, extension: str | None) -> bool:
    """Whether a call between colleagues is this call's consultation, or nobody else's but the one who joins."""
    others = {leg.extension for leg in other.people()} - {extension}
    return not others or any(name in call.parts and call.parts[name].participant for name in others if name)


def _moves(state: State, other: Call, call: Call, channel: Channel) -> None:
    """Somebody is taken out of a call between colleagues that has nothing to do with this one."""
    other.lets_go(channel)
    channel.call = call
    if other.anchor is channel:
        parts.everybody_parts(state, other)
        other.anchor, channel.anchors = None, None
    ending.end_if_over(state, other)
