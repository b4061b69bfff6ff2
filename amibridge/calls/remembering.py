"""Remembering: what a daemon that starts again knows of the calls that were live when its predecessor ended."""

from amibridge.calls import cards, ending
from amibridge.calls.call import Call
from amibridge.calls.faults import LISTING, contained
from amibridge.calls.outputs import Finding
from amibridge.calls.state import Known, State


def remember(state: State, call: Call, known: Known) -> None:
    """The call has gone on: it keeps its number, its cards and its participants."""
    call.outbound = known.outbound
    call.did, call.did_sure = known.did, known.did is not None
    call.announced = known.announced
    call.began_wall = known.began_wall or call.began_wall
    if known.client_raw is not None:
        call.client_raw = known.client_raw
        call.client_number = call.believed_number
    for extension, count in sorted(known.openings.items(), key=lambda one: known.opened_at.get(one[0], state.wall)):
        card = call.part(extension).card
        card.openings = count
        card.is_open = extension in known.open_cards
        card.closings = count - card.is_open
        card.first_opened = known.opened_at.get(extension, state.wall)
        card.order = state.number()
    for extension, wall in known.participants.items():
        part = call.part(extension)
        part.first_from, part.first_wall, part.last_wall = state.at, wall, wall
        part.finding = Finding.PARTICIPANT
        part.mobile_only = part.unverified = False
        call.participants += 1
        part.talk_order = call.participants
    call.note(state.wall, None, "the daemon was started again in the middle of this call")


def close_what_is_over(state: State) -> None:
    """After the first picture: cards of people who are not on their calls any more close, and the calls that are in no
    picture end."""
    for call in list(state.live):
        with contained(state, LISTING, call):
            for part in call.parts.values():
                if part.card.is_open and not part.ties and not part.card.for_ringing and not part.spying:
                    cards.close(state, call, part, "was not on the call any more when the daemon started again")
    unseen = list(state.known.values())
    state.known.clear()
    for known in unseen:
        call = Call(state.directory, known.began_wall or state.wall, state.at, call_id=known.call_id, client=True)
        with contained(state, LISTING, call):
            call.linkedid = state.ids.linkedid(known.call_id)
            remember(state, call, known)
            ending.vanish(state, call)
