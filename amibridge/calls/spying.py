"""ChanSpy: whoever listens in, whispers or barges in is a supervisor, not a participant."""

from amibridge.calls import cards, parts
from amibridge.calls.event import Event
from amibridge.calls.lifecycle import met
from amibridge.calls.naming import named
from amibridge.calls.state import State


def on_start(state: State, event: Event) -> None:
    """`ChanSpyStart` names the spy and the channel that is spied upon."""
    spyer, spyee = met(state, event, "Spyer"), met(state, event, "Spyee")
    if spyer is None or spyee is None or spyer.who.extension is None:
        return
    for call in spyee.calls:
        if call.client and spyee.who.extension != spyer.who.extension:
            part = call.part(spyer.who.extension)
            part.supervised = part.spying = True
            spyer.listens_to.append(call)
            call.note(state.wall, part.extension, f"{spyer.name} listens in at {spyee.name}")
            cards.open_for_supervisor(state, call, part)


def on_stop(state: State, event: Event) -> None:
    """`ChanSpyStop`: a supervisor's card, where the map wants one, closes."""
    spyer = named(state, event, "Spyer")
    if spyer is not None:
        parts.listens_no_more(state, spyer)
