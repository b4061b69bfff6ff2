"""How long to wait before something is tried again; all in seconds."""

from random import Random

from amibridge.crm.interface import LONGEST_WISH
from amibridge.waiting import backed_off

FIRST = 1.0
LONGEST = 300.0


def pause(failures: int, random: Random, longest: float = LONGEST) -> float:
    """Seconds to wait after so many failures in a row, at least one."""
    return backed_off(failures, random.random, FIRST, longest)


def granted(wish: float) -> float:
    """Seconds to wait when the CRM has named a time itself."""
    # In this order what is no number comes to the shortest.
    return min(max(FIRST, wish), LONGEST_WISH)
