"""`amibridge explain`: who got a card in a call and who did not, and why, in plain words."""

import argparse
import sys

from amibridge.calls import Ended
from amibridge.cli.playing import CannotPlayError, add_capture_arguments, played


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_capture_arguments(parser)
    parser.add_argument("call", metavar="CALL", help="the call's id or the end of it, or the client's number")
    parser.add_argument("extension", metavar="EXTENSION", nargs="?", help="only what concerns this extension")


def run(args: argparse.Namespace) -> int:
    """Prints the explanation of every call that CALL names; the exit status is 1 when there is none."""
    from amibridge.calls.explain import told

    try:
        calls = played(args)
    except CannotPlayError as error:
        print(error, file=sys.stderr)
        return 1
    meant = [call for call in calls if _means(args.call, call)]
    if not meant:
        there = ", ".join(call.call_id for call in calls[:10]) + (" …" if len(calls) > 10 else "")
        print(f"{args.capture}: no call {args.call}; there is {there or 'no call in it'}", file=sys.stderr)
        return 1
    text = "\n\n".join("\n".join(told(call, args.extension)) for call in meant)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    return 0


def _means(asked: str, call: Ended) -> bool:
    """Whether this is the call that was asked for: the whole id or what follows the PBX's name, or the number."""
    record = call.record
    ids = (call.call_id, call.call_id.partition(":")[2])
    return asked in ids or asked in (record["client"], record["client_raw"])
