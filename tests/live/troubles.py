"""Stories in which something breaks at a random moment, and what is true of them all the same."""

import random
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.live.beside import Beside, errors
from tests.live.crms import Crms, Told
from tests.live.lab import Lab
from tests.live.player import TAKES, play
from tests.live.scenario import SCENARIOS
from tests.live.verdict import Mark, settled
from tests.replay.playing import Capture, records
from tests.replay.playing import play as replayed

STORIES = (
    "ringgroup_134_answers",
    "ringgroup_of_locals",
    "ringgroup_missed",
    "direct_held_and_resumed",
    "blind_transfer_by_refer",
    "attended_transfer_by_refer",
    "feature_attended_completed",
    "queue_of_locals",
    "queue_then_attended_transfer",
    "outbound_answered",
    "two_clients_at_once",
    "park_retrieved_by_the_parker",
)
"""All of them can be understood from a listing."""
LATEST = 4.0
"""Seconds after the beginning of a story in which something breaks."""
SEEN = 0.7
"""Seconds of talk outside of the trouble that make a card due."""


EVERY = 3.0
"""Seconds from one cut to the next of a link that flaps."""
BACK = 1.0
"""Seconds that a cut may cost: half a second at most until the next attempt, then the login and the listing."""
Gap = tuple[float, float]
"""From when to when the daemon did not hear the PBX."""


@dataclass(frozen=True)
class Trouble:
    """What breaks in a story, how, and how many seconds after its beginning."""

    story: str
    how: str
    delay: float

    def __str__(self) -> str:
        return f"{self.story}, {self.how} after {self.delay:.1f} s"


@dataclass
class Sums:
    """What became of a series of runs. faults: what must not be, in words."""

    seed: int | None
    runs: list[str] = field(default_factory=list)
    calls: int = 0
    due: int = 0
    opened: int = 0
    lost: int = 0
    doubled: int = 0
    spoilt: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{'' if self.seed is None else f'seed {self.seed}, '}"
            f"{len(self.runs)} runs: {self.calls} calls, {self.due} cards due, {self.opened} opened, "
            f"{self.lost} lost, {self.doubled} doubled; played again because it was not played as told: {self.spoilt}"
        )


def troubled(lab: Lab, crms: Crms, beside: Beside, folder: Path, seed: int, number: int) -> Sums:
    """Plays so many stories; in each the daemon is killed or stopped and started again, or its link is cut."""
    chance, sums = random.Random(seed), Sums(seed)
    for _ in range(number):
        story, delay = chance.choice(STORIES), chance.uniform(0.3, LATEST)
        run = Trouble(story, chance.choice(["killed", "stopped", "cut"]), delay)
        sums.runs.append(str(run))
        for _ in range(TAKES):
            failed = _one(run, lab, crms, beside, folder, sums)
            if not failed:
                break
            sums.spoilt += 1
            crms.until(lambda: settled(crms, Mark(), 0))
        else:
            sums.faults.append(f"{run}: {failed}")
    return sums


def flapping(lab: Lab, crms: Crms, folder: Path) -> Sums:
    """Plays stories while the link to the PBX is cut every few seconds: it costs what happens inside the gaps."""
    sums = Sums(None)
    for story in STORIES:
        since, gaps, over = Mark(crms), list[Gap](), threading.Event()
        cutting = threading.Thread(target=_cut_on, args=(crms, gaps, over))
        cutting.start()
        try:
            outcome = play(lab, SCENARIOS[story], folder)
        finally:
            over.set()
            cutting.join()
            # The next story is to be heard from its beginning.
            time.sleep(max(0.0, gaps[-1][1] - crms.now()) if gaps else 0.0)
        run = Trouble(story, f"cut {len(gaps)} times, every", EVERY)
        sums.runs.append(str(run))
        if outcome.failed:
            sums.spoilt += 1
            continue
        _told_of(run, crms, folder, since, gaps, sums)
    return sums


def _cut_on(crms: Crms, gaps: list[Gap], over: threading.Event) -> None:
    while not over.wait(EVERY):
        began = crms.now()
        crms.cut()
        gaps.append((began, began + BACK))


def _told_of(run: Trouble, crms: Crms, folder: Path, since: Mark, gaps: Sequence[Gap], sums: Sums) -> None:
    capture = Capture(folder / f"{run.story}.ami.xz")
    calls = [record for record in records(replayed(capture.events, capture.directory)) if record["client"]]
    crms.until(lambda: settled(crms, since, 0), 10)
    _sum(run, calls, crms.told[since.told :], gaps, sums)


def _one(run: Trouble, lab: Lab, crms: Crms, beside: Beside, folder: Path, sums: Sums) -> Sequence[str]:
    """One take. Returns why it was not played as told."""
    since, said = Mark(crms), len(beside.log)
    gap: list[float] = []
    breaking = threading.Timer(run.delay, _break, (run.how, crms, beside, gap))
    breaking.start()
    outcome = play(lab, SCENARIOS[run.story], folder)
    breaking.join()
    if len(gap) != 2:
        sums.faults.append(f"{run}: the daemon did not come back")
        return []
    if outcome.failed:
        return outcome.failed
    _told_of(run, crms, folder, since, [(gap[0], gap[1])], sums)
    if run.how != "cut" and (said_wrong := errors(beside.log[said:])):
        sums.faults.append(f"{run}: {said_wrong}")
    return []


def _break(how: str, crms: Crms, beside: Beside, gap: list[float]) -> None:
    gap.append(crms.now())
    if how == "cut":
        said = len(beside.log)
        crms.cut()
        beside.says("event=ami.lost", since=said)
        beside.says("event=ami.live", since=said)
    else:
        beside.end(signal.SIGKILL if how == "killed" else signal.SIGTERM)
        beside.start()
    gap.append(crms.now())


def _sum(
    run: Trouble, calls: Sequence[dict[str, object]], told: Sequence[Told], gaps: Sequence[Gap], sums: Sums
) -> None:
    cards = [(one.data["call"]["client"], one.data["extension"]) for one in told if one.type == "card.open"]
    began = {one.call_id for one in told if one.type == "call.started"}
    over = [one.call_id for one in told if one.type == "call.finished"]
    talked: set[tuple[object, str]] = set()
    for call in calls:
        sums.calls += 1
        participants = call["participants"]
        assert isinstance(participants, list)
        for part in participants:
            first, last = (datetime.fromisoformat(part[end]).timestamp() for end in ("from", "to"))
            unheard = sum(max(0.0, min(last, end) - max(first, begin)) for begin, end in gaps)
            pair = (call["client"], part["extension"])
            talked.add(pair)
            if last - first - unheard >= SEEN:
                sums.due += 1
                if pair not in cards:
                    sums.lost += 1
                    sums.faults.append(
                        f"{run}: {pair} talked for {last - first - unheard:.1f} s heard, and has no card"
                    )
    sums.opened += len(set(cards))
    sums.doubled += doubled(told) + max(0, len(set(over)) - len(calls))
    if sums.doubled:
        sums.faults.append(f"{run}: {sums.doubled} doubled by now")
    sums.faults += [f"{run}: {pair} did not talk and has a card" for pair in set(cards) - talked]
    if began != set(over):
        sums.faults.append(f"{run}: began {began}, over {over}")


def doubled(told: Sequence[Told]) -> int:
    """Cards that were opened while they were open. What comes again with the same key its receiver takes for one."""
    doubled, showing, seen = 0, set[tuple[str, str]](), set[str]()
    for one in told:
        key = one.data.get("key")
        if key is None or key in seen:
            continue
        seen.add(key)
        card = (one.call_id, one.data.get("extension", ""))
        if one.type == "card.open":
            doubled += card in showing
            showing.add(card)
        elif one.type == "card.close":
            showing.discard(card)
    return doubled
