"""Shadow mode: everything is decided and explained, and nothing is sent."""

from collections.abc import Iterable, Sequence

import structlog

from amibridge.calls import Command, Output

log = structlog.get_logger(__name__)


def would_send(outputs: Iterable[Output], crms: Sequence[str]) -> None:
    """Says in the log what would be sent to whom.

    In shadow mode this takes the place of the delivery, and the store is opened without CRMs: no command is written
    that a later start could send.
    """
    for output in outputs:
        if isinstance(output, Command):
            log.info("delivery.shadow", key=output.key, crms=list(crms))
