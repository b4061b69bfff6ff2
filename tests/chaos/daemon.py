"""`amibridge run`, as systemd would run it, and what it says."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.chaos.lives import PATIENCE, ROOT
from tests.unit.manager_server import Change

Line = dict[str, Any]


class Daemon:
    """A process at work. log: every line so far. other: what it wrote that is no line of the log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[Line] = []
        self.other: list[str] = []
        self._change = Change()
        self._line = asyncio.Event()

    def named(self, *events: str) -> list[Line]:
        """The lines with these events."""
        return [line for line in self.log if line["event"] in events]

    @property
    def troubles(self) -> list[str]:
        """The events of all warnings and errors; a plain secret in a test's configuration is none."""
        worse = ("warning", "error", "critical")
        return [
            line["event"] for line in self.log if line["level"] in worse and line["event"] != "configuration.warning"
        ]

    async def said(self, event: str, times: int = 1) -> Line:
        """Waits for a line of the log, so many times. Returns the last."""
        await self._change.until(lambda: len(self.named(event)) >= times or self.process.returncode is not None)
        assert len(self.named(event)) >= times, (event, self.log, self.other)
        return self.named(event)[-1]

    async def heard(self, event: str) -> None:
        """Waits for a line of the log for as long as the caller likes."""
        while not self.named(event):
            self._line.clear()
            await self._line.wait()

    def reload(self) -> None:
        """What `systemctl reload` does."""
        self.process.send_signal(signal.SIGHUP)

    async def end(self) -> int:
        """What `systemctl stop` does. Returns the exit status."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    async def listen(self) -> None:
        """Takes in what it says until it says no more."""
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            text = raw.decode()
            try:
                self.log.append(json.loads(text))
            except ValueError:
                self.other.append(text)
            self._line.set()
            self._change.changed()


@asynccontextmanager
async def daemon(config: Path) -> AsyncIterator[Daemon]:
    """A daemon that has begun, for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "amibridge", "run", "--config", str(config)), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    made = Daemon(process)
    listening = asyncio.create_task(made.listen())
    try:
        await made.said("started")
        yield made
        assert await made.end() == 0, made.other
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await asyncio.wait([listening])
