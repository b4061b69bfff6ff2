"""Identity: which call a channel belongs to, where a call begins, how two become one, and when it is over.

A call is anchored at its client's channel. Other channels join it by what proves that they belong: a dialling, a Local
pair, a conversation, or an event that names both. A linkedid is never asked: it comes late and merges too much.
"""

from amibridge.calls import cards, parts, verdicts
from amibridge.calls.call import Call, Leg, is_line
from amibridge.calls.channel import Channel
from amibridge.calls.outputs import CommandType, End, Ended, Finding, Verdict
from amibridge.calls.record import clock, finished, missed_candidates, summary
from amibridge.calls.state import Known, State
from amibridge.calls.who import Kind


def new_call(state: State, origin: Channel | None) -> Call:
    """A call between colleagues, so far: it becomes a client's when an outside number is dialled from it."""
    call = Call(
        pbx=state.pbx,
        directory=state.directory,
        serial=state.number(),
        began_at=state.at,
        began_wall=state.wall,
        last_at=state.at,
        origin=origin,
    )
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
        call.did = channel.exten if channel.exten not in ("", "s") else channel.from_did
    else:
        call.outbound = True
    _anchor_client(state, call, channel)
    return call


def client_called(state: State, call: Call, channel: Channel) -> None:
    """An outside number is dialled from a call between colleagues: it is a client's call from now on."""
    call.outbound = True
    for part in call.parts.values():
        if part.participant:
            part.consulted = f"talked to a colleague from {clock(part.first_wall)}, before the client was called"
        part.talks.clear()
        part.first_from, part.talk_order, part.talked = None, None, 0.0
    call.participants = 0
    call.talking.clear()
    if call.anchor is not None:
        call.anchor.anchors = None
    _anchor_client(state, call, channel)
    if call.initiator is not None:
        call.part(call.initiator)
        for other in state.engaged.get(call.initiator, {}):
            link(call, other)


def client_redialled(state: State, call: Call, channel: Channel) -> None:
    """The next number or the next trunk is tried for a client who was not reached: still the same call."""
    if call.anchor is not None:
        call.anchor.anchors = None
    _set_client(state, call, channel)
    call.note(state.wall, None, f"{channel.name} is dialled next for {call.client_raw}")


def client_answered(call: Call, channel: Channel) -> None:
    """Of several lines tried at once this one was answered: it is the client's."""
    if call.anchor is not channel and call.anchor is not None and not call.reached:
        call.anchor.anchors = None
        call.anchor = channel
        channel.anchors = call
    call.reached = True


def number_known(state: State, call: Call) -> None:
    """The client's number came after the client's channel."""
    if call.anchor is not None and call.client_raw is None and call.anchor.number:
        _number(call, call.anchor)


def extends(state: State, source: Channel) -> Call:
    """The call that dialling from this channel belongs to.

    The client's own channel, a trunk's leg and plumbing extend the call they are in. A person's phone extends the call
    that it began; on somebody else's call, what it dials is a second line of its own.
    """
    call = source.call
    if call is None or not call.live:
        return new_call(state, source)
    if source is call.anchor or source.local or is_line(source) or source is call.origin:
        return call
    if source.second_line is None or not source.second_line.live:
        source.second_line = new_call(state, source)
    return source.second_line


def join(
    state: State, call: Call, channel: Channel, proof: str, *, called: bool = False, by_client: bool = False
) -> None:
    """A channel belongs to the call from now on. `proof` says by what."""
    if channel.uid in call.legs:
        return
    extension = channel.who.extension
    leg = Leg(channel, extension, proof, state.at, called, by_client)
    call.legs[channel.uid] = leg
    channel.calls[call] = None
    other = channel.call
    if other is None or not other.live:
        channel.call = call
    elif other is not call and not other.client:
        if not call.client or _consulted(other, call, extension):
            merge(state, other, call)
        else:
            _moves(state, other, call, channel)
    if channel.recording is not None:
        call.recordings[channel.recording] = None
    if extension is not None:
        _person_joins(state, call, leg, extension)
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
    if other.anchor is not None:
        other.anchor.anchors = None
    for uid, leg in other.legs.items():
        channel = leg.channel
        channel.calls.pop(other, None)
        if channel.call is other:
            channel.call = into
        if channel.second_line is other:
            channel.second_line = None
        if uid not in into.legs:
            into.legs[uid] = leg
            if not channel.gone:
                channel.calls[into] = None
    for extension, part in other.parts.items():
        mine = into.part(extension)
        mine.dialled_at = mine.dialled_at if mine.dialled_at is not None else part.dialled_at
        mine.rang_at = mine.rang_at if mine.rang_at is not None else part.rang_at
        if part.participant and mine.consulted is None:
            mine.consulted = f"talked to a colleague from {clock(part.first_wall)}, without the client"
    into.recordings.update(other.recordings)
    into.trail.extend(other.trail)


def _consulted(other: Call, call: Call, extension: str | None) -> bool:
    """Whether a call between colleagues is this call's consultation, or nobody else's but the one who joins."""
    others = {leg.extension for leg in other.people()} - {extension}
    return not others or any(name in call.parts and call.parts[name].participant for name in others if name)


def _moves(state: State, other: Call, call: Call, channel: Channel) -> None:
    """Somebody is taken out of a call between colleagues that has nothing to do with this one."""
    channel.calls.pop(other, None)
    channel.call = call
    if other.anchor is channel:
        for talker in list(other.talking):
            parts.ends_talk(state, other, talker)
        other.talking.clear()
        other.anchor, channel.anchors = None, None
    end_if_over(state, other)


def link(one: Call, other: Call) -> None:
    """Two clients' calls that an operator joined, or that one operator made at once, name each other."""
    if one is not other and one.client and other.client:
        one.linked[other] = None
        other.linked[one] = None


def person_anchors(call: Call, channel: Channel) -> None:
    """Between colleagues the first person's phone stands in the client's place."""
    if call.anchor is None and channel.anchors is None and channel.who.kind is Kind.EXTENSION:
        call.anchor = channel
        channel.anchors = call


def forget(state: State, call: Call) -> None:
    """Nothing was heard of the call for so long that its end must have been missed."""
    hours = state.patience.forget_after / 3600
    call.end = End.FORGOTTEN
    call.note(state.wall, None, f"its end was never seen: closed after {hours:g} h in which nothing was heard of it")
    end(state, call)


def vanished(state: State, call: Call) -> None:
    """The call's client was gone when the link to the PBX came back: it ends with the last that was seen of it."""
    call.end = End.VANISHED
    call.note(state.wall, None, "its end was not seen: it vanished while the link to the PBX was down")
    end(state, call)


def end_if_over(state: State, call: Call) -> None:
    """Ends the call when its client is gone, or between colleagues when everybody is."""
    if not call.live:
        return
    if call.client and call.anchor is not None:
        if call.anchor.gone and (not call.outbound or call.reached or not _still_dialling(call)):
            end(state, call)
    elif all(call not in leg.channel.calls for leg in call.legs.values()):
        end(state, call)


def end(state: State, call: Call) -> None:
    """The call is over: talk ends, cards close, verdicts fall, and the record goes out."""
    for channel in list(call.talking):
        parts.ends_talk(state, call, channel)
    call.talking.clear()
    call.ended_at = state.at
    call.ended_wall = state.wall
    state.live.pop(call, None)
    if call.anchor is not None:
        call.anchor.anchors = None
    for leg in call.legs.values():
        leg.channel.calls.pop(call, None)
        if leg.channel.call is call:
            leg.channel.call = None
            leg.channel.call_over = True
    if not call.client and not _worth_recording(call):
        return
    parts.release_all(state, call, "the call is over")
    record = judged(state, call)
    if call.client:
        key = f"{call.id}/call.finished"
        data = {"record": record, "missed_candidates": missed_candidates(call)}
        state.command(call, CommandType.CALL_FINISHED, key, None, data)
    state.out.append(Ended(call.id, call.end, state.at, state.wall, record, tuple(call.trail)))
    state.retire_id(call.linkedid)
    call.legs.clear()
    call.parts.clear()


def so_far(state: State, call: Call) -> Ended | None:
    """The record of a call that a capture ends in the middle of."""
    for part in call.parts.values():
        if part.talks:
            part.talked += max(0.0, state.at - part.talk_from)
            part.last_wall = state.wall
            part.talks.clear()
    if not call.client and not _worth_recording(call):
        return None
    record = judged(state, call)
    return Ended(call.id, End.CUT, state.at, state.wall, record, tuple(call.trail))


def judged(state: State, call: Call) -> dict[str, object]:
    """Pronounces the verdicts and writes the record."""
    if call.call_id is None:
        call.call_id = state.give_id(call.linkedid)
    said: dict[str, dict[str, str]] = {}
    for extension in sorted(call.parts):
        part = call.parts[extension]
        before = part.finding
        part.finding, because = verdicts.judge(call, part)
        said[extension] = {"verdict": part.finding.value, "because": because}
        if before is not Finding.PARTICIPANT and call.client:
            state.out.append(Verdict(call.id, extension, part.finding, because, state.at, state.wall))
    return finished(call, verdicts.outcome(call), said)


def _anchor_client(state: State, call: Call, channel: Channel) -> None:
    """The call becomes a client's: it gets its id, and the world hears of it."""
    call.client = True
    call.partial = call.partial or channel.partial
    known = state.known.pop(channel.uid, None)
    call.linkedid = channel.linkedid
    call.call_id = known.call_id if known is not None else state.give_id(channel.linkedid)
    _set_client(state, call, channel)
    if known is not None:
        _remember(state, call, known)
    call.line = call.directory.line(channel.device, call.did)
    call.initiator = _initiator(call)
    call.excluded = call.directory.excluded(
        client=call.client_number, client_raw=call.client_raw, did=call.did, queue=call.queue
    )
    if call.excluded is not None:
        call.note(state.wall, None, f"nothing is sent: {call.excluded}")
    whose = "calls" if not call.outbound else "is called"
    call.note(state.wall, None, f"{call.client_raw or 'a withheld number'} {whose} on {channel.name}")
    if not call.announced:
        call.announced = True
        state.command(call, CommandType.CALL_STARTED, f"{call.id}/call.started", None, {"call": summary(call)})


def _set_client(state: State, call: Call, channel: Channel) -> None:
    call.anchor = channel
    channel.anchors = call
    call.proves_answer = channel.who.proves_answer
    _number(call, channel)
    join(state, call, channel, "the client's own channel", called=call.outbound)
    channel.call = call


def _number(call: Call, channel: Channel) -> None:
    call.client_raw = channel.number or None
    call.client_number = call.directory.e164(channel.number) if channel.number else None
    if not call.outbound:
        call.client_name = channel.caller_name or None


def _remember(state: State, call: Call, known: Known) -> None:
    """A call from before a restart: its beginning was seen, by the daemon that is no more."""
    call.outbound = known.outbound
    call.did = known.did
    call.announced = known.announced
    call.began_wall = known.began_wall or call.began_wall
    if known.client_raw is not None:
        call.client_raw = known.client_raw
        call.client_number = call.directory.e164(known.client_raw)
    for extension, count in known.openings.items():
        card = call.part(extension).card
        card.openings = count
        card.is_open = extension in known.open_cards
        card.closings = count - card.is_open


def _initiator(call: Call) -> str | None:
    """The extension that dialled or clicked: the phone that began the call, else the first one that a click rang."""
    if not call.outbound:
        return None
    if call.origin is not None and call.origin.who.extension is not None:
        return call.origin.who.extension
    return next((leg.extension for leg in call.people()), None)


def _person_joins(state: State, call: Call, leg: Leg, extension: str) -> None:
    if leg.called:
        part = call.part(extension)
        if part.dialled_at is None:
            part.dialled_at = state.at
            call.note(state.wall, extension, f"{leg.channel.name} is dialled")
            cards.on_dialled(state, call, part)
    if not call.client:
        person_anchors(call, leg.channel)
    if leg.channel.rang_at is not None and leg.channel.call is call:
        parts.rings(state, call, leg)


def _still_dialling(call: Call) -> bool:
    """Whether somebody on the caller's side of an outbound call is still there to try another number."""
    return any(not leg.channel.gone and not leg.by_client and not is_line(leg.channel) for leg in call.legs.values())


def _worth_recording(call: Call) -> bool:
    """Between colleagues: whether there was anybody to talk to."""
    return len({leg.extension for leg in call.people()}) > 1
