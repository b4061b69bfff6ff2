"""Time as the couriers see it: a line to read and to wait on."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """The host's line of time, in seconds since the epoch. It is the store's: ages are counted from its commits."""

    def now(self) -> float: ...

    async def wait(self, stir: asyncio.Event, until: float | None) -> None:
        """Returns when `stir` is set or the line passes `until`, whichever comes first."""
        ...


class HostClock:
    """The clock of a daemon. now: the store's."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    async def wait(self, stir: asyncio.Event, until: float | None) -> None:
        seconds = None if until is None else max(0.0, until - self.now())
        try:
            async with asyncio.timeout(seconds):
                await stir.wait()
        except TimeoutError:
            return
