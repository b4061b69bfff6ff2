"""`amibridge backup`: a copy of the store, taken while the daemon works."""

import argparse
import sys
from pathlib import Path

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, asked, configured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_argument(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="the copy")
    parser.add_argument("--force", action="store_true", help="replace a file of that name")


def run(args: argparse.Namespace) -> int:
    """Makes the copy, which appears when it is whole; the exit status is 1 when it could not be made."""
    from amibridge.store import back_up

    try:
        database = configured(args.config).settings.store.path
        if _are_one(database, args.file):
            raise CannotLookError(f"{args.file} is the store itself; name another file")
        if args.file.is_dir() and not args.file.is_symlink():
            raise CannotLookError(f"{args.file} is a folder; name a file in it")
        asked(database, back_up(database, args.file, force=args.force))
    except CannotLookError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{args.file}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{args.file}: {args.file.stat().st_size} bytes, a copy of {database}", file=sys.stderr)
    return 0


def _are_one(database: Path, target: Path) -> bool:
    """Whether the copy would take the place of the store, its journal or its lock."""
    from amibridge.store.files import files_of

    return target.resolve() in files_of(database)
