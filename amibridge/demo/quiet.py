"""The daemon's log while a story is told: kept, not shown."""

import structlog
from structlog.typing import EventDict

MOST = 1000
"""Lines that are kept."""


def quiet() -> list[str]:
    """Silences the log of the process. Returns the list that its lines are collected in."""
    lines: list[str] = []

    def keep(_logger: object, method: str, event: EventDict) -> EventDict:
        if len(lines) < MOST:
            lines.append(f"{method}: " + " ".join(f"{key}={value}" for key, value in event.items()))
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    return lines
