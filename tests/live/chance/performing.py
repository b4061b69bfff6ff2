"""Performs one composed story, and keeps its capture, its truth and the story itself."""

import json
import lzma
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.chance.acting import Performance, Played, Troupe
from tests.live.chance.story import CALLED, Story, told
from tests.live.chance.truth import Met, met, on_hold, truth
from tests.live.errors import MissingError
from tests.live.lab import Lab
from tests.live.phones import News
from tests.live.scene import Scene

SETTLING = 5.0
"""Seconds after which whatever still stands is hung up by the console."""


@dataclass(frozen=True)
class Performed:
    """What came of it."""

    truth: dict[str, Any]
    met: Sequence[Met]
    played: Sequence[Played]
    capture: Path
    recordings: Path


def perform(lab: Lab, troupe: Troupe, story: Story, folder: Path, cut: Callable[[], None] | None = None) -> Performed:
    """Into `folder` go NAME.ami.xz, NAME.json and NAME.story.json. cut: cuts the daemon's link."""
    scene = Scene(lab, "chance", [*troupe.callers.values()])
    recorder = scene.connect_recorder()
    troupe.wire.packets.clear()
    performance = Performance(lab, troupe, scene, cut)
    performance.play(story)
    with suppress(MissingError):  # a Local pair without a phone at either end is left by some transfers
        scene.clear(SETTLING)
    news = {phone.who: [*phone.log] for phone in [*lab.phones.values(), *troupe.callers.values(), lab.network]}
    events = scene.events
    scene.close()
    found = met(lab, performance, news.values(), troupe.wire.packets)
    holds = {
        f"+{who}" if len(who) > 3 else who: on_hold(_of(who, news)) for who in (*lab.phones, *troupe.callers, *CALLED)
    }
    content = truth(story, lab, performance, found, {who: spans for who, spans in holds.items() if spans}, events)
    folder.mkdir(parents=True, exist_ok=True)
    capture = folder / f"{story.name}.ami.xz"
    capture.write_bytes(lzma.compress(bytes(recorder.raw)))
    (folder / f"{story.name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    (folder / f"{story.name}.story.json").write_text(told(story))
    return Performed(content, found, performance.played, capture, scene.recordings)


def _of(who: str, news: dict[str, list[News]]) -> list[News]:
    """The news of somebody's phone; the provider's tells of all who are called."""
    if who in news:
        return news[who]
    uris = {one["call"]: one["uri"] for one in news["network"] if "uri" in one}
    return [one for one in news["network"] if uris.get(one.get("call"), "").startswith(f"sip:{who}@")]
