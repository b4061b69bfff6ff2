"""Transfers: hand-overs of the client from one participant to another, told once the new one talks to the client."""

from amibridge.calls import holding, parts
from amibridge.calls.call import Call, Handover
from amibridge.calls.channel import Channel
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.state import State


def on_blind(state: State, event: Event) -> None:
    """`BlindTransfer`: the transferer sends the client to an extension. It may never be answered."""
    transferer = named(state, event, "Transferer")
    holding.transfers(transferer)
    if event.told("Result") != "Success":
        return
    transferee = named(state, event, "Transferee")
    if transferer is None or transferer.who.extension is None:
        return
    target = event.told("Extension") or "?"
    for call in _clients_of(transferer, transferee):
        call.handover = Handover(transferer.who.extension, "blind", (transferer,))
        call.note(
            state.wall,
            transferer.who.extension,
            f"transfers the client blind to {target}",
        )


def on_attended(state: State, event: Event) -> None:
    """`AttendedTransfer`: two calls of the transferer become one. The new pair may talk already when this comes."""
    transferer, second = named(state, event, "OrigTransferer"), named(state, event, "SecondTransferer")
    holding.transfers(transferer, second)
    if event.told("Result") != "Success":
        return
    transferee = named(state, event, "Transferee")
    target = named(state, event, "TransferTarget")
    if event.told("DestType") == "App":
        _takes_its_place(transferee or target, transferer if transferee is None else second)
    phones = tuple(phone for phone in (transferer, second) if phone is not None and phone.who.extension is not None)
    if not phones or phones[0].who.extension is None:
        return
    by = phones[0].who.extension
    calls = dict.fromkeys(
        call
        for call in (
            *_clients_of(transferer, transferee),
            *_clients_of(second, target),
        )
    )
    for call in calls:
        call.note(state.wall, by, "completes an attended transfer")
        call.handover = Handover(by, "attended", phones)
        for channel in call.talking:
            new_participant(state, call, channel)


def _takes_its_place(bridged: Channel | None, waiting: Channel | None) -> None:
    """One of the transferer's calls was in an application (a queue): whoever was bridged with the other one takes the
    channel's place there. When a queue's member answers in that moment, BridgeEnter still names the old channel."""
    if waiting is not None:
        waiting.heir = bridged


def new_participant(state: State, call: Call, channel: Channel) -> None:
    """Somebody talks to the client: if a hand-over is under way, this is whom it went to, or it came back."""
    handover, extension = call.handover, channel.who.extension
    if handover is None or extension is None or channel in handover.phones:
        return
    call.handover = None
    if extension == handover.by:
        return
    call.transfers.append((handover.by, extension, handover.kind))
    call.note(state.wall, extension, f"takes the client over from {handover.by} ({handover.kind})")
    giver = call.parts.get(handover.by)
    if giver is not None:
        for tie in [tie for tie in giver.ties if tie not in call.talking]:
            parts.release(state, call, tie, f"handed over to {extension}")


def none_any_more(call: Call) -> None:
    """The client was parked, or came back from it: whoever talks next was not handed the client."""
    call.handover = None


def _clients_of(phone: Channel | None, client: Channel | None) -> list[Call]:
    """The clients' calls that a hand-over is about: the client's own, else those the phone is on."""
    if client is not None and client.anchors is not None and client.anchors.client:
        return [client.anchors]
    if phone is None:
        return []
    return [call for call in phone.calls if call.client and call.live]
