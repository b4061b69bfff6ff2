"""How the links to the PBXs stand goes into the store, where `amibridge status` finds it."""

from amibridge.ami.session import Session
from amibridge.ami.status import State
from amibridge.store import Store
from amibridge.store.link import Link

TOLD = (State.LIVE, State.REFUSED, State.DOWN)
"""The states that last; the others lead from one of these to another."""


async def keep_link(pbx: str, session: Session, store: Store) -> None:
    """Works until the session is closed."""
    while (status := await session.reached(*TOLD)).state is not State.CLOSED:
        store.note_link(Link(pbx, status.state is State.LIVE, status.since, status.why, status.remedy))
        await session.reached(*(state for state in State if state is not status.state))
