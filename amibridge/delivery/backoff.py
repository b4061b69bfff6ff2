"""How long to wait before something is tried again; all in seconds."""

from random import Random

FIRST = 1.0
LONGEST = 300.0
LONGEST_WISH = 3600.0
"""What a CRM may ask for; more is not believed."""


def pause(failures: int, random: Random, longest: float = LONGEST) -> float:
    """Seconds to wait after so many failures in a row, at least one.

    It doubles from one second on, and a half of it is left to chance: what failed together does not come back together.
    """
    whole = min(FIRST * 2.0 ** min(failures - 1, 30), longest)
    return whole * random.uniform(0.5, 1.0)


def granted(wish: float) -> float:
    """Seconds to wait when the CRM has named a time itself."""
    # In this order what is no number comes to the shortest.
    return min(max(FIRST, wish), LONGEST_WISH)
