"""What the CRMs would not let us do, said when the daemon starts and not when the first client calls."""

from collections.abc import Sequence

import structlog

from amibridge.crm.interface import Adapter

log = structlog.get_logger("amibridge")


async def look_for_rights(adapters: Sequence[Adapter]) -> None:
    """One line for each thing that is missing."""
    for adapter in adapters:
        if adapter.capabilities.has_rights:
            for missing in await adapter.probe():
                log.warning("crm.not_ready", crm=adapter.name, missing=missing)
