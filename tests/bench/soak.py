"""`python -m tests.bench.soak [CALLS]`: many calls through the real daemon, and what they leave behind.

A fake manager on loopback plays inbound calls, some hundred at a time; one webhook receiver takes the commands. Each
call is talked in until its card has arrived, and has four commands.
"""

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from amibridge.ami.packets import END
from tests.bench.proc import Proc
from tests.bench.stream import _STAGES
from tests.chaos.configured import database, written
from tests.chaos.lives import ROOT
from tests.chaos.pbx import Pbx, playing
from tests.unit.webhook_receiver import Delivered, ok, receiving

WAVE, WAVES = 50, 4
"""Calls that begin together, and how many such waves there are at once."""

COUNTING = """
import asyncio, os, signal, sys
from amibridge.cli import main
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"%d\\n" % len(asyncio.all_tasks())))
sys.exit(main(["run", "--config", sys.argv[1]]))
"""
"""The daemon, with a way to ask it for the number of its tasks."""


class Arrived:
    """How many commands came of each wave."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: dict[str, tuple[list[int], asyncio.Event]] = {}

    def expect(self, keys: Sequence[str]) -> asyncio.Event:
        """An event that is set when all of these have come."""
        event = asyncio.Event()
        left = [len(keys)]
        for key in keys:
            self._waiting[key] = (left, event)
        return event

    def take(self, key: str) -> None:
        self.count += 1
        if key in self._waiting:
            left, event = self._waiting.pop(key)
            left[0] -= 1
            if left[0] == 0:
                event.set()


async def tasks(process: asyncio.subprocess.Process) -> int:
    """How many tasks the daemon has."""
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    return int(await process.stdout.readline())


async def wave(pbx: Pbx, arrived: Arrived, first: int) -> None:
    """So many calls from their beginning to their end."""
    numbers = range(first, first + WAVE)
    ids = [f"lab:1800000000.{2 * n}" for n in numbers]
    cards = arrived.expect([f"{id_}/1{n % 100:02d}/card.open" for n, id_ in zip(numbers, ids, strict=True)])
    ends = arrived.expect([f"{id_}/call.finished" for id_ in ids])
    link = pbx.links[-1]
    for stage in ("begin", "talk"):
        link.send(*(packet + END for n in numbers for packet in _STAGES[stage](n, time.time())))
    await cards.wait()
    link.send(*(packet + END for n in numbers for packet in _STAGES["end"](n, time.time())))
    await ends.wait()


async def soak(calls: int, folder: Path) -> None:
    arrived = Arrived()

    def answer(delivered: Delivered) -> web.Response:
        arrived.take(delivered.id)
        receiver.delivered.clear()
        receiver.opened.clear()
        return ok(delivered)

    async with playing() as pbx, receiving(answer) as receiver:
        config = written(folder, {"lab": pbx.port}, {"hook": receiver.url})
        with (folder / "amibridge.log").open("w") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", COUNTING, str(config)), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        try:
            await pbx.listed()
            await measure(calls, pbx, arrived, process, database(folder))
            process.terminate()
            status = await process.wait()
            print(f"stopped with {status}; {troubles(folder / 'amibridge.log')} warnings and errors in the log")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def measure(calls: int, pbx: Pbx, arrived: Arrived, process: asyncio.subprocess.Process, path: Path) -> None:
    proc = Proc(process.pid)
    await wave(pbx, arrived, 0)
    print(f"at the start: {shown(proc)}, {await tasks(process)} tasks", flush=True)
    size, began = stored(path), time.monotonic()
    done, waves = 0, list(range(WAVE, WAVE + calls, WAVE))

    async def some(mine: Sequence[int]) -> None:
        nonlocal done
        for first in mine:
            await wave(pbx, arrived, first)
            done += WAVE
            if done % max(WAVE, calls // 10) < WAVE:
                rate = done / (time.monotonic() - began)
                print(f"{done:,} calls: {shown(proc)}, {rate:.0f} calls/s", flush=True)

    await asyncio.gather(*(some(waves[start::WAVES]) for start in range(WAVES)))
    seconds = time.monotonic() - began
    print(f"{done:,} calls in {seconds:.0f} s, {arrived.count:,} webhooks; {await tasks(process)} tasks")
    print(f"database: {(stored(path) - size) / done:,.0f} bytes a call")


def shown(proc: Proc) -> str:
    return f"RSS {proc.rss:.0f} MiB, {proc.files} open files"


def stored(path: Path) -> int:
    """Bytes of the database and of its log."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def troubles(log: Path) -> int:
    return sum('"level": "warning"' in line or '"level": "error"' in line for line in log.open())


def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(soak(calls, Path(folder)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
