"""Plays stories on one Asterisk in a thread of its own, with the daemon and the CRMs beside it, and judges each."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.asterisk import Asterisk
from tests.live.beside import USUAL, Beside
from tests.live.chance.series import Result, played
from tests.live.chance.story import Story
from tests.live.crms import Crms
from tests.live.encore import after_the_end
from tests.live.errors import CannotPlayError, MissingError
from tests.live.folders import asterisk_folder
from tests.live.lab import Lab
from tests.live.player import TAKES, play
from tests.live.scenario import Scenario
from tests.live.troubles import Sums, flapping, troubled
from tests.live.verdict import Mark, settled, wrong
from tests.replay.playing import Capture

TROUBLES = 10
"""Stories in which something breaks, for each Asterisk."""


@dataclass(frozen=True)
class Judged:
    """One story. wrong: what was not right. spoilt: why a take was not as told. capture: for looking at it again."""

    wrong: Sequence[str]
    spoilt: Sequence[str]
    capture: Path
    log: Sequence[str]
    """What the daemon said meanwhile."""


@dataclass(frozen=True)
class Closing:
    """How the daemon was when all stories were told, and how it ended."""

    status: int
    """Of `amibridge status`."""
    outbox: str
    exit: int
    log: Sequence[str]
    told: Sequence[str]
    """The keys of all commands, as often as they came."""


class Theatre:
    """One version of Asterisk, and the stories that are to be played on it, in this order.

    seed: of the stories in which something breaks, which come after them; None: there are none.
    composed: stories made by chance, which come then. ends: how the PBX ends then.
    """

    def __init__(
        self,
        version: str,
        stories: Sequence[Scenario],
        folder: Path,
        seed: int | None,
        composed: Sequence[Story],
        ends: Sequence[str],
    ) -> None:
        self.version, self.folder = version, folder
        self._stories = {story.name: (story, Future[Judged]()) for story in stories}
        self._seed = seed
        self._closing = Future[Closing]()
        self._sums = Future[Sums]()
        self._flapping = Future[Sums]()
        self._composed = {story.name: (story, Future[Result]()) for story in composed}
        self._ends = {end: Future[Sequence[str]]() for end in ends}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"Asterisk {version}", daemon=True)

    def open(self) -> None:
        """Begins to play."""
        self._thread.start()

    def close(self) -> None:
        """Ends after the story that is being played."""
        self._stopped.set()
        self._thread.join()

    def judged(self, name: str, seconds: float) -> Judged:
        """Waits for a story. Raises CannotPlayError, MissingError and whatever else went wrong with the theatre."""
        return self._stories[name][1].result(seconds)

    def closing(self, seconds: float) -> Closing:
        """Waits for the end."""
        return self._closing.result(seconds)

    def sums(self, seconds: float) -> Sums:
        """Waits for the stories in which something breaks."""
        return self._sums.result(seconds)

    def composed(self, name: str, seconds: float) -> Result:
        """Waits for a story made by chance."""
        return self._composed[name][1].result(seconds)

    def flapping(self, seconds: float) -> Sums:
        """Waits for the stories in which the link to the PBX is cut again and again."""
        return self._flapping.result(seconds)

    def end(self, end: str, seconds: float) -> Sequence[str]:
        """Waits for what was not right when the PBX ended in this way."""
        return self._ends[end].result(seconds)

    def _run(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                asterisk = Asterisk(self.version, asterisk_folder(self.version))
                lab = stack.enter_context(Lab(asterisk, self.folder / "scratch"))
                crms = stack.enter_context(Crms(self.folder))
                beside = stack.enter_context(Beside(crms.through(asterisk.ports.ami), self.folder, crms))
                for story, judged in self._stories.values():
                    if self._stopped.is_set():
                        raise CannotPlayError("the stories were stopped")
                    judged.set_result(self._tell(story, lab, crms, beside))
                self._closing.set_result(self._end(crms, beside))
                beside.uses(*USUAL)
                if self._seed is not None and not self._stopped.is_set():
                    beside.start()
                    sums = troubled(lab, crms, beside, self.folder / "troubled", self._seed, TROUBLES)
                    self._sums.set_result(sums)
                    self._flapping.set_result(flapping(lab, crms, self.folder / "flapping"))
                    beside.stop()
                if self._composed and not self._stopped.is_set():
                    beside.start()
                    self._by_chance(lab, crms, beside)
                    beside.stop()
            for end, found in self._ends.items():
                if not self._stopped.is_set():
                    found.set_result(after_the_end(self.version, end, self.folder / end))
        except BaseException as error:  # noqa: BLE001 - those who wait in another thread are to hear of it
            for _, judged in self._stories.values():
                _fail(judged, error)
            _fail(self._closing, error)
            _fail(self._sums, error)
            _fail(self._flapping, error)
            for _, result in self._composed.values():
                _fail(result, error)
            for found in self._ends.values():
                _fail(found, error)

    def _by_chance(self, lab: Lab, crms: Crms, beside: Beside) -> None:
        stories = [story for story, _ in self._composed.values()]
        for result in played(lab, crms, beside, stories, self.folder / "by-chance"):
            self._composed[result.name][1].set_result(result)
            if self._stopped.is_set():
                raise CannotPlayError("the stories were stopped")

    def _tell(self, story: Scenario, lab: Lab, crms: Crms, beside: Beside) -> Judged:
        said, captures = len(beside.log), self.folder / "captures"
        capture = captures / f"{story.name}.ami.xz"
        spoilt: list[str] = []
        try:
            beside.uses(story.trunks or USUAL[0], story.internal or USUAL[1])
            for _ in range(TAKES):
                since = Mark(crms)
                outcome = play(lab, story, captures)
                if not outcome.failed and not outcome.doubts:
                    return Judged(_judged(capture, crms, since), spoilt, capture, beside.log[said:])
                spoilt += [*outcome.failed, *outcome.doubts]
                crms.until(lambda since=since: settled(crms, since, 0))  # type: ignore[misc]
        except MissingError as error:
            spoilt.append(str(error))
        return Judged(spoilt, spoilt, capture, beside.log[said:])

    def _end(self, crms: Crms, beside: Beside) -> Closing:
        status = beside.command("status")
        outbox = beside.command("outbox", "list")
        keys = [str(told.data.get("key") or f"{told.call_id}/{told.type}") for told in crms.told]
        return Closing(status.returncode, outbox.stdout, beside.stop(), beside.log, keys)


def _judged(capture: Path, crms: Crms, since: Mark) -> list[str]:
    """What was not right in a story, when every CRM has heard of its end."""
    truth = Capture(capture).truth
    crms.until(lambda: settled(crms, since, len(truth["calls"])))
    return wrong(truth, crms, since)


def _fail(future: Future[Any], error: BaseException) -> None:
    """Whoever waits for this hears of the error."""
    if not future.done():
        future.set_exception(error)
