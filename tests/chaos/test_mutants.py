"""Captures that no Asterisk sends: whatever comes, nothing is raised, and every promise is kept.

`SEED=…` chooses other mutants, `SLOW=1` makes many more, `MUTANT=…` plays one of a seed's again, alone.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.chaos.mutants import live, mutant
from tests.chaos.promises import Journal

SEED = int(os.environ.get("SEED", "20261124"))
MUTANTS = 100_000 if os.environ.get("SLOW") else 5_000
ONE = os.environ.get("MUTANT")


def test_mutants(tmp_path: Path, tell: Callable[[object], None]) -> None:
    journal, sums, faults = Journal(), Counter[str](), list[str]()
    for number in range(MUTANTS) if ONE is None else [int(ONE)]:
        random = Random(f"{SEED}/{number}")
        one = mutant(random)
        try:
            life = live(random, one, journal, tmp_path)
        except Exception as error:
            if ONE is not None:
                raise
            faults.append(f"SEED={SEED} MUTANT={number}: {one.capture.name}, {', '.join(one.what)}: {error!r}")
            continue
        sums.update({"calls": life.promises.calls, "cards": sum(life.promises.openings.values())})
        sums.update({finding.value: count for finding, count in life.promises.findings.items()})
        sums["restarted"] += life.promises.restarted
    tell(f"seed {SEED}, {MUTANTS} mutants: " + ", ".join(f"{number} {name}" for name, number in sums.items()))
    assert faults == [], f"{len(faults)} mutants: " + "\n".join(faults[:20])
