"""The commands people type. Each module is one command and imports what it needs when it runs: `--help` stays light."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from amibridge.cli.streams import CannotWriteError, standard_streams

INTERRUPTED, READER_GONE = 130, 141
"""Exit statuses as a shell gives them to what SIGINT and SIGPIPE end."""

COMMANDS = {
    "demo": "show it at work: calls of a real PBX, without a PBX, a CRM or a configuration",
    "replay": "play a capture through the core and print its calls",
    "explain": "say in plain words who got a card in a call, and why",
    "calls": "list the calls that the store knows",
    "status": "say whether the daemon runs and what waits for the CRMs",
    "outbox": "show what waits or was refused, try it again or drop it",
    "backup": "copy the store while the daemon works",
    "restore": "put a copy of the store in its place, while no daemon runs",
    "example": "write a configuration to begin with, and the reference of all keys",
    "check": "check the configuration, and what in it would cause wrong cards",
    "schema": "print the JSON Schema of what webhooks and MQTT topics carry",
    "record": "record the stream of a live PBX to a capture file",
    "run": "listen to the PBX and send the cards",
}


def main(argv: Sequence[str] | None = None) -> int:
    """The console script. Returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with standard_streams():
        try:
            try:
                return _commanded(arguments)
            finally:
                sys.stdout.flush()
        except CannotWriteError as error:
            print(f"amibridge: {error}", file=sys.stderr)
            return 1
        except BrokenPipeError:
            return READER_GONE
        except KeyboardInterrupt:
            return INTERRUPTED


def _commanded(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="amibridge", description="A card for whoever talked to the client, and for nobody else."
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name in arguments:
            importlib.import_module(f"amibridge.cli.{name}").add_arguments(command)
    args = parser.parse_args(arguments)
    if args.version:
        from importlib.metadata import version

        print(f"amibridge {version('amibridge')}")
        return 0
    if args.command is None:
        parser.print_help()
        return 2
    status: int = importlib.import_module(f"amibridge.cli.{args.command}").run(args)
    return status
