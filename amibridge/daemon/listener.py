"""Listening: what a PBX's session tells goes through the core and into the store, group by group."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from amibridge.ami.guard import contained
from amibridge.calls import Calls, Event, Output, Picture
from amibridge.store import Saved, Store

log = structlog.get_logger("amibridge")

Told = Callable[[Sequence[Output]], None]


class Listener:
    """The handler of one PBX's session: one read is one group, one group is one transaction.

    calls: contains its own exceptions. at: the present on the PBX's line of time. tell: hears every output before it is
    written; what it raises keeps none from being written.
    """

    def __init__(self, pbx: str, calls: Calls, store: Store, at: Callable[[], float], tell: Told) -> None:
        self.calls = calls
        self._pbx = pbx
        self._store = store
        self._at = at
        self._tell = tell
        self._deadline_moved = asyncio.Event()

    async def events(self, group: Sequence[Event]) -> None:
        """The events of one read."""
        out: list[Output] = []
        for event in group:
            out += self.calls.apply(event)
        await self._settle(out)

    async def picture(self, picture: Picture, at: float, wall: float) -> None:
        """What the PBX shows after a (re)connect."""
        await self._settle(self.calls.present(picture, at, wall))

    async def lost(self, why: str, at: float, wall: float) -> None:
        """Nothing is decided without having been seen: the next picture tells what became of the calls."""

    async def keep_time(self) -> None:
        """Fires the core's deadlines when they come, although no event does. Works until it is cancelled."""
        while True:
            self._deadline_moved.clear()
            deadline = self.calls.deadline
            try:
                async with asyncio.timeout(None if deadline is None else max(0.0, deadline - self._at())):
                    await self._deadline_moved.wait()
            except TimeoutError:
                with contained(log, "deadlines.failed"):
                    await self._settle(self.calls.advance(self._at()))

    async def _settle(self, out: Sequence[Output]) -> None:
        self._deadline_moved.set()
        if not out:
            return
        with contained(log, "decisions.not_told"):
            self._tell(out)
        if await self._store.commit(out, self._pbx) is Saved.FULL:
            await self._store.room()
