"""A shell in a folder that stays open, as an admin's does: what one line leaves behind, the next one finds."""

import itertools
import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.debian.folders import entering

PATIENCE = 300.0
"""Seconds for one script."""


class Shell:
    """A context manager. When it is closed, everything that was started in it ends. Arguments: as of `entering`."""

    def __init__(self, root: Path, mounts: Mapping[Path, str], environment: Mapping[str, str]) -> None:
        self._command = entering(root, mounts, "exec /bin/sh", environment)
        self._serial = itertools.count()

    def __enter__(self) -> "Shell":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, script: str, patience: float = PATIENCE) -> tuple[int, str]:
        """The exit status and what was said, on both streams. Each line has to succeed for the next to be run."""
        assert self._process.stdin is not None
        mark = f"--- {next(self._serial)} ended with "
        # A shell of its own, so that its end is not that of this one; what it starts in the background stays.
        whole = f"/bin/sh -euc {_quoted(script)} </dev/null; status=$?; echo; echo '{mark}'$status\n"
        self._process.stdin.write(whole.encode())
        self._process.stdin.flush()
        said = self._read_to(mark.encode(), time.monotonic() + patience)
        before, _, status = said.rpartition(mark)
        return int(status), before.rstrip("\n")

    def _read_to(self, mark: bytes, deadline: float) -> str:
        assert self._process.stdout is not None
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while mark not in said or not said.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(said.decode(errors="replace"))
                data = os.read(self._process.stdout.fileno(), 65536)
                if not data:
                    raise EOFError(said.decode(errors="replace"))
                said += data
        return said.decode(errors="replace")


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"
