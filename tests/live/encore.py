"""A PBX that dies or is restarted while somebody talks, and comes back empty; the daemon beside it lives on."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.live.asterisk import Asterisk
from tests.live.beside import Beside, errors
from tests.live.crms import Crms
from tests.live.folders import asterisk_folder
from tests.live.lab import Lab
from tests.live.player import play
from tests.live.scenario import SCENARIOS
from tests.live.scenarios.common import talking
from tests.live.scene import Scene
from tests.live.verdict import Mark, settled, wrong

ENDS = ("killed", "restarted gracefully")
NEXT = "ringgroup_134_answers"
"""What is played when it is back."""


def after_the_end(version: str, end: str, folder: Path) -> Sequence[str]:
    """Everything that is not as it should be, in words."""
    root = asterisk_folder(version)
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        crms = stack.enter_context(Crms(folder))
        asterisk = Asterisk(version, root)
        with Lab(asterisk, folder / "before") as lab:
            beside = stack.enter_context(Beside(crms.through(asterisk.ports.ami), folder, crms))
            said = len(beside.log)
            scene = Scene(lab, "before")
            _, call, _ = talking(scene, "79031234651")
            if end == "killed":
                asterisk.kill()
            else:
                lab.driver.ask("Command", Command="core restart gracefully")
                scene.talk()
                call.hangs_up()
            beside.says("event=ami.lost", since=said)
            if end != "killed":  # the same process begins anew
                beside.says("event=ami.live", since=said)
                said = len(beside.log)
            scene.close()
        with Lab(Asterisk(version, root), folder / "after") as lab:
            beside.says("event=ami.live", since=said)
            crms.until(lambda: settled(crms, Mark(), 1))
            found = _first(crms)
            since = Mark(crms)
            outcome = play(lab, SCENARIOS[NEXT], folder / "captures")
            crms.until(lambda: settled(crms, since, 1))
            truth = json.loads((folder / "captures" / f"{NEXT}.json").read_text())
            found += [*outcome.failed, *wrong(truth, crms, since)]
        found += errors(beside.log)
        if (status := beside.stop()) != 0:
            found.append(f"the daemon ended with {status}")
    return found


def _first(crms: Crms) -> list[str]:
    """The call that was cut off: one record, 134 talked, and the card that opened is closed."""
    records = crms.records(0)
    people = [[part["extension"] for part in record["participants"]] for record in records]
    cards = [one.type for one in crms.told if one.type.startswith("card.")]
    found = [] if people == [["134"]] else [f"of the call that was cut off there are the records {people}"]
    return found if cards == ["card.open", "card.close"] else [*found, f"its card: {cards}"]
