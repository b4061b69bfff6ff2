"""A real broker on loopback: mosquitto as a process of its own, with a configuration of its own on a free port."""

import asyncio
import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

PATIENCE = 10.0
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
"""A user's PATH does not hold where Debian puts it."""


class Broker:
    """One broker, which keeps nothing when it is stopped, unless its configuration says so."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """lines: of its configuration, besides its listener's; without any it lets everybody in."""
        self.folder = folder
        self.lines = lines
        self.log: list[str] = []
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when it listens."""
        program = shutil.which("mosquitto", path=PLACES)
        assert program is not None
        config = self.folder / "mosquitto.conf"
        # Started by root, it would become somebody who cannot read the test's files.
        own = (f"user {getpass.getuser()}", "log_dest stderr", "log_type all", f"listener {self.port} 127.0.0.1")
        config.write_text("\n".join((*own, *(self.lines or ("allow_anonymous true",)))) + "\n", encoding="utf-8")
        self.log.clear()
        self._process = await asyncio.create_subprocess_exec(program, "-c", str(config), stderr=subprocess.PIPE)
        self._reading = asyncio.create_task(self._read(self._process))
        await self.says(" running")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.log.append(line.decode(errors="replace"))
            self._news.set()
        await process.wait()

    async def says(self, text: str) -> None:
        """Waits until it logs this, from the last start on."""
        assert self._reading is not None
        async with asyncio.timeout(PATIENCE):
            while not any(text in line for line in self.log):
                self._news.clear()
                await self._news.wait()

    async def stop(self) -> None:
        """Ends it in order, if it runs."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Ends it as a power cut would, also where it has been stopped."""
        await self._end(signal.SIGKILL)

    async def _end(self, by: signal.Signals) -> None:
        if self._process is not None and self._reading is not None:
            self.signal(by)
            self.signal(signal.SIGCONT)
            await self._process.wait()
            await self._reading
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)


@asynccontextmanager
async def broker(folder: Path, *lines: str) -> AsyncIterator[Broker]:
    """A broker at work. Without the program, the test is not run."""
    if shutil.which("mosquitto", path=PLACES) is None:
        pytest.skip("there is no MQTT broker: apt-get install mosquitto")
    one = Broker(folder, *lines)
    try:
        await one.start()
        yield one
    finally:
        await one.stop()


def users(folder: Path, *lines: str, **passwords: str) -> tuple[str, ...]:
    """The lines of a configuration that lets in these users only. lines: of the access list; without, all may all."""
    file = folder / "passwords"
    file.touch(mode=0o600)
    for user, password in passwords.items():
        subprocess.run(["mosquitto_passwd", "-b", str(file), user, password], check=True)
    if not lines:
        return ("allow_anonymous false", f"password_file {file}")
    (folder / "access").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ("allow_anonymous false", f"password_file {file}", f"acl_file {folder / 'access'}")
