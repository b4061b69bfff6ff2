"""The daily forgetting: not at once, not for ever, and not stopped by a disk that fails."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping

from structlog.testing import capture_logs

from amibridge.daemon.retention import DAY, FIRST, FOR_NOBODY_DAYS, forget_daily
from amibridge.store import StoreFailedError

NOW = 2_000_000_000.0


class Forgetful:
    """A store that notes what it is to forget; its disk fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.before: list[float] = []
        self.given_up: list[tuple[list[str], float]] = []
        self._failures = failures

    async def forget(self, before: float) -> int:
        self.before.append(before)
        if len(self.before) <= self._failures:
            raise StoreFailedError("database is locked")
        return 3

    async def give_up(self, crms: Collection[str], before: float) -> Mapping[str, int]:
        self.given_up.append((list(crms), before))
        return {"old": 33_000} if len(self.given_up) == 1 else {}


async def slept_by(store: Forgetful, naps: int) -> list[float]:
    """The lengths of the sleeps of so many rounds."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        if len(slept) == naps:
            raise asyncio.CancelledError
        slept.append(seconds)

    with contextlib.suppress(asyncio.CancelledError):
        await forget_daily(store, 30, ["sales"], now=lambda: NOW + sum(slept), sleep=sleep)
    return slept


async def test_calls_older_than_the_setting_are_forgotten_every_day() -> None:
    store = Forgetful()
    assert await slept_by(store, 3) == [FIRST, DAY, DAY]
    assert store.before == [NOW + FIRST + day * DAY - 30 * DAY for day in range(3)]


async def test_what_waits_for_a_crm_that_is_gone_is_given_up_after_a_week() -> None:
    store = Forgetful()
    with capture_logs() as logs:
        await slept_by(store, 2)
    assert store.given_up == [(["sales"], NOW + FIRST + day * DAY - FOR_NOBODY_DAYS * DAY) for day in range(2)]
    assert [(entry["event"], entry.get("crm"), entry.get("commands")) for entry in logs] == [
        ("retention.given_up", "old", 33_000),
        ("retention.forgotten", None, None),
        ("retention.forgotten", None, None),
    ]


async def test_a_clock_that_slips_forward_for_less_than_a_day_deletes_nothing() -> None:
    store, years = Forgetful(), 10 * 365 * DAY
    walls = iter([NOW, NOW + DAY, NOW + 2 * DAY + years, NOW + 3 * DAY, NOW + 4 * DAY + years, NOW + 5 * DAY + years])

    async def sleep(seconds: float) -> None:
        if len(store.before) == 5:
            raise asyncio.CancelledError

    with contextlib.suppress(asyncio.CancelledError):
        await forget_daily(store, 30, ["sales"], now=lambda: next(walls), sleep=sleep)
    kept = [(before + 30 * DAY - NOW) / DAY for before in store.before]
    assert kept == [FIRST / DAY, 2, 3, 4, 5 + years / DAY], "it is believed when it is the same a day later"


async def test_a_failing_disk_does_not_end_it() -> None:
    store = Forgetful(failures=1)
    assert await slept_by(store, 2) == [FIRST, DAY]
    assert len(store.before) == 2
