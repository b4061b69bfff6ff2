"""The host's time and chance, as a session uses them. Tests bring their own."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Clock:
    """monotonic: seconds that never step. wall: seconds since the epoch. chance: from 0 up to 1, for jitter."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Coroutine[Any, Any, object]] = asyncio.sleep
    chance: Callable[[], float] = random.random
