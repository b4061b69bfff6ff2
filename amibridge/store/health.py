"""What a daemon says of itself beside its database: what still can be said when the database takes nothing any more."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson

from amibridge.waiting import elapsed

BLOCK = 64 * 1024
"""Bytes that a report may have. It is filled up to whole pages: written again in place it needs no room on the disk."""
_PAGE = 4096
_LONGEST_WHY = 300


@dataclass(frozen=True, slots=True)
class Down:
    """A CRM to which nothing gets through. since: seconds since the epoch, on the store's line of time.
    for_good: nothing more is sent to it until the daemon is started again.
    """

    crm: str
    since: float
    why: str
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """at: when this was said, in seconds since the host's start (`since_boot`), the same clock for every process; now:
    the same moment on the store's line of time. committed: the last commit, in seconds since the host's start.
    waiting: outputs that are not on the disk. failing_since, reason: of a disk that takes nothing; on the store's line.
    """

    pid: int
    at: float
    now: float
    committed: float
    waiting: int = 0
    failing_since: float | None = None
    reason: str | None = None
    down: Sequence[Down] = ()


def since_boot() -> float:
    """Seconds since the host's start, its sleep included, where the system tells them: no set clock moves them, and
    they are the same for all processes."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return elapsed() if clock is None else time.clock_gettime(clock)


def encoded(health: Health) -> bytes:
    """The report as it stands in the file: JSON, filled up with spaces."""
    said = asdict(health)
    said["reason"] = health.reason and health.reason[:_LONGEST_WHY]
    said["down"] = [{**one, "why": one["why"][:_LONGEST_WHY]} for one in said["down"]]
    text = orjson.dumps(said)
    return text.ljust(-(-len(text) // _PAGE) * _PAGE)


def decoded(text: bytes) -> Health | None:
    """The report; None where there is none yet."""
    try:
        said = orjson.loads(text)
        return Health(**{**said, "down": [Down(**one) for one in said["down"]]})
    except (ValueError, TypeError, KeyError):
        return None
