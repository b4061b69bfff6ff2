"""`docs/receiver.py`, the receiver that the documentation shows, as a process beside the real webhook adapter."""

import asyncio
import base64
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from amibridge.crm.interface import Done, Retry
from amibridge.crm.message import message
from amibridge.crm.webhook import Webhook, WebhookSettings
from tests.unit.durable import PATIENCE, closes, finished, opens, started

PROGRAM = Path(__file__).parents[2] / "docs/receiver.py"
SECRET, OLD, FOREIGN = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"s", b"o", b"f"))
REFUSED = Retry("HTTP 401")


class Process:
    """The receiver at work; `lines` are what it has taken."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self._process = process

    async def ends(self) -> list[bytes]:
        """Is killed, as by a power cut. Returns the messages that it took."""
        self._process.kill()
        out, _ = await self._process.communicate()
        return out.splitlines()


@asynccontextmanager
async def receiver(folder: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM)),
        env={"WEBHOOK_SECRET": SECRET, "PORT": "0", "DATABASE": str(folder / "receiver.db")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            port = (await process.stdout.readline()).decode().split()[-1]
        yield Process(process, f"http://127.0.0.1:{port}/")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def webhook(url: str, *secrets: str, wall: Callable[[], float] = time.time) -> AsyncIterator[Webhook]:
    adapter = Webhook(WebhookSettings("hook", url, secrets), wall)
    try:
        yield adapter
    finally:
        await adapter.close()


async def test_it_takes_every_type_once_also_over_its_own_death(tmp_path: Path) -> None:
    commands = [started(), opens("134", name="Ольга"), closes("134"), finished(record={})]
    taken = []
    for life in range(2):
        async with receiver(tmp_path) as process, webhook(process.url, SECRET) as adapter:
            for command in commands * 2:
                assert await adapter.send(command, {}, repeated=life > 0) == Done()
            taken.append(await process.ends())
    assert taken == [[message(command) for command in commands], []]


async def test_it_takes_either_of_two_signatures(tmp_path: Path) -> None:
    async with receiver(tmp_path) as process, webhook(process.url, OLD, SECRET) as adapter:
        assert await adapter.send(started(), {}, repeated=False) == Done()


@pytest.mark.parametrize("secrets", [(FOREIGN,), ()])
async def test_what_is_not_signed_with_its_secret_is_refused(tmp_path: Path, secrets: tuple[str, ...]) -> None:
    async with receiver(tmp_path) as process, webhook(process.url, *secrets) as adapter:
        assert await adapter.send(started(), {}, repeated=False) == REFUSED
        assert await process.ends() == []


@pytest.mark.parametrize(("off", "said"), [(-310, REFUSED), (310, REFUSED), (-290, Done()), (290, Done())])
async def test_what_is_too_old_or_comes_from_the_future_is_refused(
    tmp_path: Path, off: float, said: Done | Retry
) -> None:
    async with receiver(tmp_path) as process, webhook(process.url, SECRET, wall=lambda: time.time() + off) as adapter:
        assert await adapter.send(started(), {}, repeated=False) == said


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "x", "webhook-timestamp": "9" * 5000}])
async def test_a_body_without_sense_or_end_does_no_harm(tmp_path: Path, headers: dict[str, str]) -> None:
    async with receiver(tmp_path) as process, aiohttp.ClientSession() as session:
        async with session.post(process.url, data=b"x" * 100, headers=headers) as answer:
            assert answer.status == 401
        async with webhook(process.url, SECRET) as adapter:
            assert await adapter.send(started(), {}, repeated=False) == Done()
