"""`python -m tests.chaos.nursery`: a process that has imported everything, and forks a daemon for every life asked for.

Each life is `amibridge run` in a process of its own; what it spares is the half second of imports. Orders come on
standard input, one JSON object a line; what the lives report goes to standard output, and so does how they ended.
"""

import ctypes
import json
import os
import selectors
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from amibridge.cli import main as amibridge
from amibridge.crm import webhook as _webhook  # noqa: F401 -- imported for the lives
from amibridge.daemon import service as _service  # noqa: F401
from tests.chaos.seams import Steps, install

_PR_SET_PDEATHSIG = 1


def live(order: dict[str, Any]) -> int:
    """A daemon's life, in a process of its own. Returns the exit status."""
    # Whatever becomes of the test, no daemon outlives it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Path(os.devnull).open() as nothing, Path(order["log"]).open("a") as log:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 2)
        if order["stepping"]:
            install(Steps(order["life"], order["last"]))
        try:
            return amibridge(["run", "--config", order["config"]])
        except BaseException:  # noqa: BLE001 -- a fork must not go on as its parent
            traceback.print_exc()
            return 70
        finally:
            sys.stderr.flush()


def main() -> None:
    """Carries out orders until standard input ends."""
    lives: dict[int, int] = {}
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ)
    waiting.register(woken, selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in waiting.select():
            data = os.read(key.fd, 1 << 16)
            if key.fd == woken:
                _bury(lives)
                continue
            if not data:
                for pid in lives:
                    os.kill(pid, signal.SIGKILL)
                return
            *lines, rest = (rest + data).split(b"\n")
            for order in map(json.loads, lines):
                pid = os.fork()
                if pid == 0:
                    os._exit(live(order))
                lives[pid] = order["life"]
                _tell(order["life"], "began", pid)


def _bury(lives: dict[int, int]) -> None:
    for pid in list(lives):
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            _tell(lives.pop(pid), "ended", os.waitstatus_to_exitcode(status))


def _tell(life: int, what: str, value: int) -> None:
    os.write(1, json.dumps([life, what, value]).encode() + b"\n")


if __name__ == "__main__":
    main()
