"""The delivery as a whole: one courier for each CRM, none waiting for another."""

import asyncio
from collections.abc import Sequence
from random import Random

import structlog

from amibridge.crm.interface import Adapter
from amibridge.delivery.clock import Clock, HostClock
from amibridge.delivery.courier import Courier, CourierStatus
from amibridge.store import Down, Store, StoreFailedError

log = structlog.get_logger(__name__)

FOR_NOBODY = "this CRM is not configured: configure it again, or amibridge outbox drop --crm {crm} --older 0m"


class Delivery:
    """Brings what is committed to the CRMs.

    adapters: by their names the store was told whom commands are for.
    clock: the store's line of time. random: for the jitter.
    """

    def __init__(
        self,
        store: Store,
        adapters: Sequence[Adapter],
        *,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self._outbox = store.outbox
        self._adapters = adapters
        clock, random = clock or HostClock(store.now), random or Random()
        self._couriers = [Courier(adapter, store.outbox, clock, random) for adapter in adapters]

    async def run(self) -> None:
        """Works until it is cancelled, then lets errands under way come home and closes the adapters."""
        try:
            async with asyncio.TaskGroup() as couriers:
                for courier in self._couriers:
                    couriers.create_task(courier.run(), name=f"courier {courier.crm}")
                await self._name_strangers()
        finally:
            for adapter in self._adapters:
                await adapter.close()

    @property
    def status(self) -> list[CourierStatus]:
        return [courier.status for courier in self._couriers]

    def down(self) -> list[Down]:
        """The CRMs to which nothing gets through."""
        return [down for courier in self._couriers if (down := courier.down) is not None]

    async def _name_strangers(self) -> None:
        """Commands for a CRM that is no longer configured wait for ever; somebody should know."""
        names = {courier.crm for courier in self._couriers}
        try:
            pending = await self._outbox.pending()
        except StoreFailedError:
            return
        for crm, number in pending.items():
            if crm not in names:
                log.warning("delivery.stranger", crm=crm, pending=number, remedy=FOR_NOBODY.format(crm=crm))
