"""`amibridge example`: files to begin with, which `check` finds nothing wrong with."""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import amibridge
from amibridge.cli.configuration import DEFAULT_CONFIG
from amibridge.cli.service_user import service_account

_SECRET = "CHANGE-ME"
"""What stands for the secret in our `manager.conf`."""


@dataclass(frozen=True, slots=True)
class Example:
    """One file that is written."""

    name: str
    """With its folder, below the one that was asked for."""
    content: str
    meaning: str
    mode: int = 0o640


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help=f"where to; {DEFAULT_CONFIG.parent} on a PBX's host")
    parser.add_argument(
        "--full", action="store_true", help="with the reference of all keys, Asterisk's manager user and systemd's unit"
    )


def run(args: argparse.Namespace) -> int:
    """Writes all files or, where one of them is there already, none; the exit status is 1 when it wrote none."""
    folder: Path = args.folder
    files = list(_files(folder, full=args.full))
    try:
        if there := [folder / file.name for file in files if os.path.lexists(folder / file.name)]:
            print(f"{there[0]} is there already, and nothing was written; name another folder", file=sys.stderr)
            return 1
        for file in files:
            _write(folder, file)
            print(f"{folder / file.name}: {file.meaning}")
    except OSError as error:
        print(f"{error.filename}: {error.strerror}; name a folder that you may write to", file=sys.stderr)
        return 1
    print(
        "Next: put your country, the company's own numbers, extensions and trunks in, then amibridge check --config"
        f" {folder / DEFAULT_CONFIG.name}"
    )
    return 0


def shipped(name: str) -> str:
    """The text of a file of `config` or `systemd`: in an installed package they stand inside, else beside it."""
    package = Path(amibridge.__file__).parent
    inside = package / "shipped" / name
    return (inside if inside.exists() else package.parent / name).read_text(encoding="utf-8")


def _files(folder: Path, *, full: bool) -> Iterator[Example]:
    secret = secrets.token_hex(24)
    main = shipped("config/example/amibridge.yaml")
    if folder.resolve() != DEFAULT_CONFIG.parent:
        main += "store: {path: amibridge.db}  # beside this file; the service's is in /var/lib/amibridge\n"
    yield Example("amibridge.yaml", main, "the main file")
    yield Example("extensions.yaml", shipped("config/example/extensions.yaml"), "who is who")
    yield Example("ami.secret", f"{secret}\n", "a fresh secret for the PBX's manager user")
    if full:
        manager = shipped("config/manager.conf").replace(_SECRET, secret)
        yield Example("manager.conf", manager, "the manager user for Asterisk, with this secret", mode=0o600)
        yield Example("amibridge.service", shipped("systemd/amibridge.service"), "the unit for systemd", mode=0o644)
        for name in ("amibridge.yaml", "extensions.yaml"):
            yield Example(f"reference/{name}", shipped(f"config/{name}"), "every key, with a comment", mode=0o644)


def _write(folder: Path, file: Example) -> None:
    """root writes for the service: what it has to read is its group's."""
    user = service_account()
    path = folder / file.name
    if not path.parent.exists():
        path.parent.mkdir(mode=0o750, parents=True)
        if user is not None:
            os.chown(path.parent, -1, user.pw_gid)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(file.content)
        os.fchmod(descriptor, file.mode)
        if user is not None:
            os.fchown(descriptor, -1, user.pw_gid)
