"""Playing a capture through the core: what `replay` and `explain` share."""

import argparse
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isnan
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from amibridge.calls import DEFECT, Ended, Event, Fault, Patience
from amibridge.cli.configuration import DEFAULT_CONFIG, add_config_argument

if TYPE_CHECKING:
    from amibridge.calls.who import Directory

TIMELESS = (
    "no event in it says when it was (`Timestamp`, `Received`): times are left out, calls begin by their Uniqueids, and"
    " min_talk_seconds keeps no card back; `amibridge record` notes times, and so does `timestampevents = yes` in"
    " manager.conf"
)


class CannotPlayError(Exception):
    """The capture or the configuration cannot be read; the text says which, and why."""


def add_capture_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what to play, and by which configuration; without one it is guessed who is who."""
    parser.add_argument("capture", metavar="CAPTURE", help="a capture, plain, .gz or .xz; - is standard input")
    add_config_argument(parser)
    parser.add_argument("--pbx", metavar="NAME", help="whose capture it is (default: the first PBX of the main file)")


def played(args: argparse.Namespace) -> list[Ended]:
    """The calls of the capture by the time of their start, those that it ends in the middle of too."""
    with reading(args.capture, CannotPlayError), _rewound(args) as capture:
        return _played(args.capture, capture, _whose(args, capture))


@contextmanager
def reading(capture: str, cannot: Callable[[str], Exception]) -> Iterator[None]:
    """Whatever keeps this capture from being read is raised as the command's own error, in words that name the file."""
    from amibridge.ami.captures import DAMAGED
    from amibridge.ami.no_capture import NotACaptureError

    try:
        yield
    except NotACaptureError as error:
        raise cannot(f"{capture} {error}") from None
    except DAMAGED as error:
        raise cannot(f"{capture} is damaged: {error}") from None
    except OSError as error:
        raise cannot(f"{capture}: {error.strerror or error}") from None


def _guesses(args: argparse.Namespace) -> bool:
    """Whether nobody has written a configuration, and none was asked for."""
    return args.config is DEFAULT_CONFIG and not DEFAULT_CONFIG.exists()


@contextmanager
def _rewound(args: argparse.Namespace) -> Iterator[str]:
    """The capture's file. Whoever has to guess reads it twice, and standard input comes once."""
    if args.capture != "-" or not _guesses(args):
        yield args.capture
        return
    with NamedTemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield copy.name


def _whose(args: argparse.Namespace, capture: str) -> tuple[str, "Directory", Patience]:
    """The name of the PBX, who is who there, and its patience: by the configuration, or guessed."""
    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError

    if _guesses(args):
        return args.pbx or "capture", _guessed(capture), Patience()
    try:
        loaded = load(args.config)
    except ConfigurationError as error:
        raise CannotPlayError(str(error)) from None
    names = [pbx.name for pbx in loaded.settings.pbx]
    if args.pbx is not None and args.pbx not in names:
        raise CannotPlayError(f"{args.config}: no PBX is called {args.pbx}; there is {', '.join(names)}")
    return args.pbx or names[0], loaded.directory, loaded.settings.calls.patience


def _guessed(capture: str) -> "Directory":
    from amibridge.ami.captures import read
    from amibridge.ami.packets import Framer
    from amibridge.ami.timeline import Timeline
    from amibridge.directory.guessing import guess

    guessed = guess(read(capture, Timeline(), Framer()))
    print(
        f"there is no {DEFAULT_CONFIG}, so it is guessed who is who: {guessed}; nobody's"
        " mobile is known; --config FILE says more",
        file=sys.stderr,
    )
    return guessed.directory()


def _played(name: str, capture: str, whose: tuple[str, "Directory", Patience]) -> list[Ended]:
    from amibridge.ami.captures import read
    from amibridge.ami.packets import Framer
    from amibridge.ami.timeline import Timeline
    from amibridge.calls import Calls

    calls = Calls(*whose, tell_fault=_tell_fault)
    timeline, framer = Timeline(), Framer()
    ended: list[Ended] = []
    for seen in read(capture, timeline, framer):
        out = calls.apply(seen) if isinstance(seen, Event) else calls.present(seen, timeline.at, timeline.wall)
        ended += (output for output in out if isinstance(output, Ended))
    ended += (output for output in calls.end(timeline.at) if isinstance(output, Ended))
    if framer.dropped:
        print(f"{name}: {framer.dropped} packets over the limit of 1 MiB were dropped", file=sys.stderr)
    if ended and isnan(timeline.wall):
        print(f"{name}: {TIMELESS}", file=sys.stderr)
        return sorted(ended, key=lambda call: (call.record["started_at"] or "", call.order))
    return sorted(ended, key=lambda call: call.order)


def _tell_fault(fault: Fault) -> None:
    """An exception of the core's own, which costs one event, and what it was about."""
    concerned = f" of {', '.join(fault.calls)}" if fault.calls else ""
    print(f"amibridge failed at {fault.what}{concerned}; {DEFECT}", file=sys.stderr)
    traceback.print_exception(fault.error)
