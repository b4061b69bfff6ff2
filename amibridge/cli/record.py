"""`amibridge record`: what a live PBX sends as a capture file; with `--scrub` no client is in it."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.typed import seconds

if TYPE_CHECKING:
    from amibridge.ami.login import Login
    from amibridge.directory.loading import Loaded

CHUNK = 1 << 16


class CannotRecordError(Exception):
    """There is no capture; the text says why, and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("out", metavar="OUT", help="the new capture: .ami, .gz and .xz compress, - for standard output")
    add_config_argument(parser)
    parser.add_argument("--pbx", metavar="NAME", help="the PBX to record (default: the first one of the main file)")
    parser.add_argument(
        "--seconds", type=seconds, metavar="N", help="stop after so long (default: at Ctrl-C or SIGTERM)"
    )
    parser.add_argument(
        "--scrub", action="store_true", help="put invented numbers and names in the place of the clients'"
    )
    parser.add_argument(
        "--from", dest="source", metavar="CAPTURE", help="with --scrub: scrub this capture instead of a live PBX"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the capture and says on stderr what it wrote; the exit status is 1 where it is missing or incomplete."""
    # Imported here: pydantic, ruamel.yaml and phonenumbers are too much for `--help`.
    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError
    from amibridge.directory.secrets import SecretError

    try:
        loaded = load(args.config)
        if args.source is not None:
            return _scrub_capture(args, loaded)
        return _record(args, loaded)
    except (ConfigurationError, SecretError, CannotRecordError) as error:
        print(error, file=sys.stderr)
        return 1


def _record(args: argparse.Namespace, loaded: "Loaded") -> int:
    login = _login(args, loaded)
    if not args.scrub:
        with _created(args.out) as out:
            return _record_live(args, login, out)
    with _nameless(args.out) as raw, _created(args.out) as out:
        status = _record_live(args, login, raw)
        _scrub(args, loaded, lambda: _from_the_start(raw), out)
        return status


def _record_live(args: argparse.Namespace, login: "Login", file: BinaryIO) -> int:
    from amibridge.cli.live_recording import recorded

    recording = recorded(login, file, args.seconds)
    told = f"{recording.packets} packets ({recording.bytes} bytes) in {recording.seconds:.0f} s from {login.pbx}"
    if recording.failure is not None:
        print(f"stopped after {told}: {recording.failure.strerror}", file=sys.stderr)
        return 1
    print(f"recorded {told}", file=sys.stderr)
    return 0


def _scrub_capture(args: argparse.Namespace, loaded: "Loaded") -> int:
    if not args.scrub or args.source == "-":
        raise CannotRecordError("--from takes a capture's file, and --scrub says what to do with it")
    try:
        with _created(args.out) as out:
            _scrub(args, loaded, lambda: _of(args.source), out)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotRecordError(f"cannot write the output: {args.out}: {error.strerror}") from None
    return 0


def _of(capture: str) -> Iterator[bytes]:
    from amibridge.ami.captures import chunks
    from amibridge.cli.playing import reading

    with reading(capture, CannotRecordError):
        yield from chunks(capture)


def _scrub(args: argparse.Namespace, loaded: "Loaded", read: Callable[[], Iterable[bytes]], out: BinaryIO) -> None:
    from amibridge.ami.scrub import scrubbed
    from amibridge.cli.company import ConfiguredCompany

    substitution, packets = scrubbed(read, ConfiguredCompany(loaded))
    out.writelines(packets)
    print(f"{args.out}: {substitution.numbers} numbers, {substitution.names} names replaced", file=sys.stderr)


def _login(args: argparse.Namespace, loaded: "Loaded") -> "Login":
    from amibridge.daemon.account import login_to

    for pbx in loaded.settings.pbx:
        if args.pbx in (None, pbx.name):
            return login_to(pbx)
    names = ", ".join(pbx.name for pbx in loaded.settings.pbx)
    raise CannotRecordError(f"{args.config}: no PBX is called {args.pbx}; there is {names}")


@contextmanager
def _created(path: str) -> Iterator[BinaryIO]:
    """A new capture; it is removed again when there is nothing to put into it."""
    from amibridge.ami.recorder import create

    try:
        file = create(path)
    except FileExistsError:
        raise CannotRecordError(f"{path} is there already; name a new file") from None
    except OSError as error:
        raise CannotRecordError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    except BaseException:
        if path != "-":
            Path(path).unlink(missing_ok=True)
        raise


@contextmanager
def _nameless(path: str) -> Iterator[BinaryIO]:
    """A file without a name beside this one: whatever happens, nothing unscrubbed is left behind."""
    import tempfile

    folder = None if path == "-" else Path(path).parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            yield file
    except OSError as error:
        raise CannotRecordError(f"{folder}: {error.strerror}; name a folder with room that you may write to") from None


def _from_the_start(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
