"""Calls are kept for so many days, commands for a CRM that is gone for a week: once a day the older ones go."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

import structlog

from amibridge.calls import DEFECT
from amibridge.store import StoreFailedError

log = structlog.get_logger("amibridge")

DAY = 86_400.0
_NOT_CONFIGURED = "this CRM is not configured any more: they are dead letters now, see amibridge outbox list"
FIRST = 300.0
"""Seconds after the start until the first time: a daemon that has just started has more urgent things to write."""
FOR_NOBODY_DAYS = 7.0
"""Days that a command waits for a CRM that is not configured any more, which may be a mistake. Then it is a dead letter
and holds its call no longer."""


class Forgetful(Protocol):
    """What is asked of the store."""

    async def forget(self, before: float) -> int:
        """Deletes the calls that ended before a moment (seconds since the epoch). Returns how many."""
        ...

    async def give_up(self, crms: Collection[str], before: float) -> Mapping[str, int]:
        """Makes dead letters of what waits for others than these CRMs since before a moment. Returns how many."""
        ...


async def forget_daily(
    store: Forgetful,
    keep_days: float,
    crms: Collection[str],
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Forgets the calls that ended more than so many days ago. Works until it is cancelled.

    crms: the configured ones.
    now: the wall clock at the moment it is asked; the end of a call was told on the PBX's. A clock that was set forward
    is not believed before the next day: what is deleted because of a slip comes back with no correction.
    """
    pause, last = FIRST, now()
    while True:
        await sleep(pause)
        today, passed, pause = now(), pause, DAY
        believed, last = min(today, last + passed), today
        try:
            days = min(FOR_NOBODY_DAYS, keep_days)
            for crm, number in (await store.give_up(crms, believed - days * DAY)).items():
                log.warning(
                    "retention.given_up", crm=crm, commands=number, older_than_days=days, meaning=_NOT_CONFIGURED
                )
            forgotten = await store.forget(believed - keep_days * DAY)
        except StoreFailedError as error:
            log.warning("retention.failed", reason=str(error), meaning="it is tried again tomorrow")
            continue
        except Exception:
            log.exception("retention.fault", remedy=DEFECT)
            continue
        if forgotten:
            log.info("retention.forgotten", calls=forgotten, older_than_days=keep_days)
