"""Playing a capture through the core: what `replay` and `explain` share."""

import argparse
import gzip
import lzma
import sys
import traceback
from math import isnan

from amibridge.calls import DEFECT, Ended, Event, Fault
from amibridge.cli.configuration import add_config_argument

TIMELESS = (
    "no event in it says when it was (`Timestamp`, `Received`): times are left out, calls begin by their Uniqueids, and"
    " min_talk_seconds keeps no card back; `amibridge record` notes times, and so does `timestampevents = yes` in"
    " manager.conf"
)


class CannotPlayError(Exception):
    """The capture or the configuration cannot be read; the text says which, and why."""


def add_capture_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what to play, and by which configuration."""
    parser.add_argument("capture", metavar="CAPTURE", help="a capture: .ami, .gz, .xz, or - for standard input")
    add_config_argument(parser)
    parser.add_argument("--pbx", metavar="NAME", help="whose capture it is (default: the first PBX of the main file)")


def played(args: argparse.Namespace) -> list[Ended]:
    """The calls of the capture by the time of their start, those that it ends in the middle of too."""
    from amibridge.ami.captures import read
    from amibridge.ami.packets import Framer
    from amibridge.ami.timeline import Timeline
    from amibridge.calls import Calls
    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError

    try:
        loaded = load(args.config)
    except ConfigurationError as error:
        raise CannotPlayError(str(error)) from None
    names = [pbx.name for pbx in loaded.settings.pbx]
    if args.pbx is not None and args.pbx not in names:
        raise CannotPlayError(f"{args.config}: no PBX is called {args.pbx}; there is {', '.join(names)}")
    calls = Calls(args.pbx or names[0], loaded.directory, loaded.settings.calls.patience, tell_fault=_tell_fault)
    timeline, framer = Timeline(), Framer()
    ended: list[Ended] = []
    try:
        for seen in read(args.capture, timeline, framer):
            out = calls.apply(seen) if isinstance(seen, Event) else calls.present(seen, timeline.at, timeline.wall)
            ended += (output for output in out if isinstance(output, Ended))
    except (OSError, gzip.BadGzipFile, lzma.LZMAError, EOFError) as error:
        raise CannotPlayError(f"{args.capture}: {getattr(error, 'strerror', None) or error}") from None
    ended += (output for output in calls.end(timeline.at) if isinstance(output, Ended))
    if framer.dropped:
        print(f"{args.capture}: {framer.dropped} packets over the limit of 1 MiB were dropped", file=sys.stderr)
    if ended and isnan(timeline.wall):
        print(f"{args.capture}: {TIMELESS}", file=sys.stderr)
        return sorted(ended, key=lambda call: (call.record["started_at"] or "", call.order))
    return sorted(ended, key=lambda call: call.order)


def _tell_fault(fault: Fault) -> None:
    """An exception of the core's own, which costs one event, and what it was about."""
    concerned = f" of {', '.join(fault.calls)}" if fault.calls else ""
    print(f"amibridge failed at {fault.what}{concerned}; {DEFECT}", file=sys.stderr)
    traceback.print_exception(fault.error)
