"""The nudge: how an admin's command tells the running daemon that it has changed the outbox."""

import os
import signal

NUDGE = signal.SIGURG
"""A signal that does nothing to a process that has not taken it: a daemon that is just starting survives it."""


def nudge(pid: int) -> bool:
    """Returns whether the daemon was told."""
    try:
        os.kill(pid, NUDGE)
    except (ProcessLookupError, PermissionError):
        return False
    return True
