"""Plays one composed story after the other with the daemon and the CRMs beside, and adds up what came of them."""

import json
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.live.asterisk import Asterisk
from tests.live.beside import Beside, errors
from tests.live.chance.acting import Troupe
from tests.live.chance.judging import Verdict, judged
from tests.live.chance.performing import perform
from tests.live.chance.story import Story
from tests.live.crms import Crms
from tests.live.errors import MissingError
from tests.live.lab import Lab
from tests.live.verdict import Mark


@dataclass(frozen=True)
class Result:
    """What came of one story. kept: where its capture is; its truth and the story itself are beside it."""

    name: str
    verdict: Verdict
    kept: Path


@dataclass
class Sums:
    """Of a series. differing: the names of stories of which something was told wrongly."""

    stories: int = 0
    cut: int = 0
    calls: int = 0
    due: int = 0
    opened: int = 0
    missing: int = 0
    for_others: int = 0
    doubled: int = 0
    superseded: int = 0
    left_open: int = 0
    talk_off: float = 0.0
    differing: list[str] = field(default_factory=list)

    def add(self, result: Result) -> None:
        verdict = result.verdict
        self.stories += 1
        self.cut += verdict.cut
        for name in ("calls", "due", "opened", "missing", "for_others", "doubled", "superseded", "left_open"):
            setattr(self, name, getattr(self, name) + getattr(verdict, name))
        self.talk_off = max(self.talk_off, verdict.talk_off)
        if verdict.wrong:
            self.differing.append(result.name)

    def __str__(self) -> str:
        text = (
            f"{self.stories} stories ({self.cut} with a link cut), {self.calls} calls, {self.due} cards due, "
            f"{self.opened} opened: {self.missing} missing, {self.for_others} for others, {self.doubled} doubled, "
            f"{self.superseded} superseded as the talk was over; "
            f"{self.left_open} left open by the ears; talk told at most "
            f"{self.talk_off:.2f} s off; {len(self.differing)} stories differ"
        )
        return text + (f": {', '.join(self.differing)}" if self.differing else "")


def played(lab: Lab, crms: Crms, beside: Beside, stories: Iterable[Story], folder: Path) -> Iterator[Result]:
    """Plays them in this order. Into `folder` goes what each left behind."""
    with Troupe(lab) as troupe:
        for story in stories:
            since, link, said = Mark(crms), _Link(crms, beside), len(beside.log)
            performed = perform(lab, troupe, story, folder, link.cut)
            verdict = judged(performed, crms, since, link.gap())
            if not verdict.cut:
                verdict.wrong.extend(errors(beside.log[said:]))
            if verdict.wrong:
                _keep(performed.recordings, folder / f"{story.name}.recordings")
            yield Result(story.name, verdict, performed.capture)


def in_a_theatre(version: str, root: Path, stories: Iterable[Story], folder: Path) -> Iterator[Result]:
    """The same on an Asterisk of its own. Of the stories that were right nothing is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        asterisk = Asterisk(version, root)
        lab = stack.enter_context(Lab(asterisk, folder / "scratch"))
        crms = stack.enter_context(Crms(folder))
        beside = stack.enter_context(Beside(crms.through(asterisk.ports.ami), folder, crms))
        for result in played(lab, crms, beside, stories, folder / "stories"):
            if not result.verdict.wrong:
                for file in result.kept.parent.glob(f"{result.name}.*"):
                    file.unlink()
            yield result
        beside.stop()


def written(result: Result) -> str:
    """As a line of JSON."""
    return json.dumps({**asdict(result), "kept": str(result.kept)}, ensure_ascii=False)


def read(line: str) -> Result:
    content = json.loads(line)
    return Result(content["name"], Verdict(**content["verdict"]), Path(content["kept"]))


class _Link:
    """The daemon's link to the PBX, which a story may cut."""

    def __init__(self, crms: Crms, beside: Beside) -> None:
        self._crms, self._beside = crms, beside
        self._waiting: threading.Thread | None = None
        self._gap: list[float] = []

    def cut(self) -> None:
        """Returns at once; the daemon connects again by itself."""
        self._waiting = threading.Thread(target=self._back, args=(len(self._beside.log),), daemon=True)
        self._gap.append(self._crms.now())
        self._crms.cut()
        self._waiting.start()

    def gap(self) -> list[tuple[float, float]]:
        """When the daemon did not hear the PBX. Raises MissingError when it never came back."""
        if self._waiting is None:
            return []
        self._waiting.join()
        if len(self._gap) < 2:
            raise MissingError("the daemon's link was cut, and it never came back")
        return [(self._gap[0], self._gap[1])]

    def _back(self, said: int) -> None:
        with suppress(MissingError):
            self._beside.says("event=ami.live", since=said)
            self._gap.append(self._crms.now())


def _keep(recordings: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(recordings, folder)
