"""Conversations: which device channels hear each other.

Two device channels hear each other when both are Up, joined by non-holding bridges directly or through Local pairs,
and neither of them, nor a Local half between them, is on hold or has music played to it.
"""

from amibridge.calls.channel import Bridge, Channel
from amibridge.calls.who import Kind


def hearers(channel: Channel) -> dict[Channel, Bridge]:
    """The device channels in conversation with `channel`, each with the bridge it is in."""
    heard: dict[Channel, Bridge] = {}
    bridge = channel.bridge
    if bridge is None or bridge.holding or not channel.audible:
        return heard
    walked = [bridge]
    for bridge in walked:
        for member in bridge.members:
            if member is channel or not member.audible:
                continue
            if not member.local:
                if member.who.kind is not Kind.NOBODY:
                    heard[member] = bridge
                continue
            far = member.other
            if far is None or not far.audible or far.bridge is None or far.bridge.holding or far.bridge in walked:
                continue
            walked.append(far.bridge)
    return heard


def reach(channel: Channel) -> dict[Channel, None]:
    """Every channel joined to `channel` by bridges and Local pairs, audible or not: whom a change at it may concern."""
    found = {channel: None}
    todo = [channel]
    for current in todo:
        near = list(current.bridge.members) if current.bridge is not None else []
        if current.other is not None:
            near.append(current.other)
        for member in near:
            if member not in found:
                found[member] = None
                todo.append(member)
    return found
