"""The daemon's health: said beside the store for `amibridge status`, and to systemd and the log when it changes."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import structlog

from amibridge.ami.guard import contained
from amibridge.daemon.notify import notify
from amibridge.store import Down, Store
from amibridge.store.errors import ONE_NAME, PUT_BACK
from amibridge.store.health import Health
from amibridge.store.lock import Place

log = structlog.get_logger("amibridge")

TICK = 1.0
"""Seconds between two looks: what has changed is said then."""
SAID_AGAIN = 10.0
"""Seconds after which the same is said again. Who says nothing any more is stuck."""

_MISPLACED = {
    Place.GONE: "the store's file was deleted or moved away",
    Place.REPLACED: "the store's file was replaced by another one",
}
_MEANING = "what is written from now on is lost when the daemon ends"


async def keep_health(store: Store, down: Callable[[], Sequence[Down]]) -> None:
    """Works until it is cancelled. down: the CRMs to which nothing gets through."""
    if store.names > 1:
        log.warning("store.many_names", path=str(store.path), names=store.names, remedy=ONE_NAME)
    keeper = _Keeper(store)
    while True:
        with contained(log, "health.fault"):
            store.beat()
            await keeper.look(store.health(down()))
        await asyncio.sleep(TICK)


class _Keeper:
    """What was said last, and where."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reported: Health | None = None
        self._place = Place.KEPT
        self._status = ""
        self._mute = False

    async def look(self, health: Health) -> None:
        """Says what has changed."""
        await self._find_the_file()
        if self._reported is None or _differs(health, self._reported) or health.at >= self._reported.at + SAID_AGAIN:
            await self._report(health)
        status = "; ".join(_troubles(health, self._place)) or "all is well"
        if status != self._status:
            self._status = status
            notify(f"STATUS={status}")

    async def _report(self, health: Health) -> None:
        try:
            await self._store.report(health)
        except OSError as error:
            if not self._mute:
                log.warning("health.not_told", reason=str(error), meaning="amibridge status will say that it is stuck")
            self._reported, self._mute = None, True
        else:
            self._reported, self._mute = health, False

    async def _find_the_file(self) -> None:
        try:
            place = await self._store.place()
        except OSError:
            return  # A disk that does not answer: commits fail too, and say why.
        if place is not self._place:
            self._place = place
            path = str(self._store.path)
            if place is Place.KEPT:
                log.info("store.file_back", path=path)
            else:
                log.error(f"store.file_{place}", path=path, meaning=_MEANING, remedy=PUT_BACK)


def _differs(health: Health, said: Health) -> bool:
    return (health.failing_since, health.reason, health.down) != (said.failing_since, said.reason, said.down)


def _troubles(health: Health, place: Place) -> Iterator[str]:
    if place is not Place.KEPT:
        yield f"{_MISPLACED[place]}: {_MEANING}; {PUT_BACK}"
    if health.failing_since is not None:
        yield f"nothing can be committed, no card leaves: {health.reason}"
    for one in health.down:
        yield f"{one.crm}: {'not sent to any more' if one.for_good else 'down'}: {one.why}"
