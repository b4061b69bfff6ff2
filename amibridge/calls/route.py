"""Route: the internal numbers by whose dialplan the client's call went: ring groups, queues, forwarded extensions.

No context's name is asked for. What stands in `Exten` is such a number when it is neither what the client dialled, nor
the extension whose phone is rung, nor anybody's outside.
"""

from amibridge.calls import identity
from amibridge.calls.call import Call
from amibridge.calls.channel import Channel
from amibridge.calls.event import Event
from amibridge.calls.state import State


def on_dialling(state: State, source: Channel, event: Event) -> None:
    """The client's own channel dials: `Exten` says in which number's dialplan it is."""
    call = source.anchors
    if call is not None and call.client:
        passes(state, call, event.told("Exten") or "")


def on_ringing(state: State, phone: Channel, event: Event) -> None:
    """A phone rings for the client: its `Exten` is that of the dialplan which dialled it, also where the dialling
    itself was done in a macro (`s`)."""
    call = phone.call
    if call is None or not call.client or phone.who.extension is None or phone.who.via_mobile:
        return
    exten = event.told("Exten") or ""
    if exten != phone.who.extension and call.legs[phone.uid].by_client:
        passes(state, call, exten)


def passes(state: State, call: Call, exten: str) -> None:
    """The client's call has come to this internal number, whose calls may be excluded."""
    if exten.isdecimal() and exten != call.did and exten not in call.route and call.directory.e164(exten) is None:
        call.route.append(exten)
        identity.tell(state, call)
