"""`amibridge restore`: a copy that `amibridge backup` made takes the store's place."""

import argparse
import sys
from pathlib import Path

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, configured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.epilog = (
        "The daemon has to be stopped. What was in the store's place is kept beside it under a name with the time. The"
        " exit status: 3 a daemon is running, 4 the copy is of a newer version or another program's, 5 it is damaged, 1"
        " anything else; nothing is changed then."
    )
    add_config_argument(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="the copy; it is checked, and stays as it is")


def run(args: argparse.Namespace) -> int:
    """Does it. The exit status is that of the daemon's for the same reason."""
    import asyncio

    from amibridge.store import AlreadyRunningError, StoreError
    from amibridge.store.restoring import restore

    try:
        database = configured(args.config).settings.store.path
        restored = asyncio.run(restore(args.file, database))
    except CannotLookError as error:
        print(error, file=sys.stderr)
        return 1
    except StoreError as error:
        remedy = "; stop it first: systemctl stop amibridge" if isinstance(error, AlreadyRunningError) else ""
        print(f"{error}{remedy}", file=sys.stderr)
        return error.exit_status
    kept = "" if restored.kept is None else f"; what was there is kept as {restored.kept}"
    print(f"{database}: {args.file}, with {restored.calls} calls{kept}", file=sys.stderr)
    if restored.waiting:
        print(f"{restored.waiting} commands waited when it was copied: the daemon will send them", file=sys.stderr)
    return 0
