"""What the CRMs would not let us do, said when the daemon starts and not when the first client calls."""

from collections.abc import Sequence

import structlog

from amibridge.calls import DEFECT
from amibridge.calls.faults import place
from amibridge.crm.interface import Adapter

log = structlog.get_logger("amibridge")


async def look_for_rights(adapters: Sequence[Adapter]) -> None:
    """One line for each thing that is missing."""
    for adapter in adapters:
        if adapter.capabilities.has_rights:
            try:
                for missing in await adapter.probe():
                    log.warning("crm.not_ready", crm=adapter.name, missing=missing)
            except Exception as error:  # noqa: BLE001 - its text stays out: it may hold an address with a token
                log.error("crm.not_probed", crm=adapter.name, error=place(error), remedy=DEFECT)
