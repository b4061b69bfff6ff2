"""Calls are kept for so many days; once a day the daemon forgets what is older."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from amibridge.calls import DEFECT
from amibridge.store import StoreFailedError

log = structlog.get_logger("amibridge")

DAY = 86_400.0
FIRST = 300.0
"""Seconds after the start until the first time: a daemon that has just started has more urgent things to write."""


class Forgetful(Protocol):
    """The one thing that is asked of the store."""

    async def forget(self, before: float) -> int:
        """Deletes the calls that ended before a moment (seconds since the epoch). Returns how many."""
        ...


async def forget_daily(
    store: Forgetful,
    keep_days: float,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Forgets the calls that ended more than so many days ago. Works until it is cancelled.

    now: the wall clock at the moment it is asked; the end of a call was told on the PBX's. A clock that was set forward
    is not believed before the next day: what is deleted because of a slip comes back with no correction.
    """
    pause, last = FIRST, now()
    while True:
        await sleep(pause)
        today, passed, pause = now(), pause, DAY
        believed, last = min(today, last + passed), today
        try:
            forgotten = await store.forget(believed - keep_days * DAY)
        except StoreFailedError as error:
            log.warning("retention.failed", reason=str(error), meaning="it is tried again tomorrow")
            continue
        except Exception:
            log.exception("retention.fault", remedy=DEFECT)
            continue
        if forgotten:
            log.info("retention.forgotten", calls=forgotten, older_than_days=keep_days)
