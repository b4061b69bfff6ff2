"""`python -m tests.live.chance VERSION`: composes and plays many stories, and goes on where it was left.

Several theatres play at once, each in a network of its own (`unshare`), so that nobody's ports are in the way.
"""

import argparse
import fcntl
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.live.chance.composer import composed
from tests.live.chance.series import Sums, in_a_theatre, read, written
from tests.live.errors import CannotPlayError, MissingError
from tests.live.folders import SUITES, asterisk_folder

SET_FLAGS, UP = 0x8914, 0x41
PRIVATE = ("unshare", "--net", "--mount", "--propagation", "private")
IN_MEMORY = 'mount -t tmpfs tmpfs "$0" && exec "$@"'
"""The files of an Asterisk while it runs: two theatres have the same folder, and each sees its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the Asterisks and the phones end too
    try:
        if asked.part is not None:
            return _play_part(asked)
        return _play_all(asked)
    except (CannotPlayError, MissingError) as error:
        print(error, file=sys.stderr)
        return 2


def results(folder: Path, version: str) -> Sums:
    """What came of all stories in the folder so far."""
    sums = Sums()
    for file in sorted(folder.glob(f"results-{version}-*.jsonl")):
        for line in file.read_text().splitlines():
            sums.add(read(line))
    return sums


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.chance", description="Plays stories made by chance.")
    parser.add_argument("version", choices=sorted(SUITES), help="which Asterisk")
    parser.add_argument("--seed", type=int, default=1, help="of the first story; the next has the next")
    parser.add_argument("--stories", type=int, default=100, help="how many")
    parser.add_argument("--theatres", type=int, default=1, help="how many play at once")
    parser.add_argument("--folder", type=Path, required=True, help="for results and what differs")
    parser.add_argument("--asterisk", type=Path, metavar="FOLDER", help="as of python -m tests.live")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    return parser


def _play_all(asked: argparse.Namespace) -> int:
    """Every theatre is a process of its own; one that breaks down is opened again, as long as any gets on."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    root = asterisk_folder(asked.version, asked.asterisk)
    (root / "lab").mkdir(exist_ok=True)
    played = -1
    while (sums := results(asked.folder, asked.version)).stories > played:
        played = sums.stories
        if not any(statuses := _open(asked, root)):
            break
    print(results(asked.folder, asked.version))
    return max(statuses)


def _open(asked: argparse.Namespace, root: Path) -> list[int]:
    """All theatres, until all have closed. Returns how each ended."""
    theatres = []
    for part in range(asked.theatres):
        command = [sys.executable, "-m", "tests.live.chance", asked.version, "--part", str(part)]
        for name in ("seed", "stories", "theatres", "folder"):
            command += [f"--{name}", str(getattr(asked, name))]
        command += ["--asterisk", str(root.parent)]
        theatres.append(subprocess.Popen([*PRIVATE, "sh", "-c", IN_MEMORY, str(root / "lab"), *command]))
    try:
        return [theatre.wait() for theatre in theatres]
    finally:
        for theatre in theatres:
            theatre.terminate()
            theatre.wait()


def _play_part(asked: argparse.Namespace) -> int:
    """One theatre: every n-th story that has not been played."""
    _loopback_up()
    own = asked.folder / f"results-{asked.version}-{asked.part}.jsonl"
    done = set()
    for file in asked.folder.glob(f"results-{asked.version}-*.jsonl"):
        done |= {read(line).name for line in file.read_text().splitlines()}

    seeds = range(asked.seed + asked.part, asked.seed + asked.stories, asked.theatres)
    left = [story for seed in seeds if (story := composed(seed)).name not in done]
    if not left:
        return 0
    root = asterisk_folder(asked.version, asked.asterisk)
    begin = time.monotonic()
    with own.open("a") as file:
        folder = asked.folder / f"theatre-{asked.version}-{asked.part}"
        for number, result in enumerate(in_a_theatre(asked.version, root, left, folder), 1):
            print(written(result), file=file, flush=True)
            mark = "DIFFERS" if result.verdict.wrong else "ok     "
            pace = (time.monotonic() - begin) / number
            print(f"{asked.version} {mark} {result.name} ({pace:.1f} s a story)", flush=True)
            for line in result.verdict.wrong:
                print(f"       {line}", flush=True)
    return 0


def _loopback_up() -> None:
    """In a new network the loopback is there, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh22x", b"lo", UP))


if __name__ == "__main__":
    sys.exit(main())
