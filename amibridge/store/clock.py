"""The host's line of time: what the age of a command is counted on."""

import time
from collections.abc import Callable

from amibridge.waiting import elapsed

Now = Callable[[], float]
"""Seconds since the epoch."""


def steady() -> Now:
    """A clock that begins at the host's wall clock and from then on neither jumps nor steps back.

    A wall clock that NTP sets by an hour would otherwise open an hour-old card, or let a fresh one expire. The host's
    sleep counts: a card that slept with it is too old.
    """
    began = time.time() - elapsed()
    return lambda: began + elapsed()
