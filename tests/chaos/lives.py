"""Daemons that live and die for a test, seen from outside."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.manager_server import Change

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds after which a test gives up waiting for what should have happened at once."""


@dataclass
class Life:
    """One life of a daemon. steps: the seams it has crossed. keys: the commands whose result it has recorded."""

    pid: int = 0
    status: int | None = None
    """The exit status; minus the signal's number when it was killed."""
    steps: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    heard: int = -1
    """How many events it has handled; -1 before the first picture."""
    change: Change = field(default_factory=Change)

    def take(self, what: str, value: int | str) -> None:
        """A report of it or about it."""
        if isinstance(value, str):
            self.steps.append(value) if what == "step" else self.keys.add(value)
        elif what == "began":
            self.pid = value
        elif what == "ended":
            self.status = value
        else:
            self.heard = value
        self.change.changed()

    async def until(self, wanted: Callable[[], bool]) -> bool:
        """Waits for something reported. Returns False when it died instead."""
        await self.change.until(lambda: wanted() or self.status is not None)
        return wanted()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, if it has not ended by itself. Returns the exit status."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, how)
        await self.change.until(lambda: self.status is not None)
        assert self.status is not None
        return self.status


class Nursery:
    """Begins lives. Made by `nursery`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lives: list[Life] = []

    async def begin(self, config: Path, *, last: int | None = None, stepping: bool = False) -> Life:
        """A daemon with this configuration. last: the step at which it dies. stepping: its seams are wrapped."""
        life = Life()
        self._lives.append(life)
        order = {
            "life": len(self._lives) - 1,
            "config": str(config),
            "log": str(config.with_suffix(".log")),
            "last": last,
            "stepping": stepping,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await life.change.until(lambda: life.pid > 0)
        return life

    async def listen(self) -> None:
        """Takes in reports until there are no more."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            number, what, value = json.loads(line)
            self._lives[number].take(what, value)


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Lives in the block; none outlives it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.nursery"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    made = Nursery(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            listening.cancel()
            await asyncio.wait([listening])
