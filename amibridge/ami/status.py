"""How it stands with a PBX: what a session shows to whoever looks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from amibridge.ami.faults import LinkError


class State(StrEnum):
    """The states of a session. It goes round from connecting to live to down until it is closed."""

    CONNECTING = "connecting"
    LISTING = "listing"
    """Logged in; channels and bridges are being listed, live events are held back."""
    LIVE = "live"
    REFUSED = "login refused"
    DOWN = "down"
    """No connection; the next attempt waits for its time."""
    CLOSED = "closed"
    """Not running: not yet, or not any more."""


@dataclass(frozen=True, slots=True)
class Status:
    """state: since when (epoch seconds). why, remedy: of `DOWN` and `REFUSED`, in words for an admin.

    lacking: what the account is missing, as it stands in manager.conf (`write = reporting`).
    """

    state: State
    since: float
    why: str | None = None
    remedy: str | None = None
    lacking: tuple[str, ...] = ()


class Standing:
    """The status as it changes, and who waits for it to. now: the present one."""

    def __init__(self, wall: Callable[[], float]) -> None:
        """wall: the time, in seconds since the epoch."""
        self.now = Status(State.CLOSED, wall())
        self._wall = wall
        self._waiting: list[tuple[frozenset[State], asyncio.Future[Status]]] = []

    async def reached(self, *states: State) -> Status:
        """Waits until it is one of these states, or closed. Returns the status that it is then."""
        if self.now.state in states:
            return self.now
        reached: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        self._waiting.append((frozenset((*states, State.CLOSED)), reached))
        return await reached

    def become(self, state: State, error: LinkError | None = None) -> None:
        """Another state begins; error: what led to it."""
        why, remedy = (None, None) if error is None else (error.why, error.remedy)
        self.now = Status(state, self._wall(), why, remedy, self.now.lacking)
        for states, reached in self._waiting:
            if state in states and not reached.done():
                reached.set_result(self.now)
        self._waiting = [(states, reached) for states, reached in self._waiting if not reached.done()]

    def lacks(self, *lacking: str) -> None:
        """All that the account is missing, as far as it is known."""
        self.now = replace(self.now, lacking=lacking)
