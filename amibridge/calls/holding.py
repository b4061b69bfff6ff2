"""Hold and music: whoever has music played to them hears nobody. It pauses talk and undoes nothing.

There are two holds, and both say `Hold`. A phone's own (re-INVITE) is about the phone: it sends no sound until its
`Unhold`, through whatever bridges its channel is taken meanwhile. A feature code's is about one bridge: its channel
goes from there into a consultation and back, often without any `Unhold`. `MusicClass` is only in a phone's hold (what
the phone's endpoint suggests, `mohsuggest`), but where an endpoint suggests none, neither has it: then the way of the
channel tells them apart. (bridge_basic.c sends `Hold` by `ast_bridge_channel_write_hold` with no class; tried on 16 and
22.)

Asterisk sends an `Unhold` for the transferer just before every transfer (`ast_bridge_channel_write_unhold` in
bridge.c), also where the phone goes on holding, and another one just after a consultation by feature code. So an Unhold
counts when no transfer has followed it and no consultation has ended just before it.
"""

from collections import Counter

from amibridge.calls import conversation
from amibridge.calls.channel import Bridge, Channel
from amibridge.calls.event import Event
from amibridge.calls.lifecycle import met
from amibridge.calls.state import State

ATTENDED = "Local/_attended@transfer-"


def on_hold(state: State, event: Event) -> None:
    """`Hold`: this channel's side put the others on hold."""
    channel = met(state, event)
    if channel is not None:
        channel.unheld_at.clear()
        if event.told("MusicClass") is not None:
            channel.phone_holds = True
        else:
            channel.code_holds = True
        conversation.changed(state, channel)


def on_unhold(state: State, event: Event) -> None:
    """`Unhold`: talk goes on when no transfer has followed. One without a `Hold` is normal."""
    channel = met(state, event)
    if channel is None:
        return
    channel.unhold_at = state.at
    if not channel.on_hold:
        return
    if channel.moved_at is not None and state.at - channel.moved_at < state.patience.unhold_settles:
        return
    at = state.at
    channel.unheld_at.append(at)

    def believe() -> None:
        if at in channel.unheld_at and not channel.gone:
            channel.unheld_at.remove(at)
            # Of two holds it ends the code's, unless the music goes on: while a feature works it hears the phone's
            # Hold and Unhold itself, and nobody in the bridge does.
            if channel.code_holds and not (channel.phone_holds and _music_plays(channel)):
                channel.code_holds = False
            else:
                channel.phone_holds = False
            conversation.changed(state, channel, since=at)

    state.at_deadline(at + state.patience.unhold_settles, believe)


def _music_plays(channel: Channel) -> bool:
    """Whether somebody whom this channel left waiting hears music."""
    return channel.bridge is not None and any(other.held for other in channel.bridge.members if other is not channel)


def transfers(*phones: Channel | None) -> None:
    """These transfer somebody, or try to: the Unhold before it was Asterisk's. The phones hold until they say so."""
    for phone in phones:
        if phone is not None:
            phone.unheld_at.clear()


def joins_two_bridges(state: State, half: Channel) -> None:
    """A Local pair is made. Asterisk makes one with this name to join the bridges of an attended transfer's two calls
    (bridge.c); it said Unhold for both of the transferer's channels just before, and half a second may pass until it
    tells of the transfer.
    """
    if not half.name.startswith(ATTENDED):
        return
    said = [one for one in state.channels.values() if 0 <= state.at - one.unhold_at < state.patience.unhold_settles]
    devices = Counter(one.device for one in said)
    transfers(*(one for one in said if devices[one.device] > 1))


def goes_into(state: State, channel: Channel, bridge: Bridge) -> None:
    """A channel is about to enter another bridge than its last one: only a feature code's hold is left behind.

    A feature code's consultation is a bridge that begins with a Local half which nobody has dialled (it has no
    `DialBegin` with a source) and which nobody has answered yet. Who pressed the code may be behind a Local pair: then
    it is a Local half that holds and goes.
    """
    if channel.local and not (bridge.members or channel.was_dialled or channel.up):
        bridge.consultation = True
        return
    if bridge.consultation or channel.consults:
        channel.moved_at = state.at
        channel.code_holds = False
        channel.unheld_at.clear()
    channel.consults = bridge.consultation


def settled_at(state: State) -> float:
    """When the last Unhold that has come so far will be believed; 0.0 where none waits."""
    waiting = [at for channel in state.channels.values() for at in channel.unheld_at]
    return max(waiting) + state.patience.unhold_settles if waiting else 0.0


def on_music_start(state: State, event: Event) -> None:
    """`MusicOnHoldStart`: this channel hears music."""
    channel = met(state, event)
    if channel is not None:
        if channel.bridge is None:
            channel.music = True
        else:
            channel.held = True
        conversation.changed(state, channel)


def on_music_stop(state: State, event: Event) -> None:
    """`MusicOnHoldStop`: the music is over, whoever started it. It always comes, unlike `Unhold`."""
    channel = met(state, event)
    if channel is not None:
        channel.music = channel.held = False
        conversation.changed(state, channel)
