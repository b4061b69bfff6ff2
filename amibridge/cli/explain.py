"""`amibridge explain`: who got a card in a call and who did not, and why, in plain words.

The call is one of the store's, or one of a capture. Which of the two is seen by how the first argument is spelled, not
by what files there happen to be: `-`, a name with a `/`, and a name that ends like a capture's are captures.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from amibridge.calls import Ended
from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, asked, configured, e164_or_as_typed
from amibridge.cli.playing import CannotPlayError, played
from amibridge.cli.printing import printed

if TYPE_CHECKING:
    from amibridge.cli.fate import Listeners
    from amibridge.directory.loading import Loaded
    from amibridge.store.archive import CallStory

CAPTURES = (".ami", ".gz", ".xz")
"""How the names of captures end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.usage = "amibridge explain [-h] [--config FILE] [--pbx NAME] [CAPTURE] CALL [EXTENSION]"
    parser.epilog = (
        "CAPTURE is - or a path: it has a / in it or ends in .ami, .gz or .xz. "
        "Anything else in the first place is a CALL of the store."
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[CAPTURE] CALL [EXTENSION]",
        help="CAPTURE: look in this capture instead of the store. CALL: the call's id, with or without the PBX's name"
        " before it, or the client's number (in the store its latest call, in a capture all of them). EXTENSION: only"
        " what concerns this extension",
    )
    add_config_argument(parser)
    parser.add_argument("--pbx", metavar="NAME", help="whose capture it is (default: the first PBX of the main file)")


def run(args: argparse.Namespace) -> int:
    """Prints the explanation of every call that CALL names; the exit status is 1 when there is none."""
    words: list[str] = args.words
    of_capture = _is_capture(words[0])
    if not 0 < len(words) - of_capture <= 2:
        print("explain takes [CAPTURE] CALL [EXTENSION]; see `amibridge explain --help`", file=sys.stderr)
        return 2
    call, extension = words[of_capture], words[-1] if len(words) - of_capture == 2 else None
    try:
        if of_capture:
            args.capture = words[0]
            lines = _of_capture(args, call, extension)
        else:
            lines = _of_store(args, call, extension)
    except (CannotPlayError, CannotLookError) as error:
        print(error, file=sys.stderr)
        return 1
    printed(lines)
    return 0


def _is_capture(word: str) -> bool:
    return word == "-" or "/" in word or word.endswith(CAPTURES)


def _of_capture(args: argparse.Namespace, asked_for: str, extension: str | None) -> list[str]:
    from amibridge.calls.explain import told

    calls = played(args)
    meant = [call for call in calls if _means(asked_for, call)]
    if not meant:
        there = ", ".join(call.call_id for call in calls[:10]) + (" …" if len(calls) > 10 else "")
        raise CannotPlayError(f"{args.capture}: no call {asked_for}; there is {there or 'no call in it'}")
    return [line for call in meant for line in ("", *told(call, extension))][1:]


def _means(asked_for: str, call: Ended) -> bool:
    """Whether this is the call that was asked for: the whole id or what follows the PBX's name, or the number."""
    record = call.record
    ids = (call.call_id, call.call_id.partition(":")[2])
    return asked_for in ids or asked_for in (record["client"], record["client_raw"])


def _of_store(args: argparse.Namespace, asked_for: str, extension: str | None) -> list[str]:
    from amibridge.cli.fate import Listeners, fates

    loaded = configured(args.config)
    database = loaded.settings.store.path
    story = asked(database, _found(loaded, asked_for))
    if story is None:
        hint = f"; to play the capture of this name, write ./{asked_for}" if Path(asked_for).is_file() else ""
        raise CannotLookError(f"{database}: no call {asked_for}; `amibridge calls` lists them{hint}")
    listeners = Listeners.of(loaded.settings)
    lines = list(_told(story, extension, listeners))
    # Of a live call there is no evidence yet, and its explanation ends with the line before it.
    return [*lines, *([""] if lines[-1] else []), *fates(story, listeners, extension)]


async def _found(loaded: "Loaded", asked_for: str) -> "CallStory | None":
    """The call of this id, or else the latest one of the client with this number."""
    from amibridge.store import Archive

    async with Archive.opened(loaded.settings.store.path) as archive:
        for call_id in (asked_for, *(f"{pbx.name}:{asked_for}" for pbx in loaded.settings.pbx)):
            if (story := await archive.call(call_id)) is not None:
                return story
        latest = await archive.calls(client=e164_or_as_typed(asked_for, loaded), limit=2)
        if len(latest) > 1:
            print(f"the latest of several calls: `amibridge calls --client {asked_for}` lists them", file=sys.stderr)
        return await archive.call(latest[0].call_id) if latest else None


def _told(story: "CallStory", extension: str | None, listeners: "Listeners") -> Iterator[str]:
    """The explanation of a stored call. A live one has no outcome yet, and no verdict on those who have not talked."""
    from amibridge.calls.explain import told
    from amibridge.cli.fate import not_shown
    from amibridge.cli.stored import as_ended

    call = as_ended(story)
    if story.line.ended is None:
        record = {**call.record, "outcome": call.record["outcome"] or "none yet"}
        if extension is not None and extension not in record["verdicts"]:
            undecided = {"verdict": "not decided yet", "because": "has not talked to the client so far"}
            record["verdicts"] = {**record["verdicts"], extension: undecided}
        call = Ended(call.call_id, call.end, call.at, call.wall, record, call.trail)
    return told(call, extension, not_shown(call.record, story.deliveries, listeners))
