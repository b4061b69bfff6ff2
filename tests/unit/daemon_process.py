"""A daemon as systemd runs it: `amibridge run` in a process of its own, with a socket that hears its notifications."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE = 10.0
"""Seconds after which a test gives up waiting for what should have happened within one."""
STOPPING = 10.0
"""Seconds in which a daemon has to stop: `TimeoutStopSec` of the unit."""


class Systemd(asyncio.DatagramProtocol):
    """What the daemon has notified, oldest first, until somebody asks for it."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[list[str]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._heard.put_nowait(data.decode().split("\n"))

    async def hears(self, first: str) -> list[str]:
        """Waits for a notification that begins with this line. Returns all its lines."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lines = await self._heard.get()
                if lines[0] == first:
                    return lines

    async def hears_like(self, beginning: str) -> str:
        """Waits for a notification whose first line begins like this. Returns that line."""
        async with asyncio.timeout(PATIENCE):
            while True:
                line, *_ = await self._heard.get()
                if line.startswith(beginning):
                    return line


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[Systemd]:
    """systemd at this socket."""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.setblocking(False)
    receiver.bind(str(path))
    transport, systemd = await asyncio.get_running_loop().create_datagram_endpoint(Systemd, sock=receiver)
    try:
        yield systemd
    finally:
        transport.close()


class Daemon:
    """A running daemon. log: the lines it has written that somebody has waited through."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.log: list[str] = []
        self._process = process

    async def says(self, *words: str) -> str:
        """Waits for a line of the log with all these words in it, and returns it."""
        assert self._process.stderr is not None
        try:
            async with asyncio.timeout(PATIENCE):
                while line := (await self._process.stderr.readline()).decode():
                    self.log.append(line.rstrip("\n"))
                    if all(word in line for word in words):
                        return self.log[-1]
        except TimeoutError:
            self.log.append("(and then nothing)")
        raise AssertionError(f"never said {words}, but {self.log}")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ends(self, within: float = PATIENCE) -> int:
        """Waits for its end. Returns the exit status."""
        async with asyncio.timeout(within):
            _, rest = await self._process.communicate()
        self.log += (rest or b"").decode().splitlines()
        assert self._process.returncode is not None
        return self._process.returncode

    async def stops(self) -> int:
        """Is told to stop as systemd tells it. Returns the exit status."""
        self.signal(signal.SIGTERM)
        return await self.ends(within=STOPPING)


@asynccontextmanager
async def daemon(
    config: Path, environment: Mapping[str, str] | None = None, *, stderr: int = asyncio.subprocess.PIPE
) -> AsyncIterator[Daemon]:
    """A daemon that is started, and ended with the context if it has not ended before. stderr: where its log goes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "amibridge", "run", "--config", str(config)),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=stderr,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield Daemon(process)
    finally:
        if process.returncode is None:
            process.kill()
            # Its log is read to the end: a pipe that is full is never seen to close.
            await process.communicate()
