"""Moments as people type them: `2h` (ago), `2026-11-21`, `2026-11-21T19:30`."""

import argparse
import re
import time
from datetime import UTC, datetime

_AGO = re.compile(r"(\d+)([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str) -> float:
    """Seconds since the epoch. A date or time is UTC unless it says otherwise (`+03:00`).

    A type for argparse: raises ArgumentTypeError.
    """
    try:
        if ago := _AGO.fullmatch(text):
            return time.time() - int(ago[1]) * _SECONDS[ago[2]]
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"`{text}` is no time; write 30m, 2h, 3d or 1w (ago), 2026-11-21 or 2026-11-21T19:30 (UTC)"
        ) from None
