"""Exceptions of our own code: told in the log, and kept from whatever would break by them."""

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger

from amibridge.calls import DEFECT


@contextmanager
def contained(log: FilteringBoundLogger, event: str = "ami.own_fault") -> Iterator[None]:
    """What is raised inside ends what is done inside, and is logged with its traceback as `event`."""
    try:
        yield
    except Exception:
        log.exception(event, remedy=DEFECT)
