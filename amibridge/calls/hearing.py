"""Hearing: the device channels that hear each other.

Two device channels hear each other when both are Up, joined by non-holding bridges directly or through Local pairs,
and neither of them, nor a Local half between them, is on hold or has music played to it. Those that do are kept
together in one `Conversation`, so that nothing has to be searched for when something happens to one of them.
"""

from collections.abc import Iterator

from amibridge.calls.channel import Bridge, Channel, Conversation
from amibridge.calls.who import Kind


def place(channel: Channel) -> Conversation | None:
    """The conversation that a device channel belongs to as it stands, or None where it hears nobody."""
    bridge = channel.bridge
    if bridge is None or bridge.holding or not channel.audible:
        return None
    return bridge.conversation if members(bridge.conversation, channel.who.kind) is not None else None


def members(conversation: Conversation, kind: Kind) -> dict[Channel, None] | None:
    """Where a conversation keeps channels of this kind; None for those that count nowhere."""
    if kind is Kind.EXTENSION:
        return conversation.people
    if kind is Kind.OUTSIDE:
        return conversation.lines
    return conversation.machines if kind is Kind.MACHINE else None


def add(conversation: Conversation, channel: Channel) -> None:
    kept = members(conversation, channel.who.kind)
    if kept is not None:
        kept[channel] = None
        channel.hears = conversation


def remove(channel: Channel) -> None:
    """Takes a channel out of its conversation, also when it counts as somebody else by now."""
    if channel.hears is not None:
        for kept in (channel.hears.people, channel.hears.lines, channel.hears.machines):
            kept.pop(channel, None)
        channel.hears = None


def passes(half: Channel) -> bool:
    """Whether sound passes a Local pair, from the bridge of one half to the bridge of the other."""
    far = half.other
    return far is not None and all(
        one.audible and one.bridge is not None and not one.bridge.holding for one in (half, far)
    )


def smaller_side(one: Bridge, other: Bridge) -> list[Bridge] | None:
    """Two bridges were parted: what is still joined to the one of them to which less is joined, itself too.

    None when another way still joins them. Both sides are walked in step, so the larger one costs nothing.
    """
    here, there = {one: None}, {other: None}
    walks = [(here, there, _walk(here)), (there, here, _walk(there))]
    while one is not other:
        for found, beyond, walk in walks:
            bridge = next(walk, None)
            if bridge is None:
                return list(found)
            if bridge in beyond:
                return None
    return None


def _walk(found: dict[Bridge, None]) -> Iterator[Bridge]:
    """Every bridge that is joined to those that are found, each once."""
    todo = list(found)
    for bridge in todo:
        for joined in bridge.joined.values():
            if joined not in found:
                found[joined] = None
                todo.append(joined)
                yield joined
