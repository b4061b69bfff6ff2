"""Events between the stream and the handler: in order, one group at a time, and never more than fit."""

import asyncio
from collections import deque
from collections.abc import Callable

from amibridge.calls import Event

Group = list[Event]
"""What arrived in one read."""


class Inbox:
    """Holds events back while the PBX is listed, then hands them out; while one waits or is handled, reading pauses.

    Reading goes on while events are held back, because the list has to come in: so what is held has a limit. Over it
    everything held is let go and `overflowed` says that the list has to be taken again.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None], limit: int) -> None:
        """pause, resume: stop and restart reading. limit: events that may be held back."""
        self.overflowed = False
        self._pause = pause
        self._resume = resume
        self.limit = limit
        self._held: Group | None = []
        self._groups: deque[Group] = deque()
        self._ended = False
        self._news = asyncio.Event()

    def put(self, group: Group) -> None:
        """Takes in what arrived in one read."""
        if self._held is None:
            self._groups.append(group)
            self._pause()
            self._news.set()
        elif len(self._held) + len(group) <= self.limit:
            self._held += group
        else:
            self._held.clear()
            self.overflowed = True

    def release(self) -> int:
        """Ends the holding back. What was held, so many events, is one group and the first to be got."""
        held, self._held = self._held or [], None
        self._pause()
        if held:
            self._groups.append(held)
            self._news.set()
        return len(held)

    def end(self) -> None:
        """Nothing more will come; what is here can still be got."""
        self._ended = True
        self._news.set()

    async def get(self) -> Group | None:
        """The next group, or None when nothing more will come. The one got before counts as handled."""
        while not self._groups:
            if self._ended:
                return None
            self._news.clear()
            self._resume()
            await self._news.wait()
        return self._groups.popleft()
