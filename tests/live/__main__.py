"""`python -m tests.live`: plays scenarios on a real Asterisk and keeps captures with their truths.

With `--story FILE` it plays a story made by chance once more, action for action, and says what the phones heard.
"""

import argparse
import fnmatch
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.live import scenarios as _declared  # noqa: F401 -- the import declares them
from tests.live.asterisk import Asterisk, Telling
from tests.live.chance.acting import Troupe
from tests.live.chance.performing import perform
from tests.live.chance.story import NoStoryError, Story, read
from tests.live.errors import CannotPlayError, MissingError
from tests.live.folders import CACHE, ENVIRONMENT, SUITES, asterisk_folder
from tests.live.lab import Lab
from tests.live.player import Outcome, play
from tests.live.scenario import SCENARIOS, Scenario
from tests.replay.playing import Capture, records
from tests.replay.playing import play as replayed
from tests.replay.truth import differences


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    asked = parser.parse_intermixed_args(arguments)
    chosen = _chosen(asked.version, asked.names)
    if asked.names and not chosen:
        parser.error("no scenario has such a name; --list names them")
    if asked.list or asked.version is None:
        for scenario in chosen:
            print(f"{scenario.name}: {scenario.what}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the Asterisk and the phones end too
    try:
        if asked.story:
            return _play_again(asked.version, [read(file) for file in asked.story], asked.asterisk, asked.out)
        telling = Telling(timestamps=not asked.untimed, channelvars=asked.channelvars)
        return _play_all(asked.version, chosen, telling, asked.asterisk, asked.out, asked.verbose)
    except (CannotPlayError, MissingError, NoStoryError) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live", description="Plays scenarios on a real Asterisk.")
    parser.add_argument("version", nargs="?", choices=sorted(SUITES), help="which Asterisk")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios, or patterns like 'queue_*'; none: all")
    parser.add_argument("--story", type=Path, metavar="FILE", action="append", help="plays NAME.story.json instead")
    parser.add_argument("--list", action="store_true", help="names the scenarios and says what happens in each")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the captures (default: a temporary one)")
    parser.add_argument(
        "--asterisk",
        type=Path,
        metavar="FOLDER",
        help=f"has asterisk-22 and asterisk-16, or will have them (default: ${ENVIRONMENT}, or {CACHE})",
    )
    parser.add_argument("--channelvars", action="store_true", help="events carry the variables that amibridge uses")
    parser.add_argument(
        "--untimed", action="store_true", help="events carry no time; the capture says when each arrived, as `record`"
    )
    parser.add_argument("--verbose", action="store_true", help="keeps the phones' SIP logs")
    return parser


def _chosen(version: str | None, patterns: Sequence[str]) -> list[Scenario]:
    return [
        scenario
        for scenario in SCENARIOS.values()
        if version is None or scenario.only in (None, version)
        if not patterns or any(fnmatch.fnmatchcase(scenario.name, pattern) for pattern in patterns)
    ]


def _play_all(
    version: str,
    chosen: Sequence[Scenario],
    telling: Telling,
    asterisk: Path | None,
    out: Path | None,
    verbose: bool,
) -> int:
    root = asterisk_folder(version, asterisk)
    scratch = Path(tempfile.mkdtemp(prefix="amibridge-live-"))
    folder = (out or scratch / "captures") / f"asterisk-{version}{telling.suffix}"
    outcomes: list[Outcome] = []
    try:
        with Lab(Asterisk(version, root, telling=telling), scratch, verbose) as lab:
            for scenario in chosen:
                begin = time.monotonic()
                outcomes.append(play(lab, scenario, folder))
                _tell(scenario, outcomes[-1], time.monotonic() - begin)
    finally:
        fine = len(outcomes) == len(chosen) and not any(one.failed or one.doubts for one in outcomes)
        if not any(scratch.iterdir()) or (fine and out and not verbose):
            shutil.rmtree(scratch)
        else:
            print(f"recordings, logs, and what failed: {scratch}")
    failed = sum(bool(outcome.failed) for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} played; captures: {folder}")
    return 1 if failed else 0


def _play_again(version: str, stories: Sequence[Story], asterisk: Path | None, out: Path | None) -> int:
    """Stories made by chance. Returns 1 when a replay tells something else than the phones heard."""
    root = asterisk_folder(version, asterisk)
    folder = out or Path(tempfile.mkdtemp(prefix="amibridge-live-"))
    differ = False
    with Lab(Asterisk(version, root), folder / "scratch") as lab, Troupe(lab) as troupe:
        for story in stories:
            performed = perform(lab, troupe, story, folder)
            capture = Capture(performed.capture)
            found = differences(performed.truth, records(replayed(capture.events, capture.directory)))
            differ |= bool(found)
            print(f"{'DIFFERS' if found else 'ok     '} {story.name}", *found, sep="\n       ")
            for done in performed.played:
                print(f"       {done.at:.2f} {done.action} {done.skipped and f'skipped: {done.skipped}'}")
            for ears in performed.truth["ears"]:
                print(f"       {ears}")
    print(f"captures, truths, recordings: {folder}")
    return 1 if differ else 0


def _tell(scenario: Scenario, outcome: Outcome, seconds: float) -> None:
    mark = "FAILED" if outcome.failed else "doubt " if outcome.doubts else "ok    "
    print(f"{mark} {scenario.name} {seconds:.1f} s", *outcome.failed, *outcome.doubts, sep="\n       ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
