"""Plays a scenario, keeps its capture and its truth, and compares the truth with what the phones heard."""

import json
import lzma
from dataclasses import dataclass, field
from pathlib import Path

from tests.live import hearing
from tests.live.errors import MissingError
from tests.live.lab import Lab
from tests.live.scenario import Scenario
from tests.live.scene import Scene

TAKES = 2
"""So often a story is played if phones or PBX do not play it as told; what the daemon does wrong is wrong at once."""
HEARD = 0.2
"""Seconds after which one has heard somebody."""
Heard = dict[str, dict[str, float]]


@dataclass
class Outcome:
    """What is wrong: it was not played as told, or the truth is not what the phones heard."""

    failed: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def play(lab: Lab, scenario: Scenario, out: Path) -> Outcome:
    """Into `out` go NAME.ami.xz and NAME.json; what failed goes to the scratch folder."""
    outcome = Outcome()
    scene = Scene(lab, scenario.name)
    try:
        if not scenario.late:
            scene.connect_recorder()
        scenario.story(scene)
    except (MissingError, OSError) as error:
        outcome.failed.append(str(error))
    try:
        scene.clear()
    except MissingError as error:
        outcome.failed.append(str(error))
    rang = scene.rang()
    scene.close()
    _keep(lab, scenario, scene, lab.scratch / "failed" if outcome.failed else out)
    voices = {extension: phone.voice for extension, phone in lab.phones.items()} | scene.voices
    voices |= {"music": hearing.MUSIC, "announcement": hearing.ANNOUNCEMENT}
    heard = hearing.everybody_heard(scene.recordings, voices)
    _write(lab.scratch / "heard" / f"{scenario.name}.json", json.dumps(heard, indent=1) + "\n")
    if not outcome.failed:
        outcome.doubts = _doubts(scene, heard, rang, set(lab.phones))
    return outcome


def _keep(lab: Lab, scenario: Scenario, scene: Scene, folder: Path) -> None:
    truth = {"scenario": scenario.name, "asterisk": lab.version, "what": scenario.what, "calls": scene.truth}
    _write(folder / f"{scenario.name}.json", json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    if scene.recorder:
        kept = scene.recorder.raw if lab.telling.timestamps else scene.recorder.stamped
        (folder / f"{scenario.name}.ami.xz").write_bytes(lzma.compress(bytes(kept)))
    for name, text in scenario.files.items():
        (folder / name).write_text(text)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _doubts(scene: Scene, heard: Heard, rang: set[str], phones: set[str]) -> list[str]:
    """Where ears and bells tell another story than the truth."""
    doubts = []
    told: dict[str, set[str]] = {}
    for call in scene.truth:
        told.setdefault(str(call["client"]).lstrip("+"), set()).update(call["participants"])
    for number in scene.voices:
        talked = {one for one in phones if _hears(heard, number, one) and _hears(heard, one, number)}
        if number in told and talked - scene.aside != told[number] - scene.aside:
            doubts.append(
                f"{number} and {sorted(talked)} heard each other, the truth says {sorted(told[number])}; {heard}"
            )
    told_rang = {extension for call in scene.truth for extension in call["rang"]} & phones
    is_open = any("rang" in call.get("open", ()) for call in scene.truth)
    if scene.truth and not is_open and rang - scene.aside != told_rang - scene.aside:
        doubts.append(f"the phones of {sorted(rang)} rang, the truth says {sorted(told_rang)}")
    return doubts


def _hears(heard: Heard, who: str, whom: str) -> bool:
    return heard.get(who, {}).get(whom, 0.0) >= HEARD
