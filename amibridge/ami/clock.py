"""The host's time and chance, as a session uses them. Tests bring their own."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from amibridge import waiting


@dataclass(frozen=True, slots=True)
class Clock:
    """monotonic: seconds that never step. wall: seconds since the epoch, which people and NTP set as they like.
    chance: from 0 up to 1, for jitter. suspended: seconds that the host has slept, which `monotonic` leaves out.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Coroutine[Any, Any, object]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    suspended: Callable[[], float] = waiting.suspended

    def elapsed(self) -> float:
        """Seconds that never step and go on while the host sleeps: what spans of time are counted on."""
        return self.monotonic() + self.suspended()
