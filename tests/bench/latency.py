"""`python -m tests.bench.latency [CALLS]`: from an event's bytes to the request that opens the card.

A fake manager on loopback writes the events with which a talk begins, and a receiver in the same process takes the time
when the card's webhook has come; the daemon is a process of its own. Beside it, in the same run: a bare process that
reads a line from a socket and posts a body of the same size with aiohttp. Both idle, and the daemon also while the PBX
sends 1,000 events a second of a real busy hour.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import aiohttp
from aiohttp import web

from amibridge.ami.packets import END, Framer
from tests.bench.stream import _STAGES, busy_hour, repeated
from tests.chaos.configured import written
from tests.chaos.daemon import daemon
from tests.chaos.lives import ROOT
from tests.chaos.pbx import Pbx, playing
from tests.unit.webhook_receiver import Delivered, ok, receiving

RATE = 1_000
"""Events a second of the background."""
TICK = 0.01
BODY = b"x" * 600
"""As long as a card's."""


class Stopwatch:
    """When which webhook came."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[float]] = {}

    def answer(self, delivered: Delivered) -> web.Response:
        """The receiver's."""
        now = time.perf_counter()
        waiting = self._waiting.pop(delivered.id, None)
        if waiting is not None:
            waiting.set_result(now)
        return ok(delivered)

    def expect(self, key: str) -> "asyncio.Future[float]":
        self._waiting[key] = asyncio.get_running_loop().create_future()
        return self._waiting[key]


async def card(pbx: Pbx, watch: Stopwatch, n: int) -> float:
    """One call; seconds from the bytes of its talk to the request for its card."""
    link, id_ = pbx.links[-1], f"lab:1800000000.{2 * n}"

    def send(stage: str) -> None:
        link.send(b"".join(packet + END for packet in _STAGES[stage](n, time.time())))

    started, opened = watch.expect(f"{id_}/call.started"), watch.expect(f"{id_}/1{n % 100:02d}/card.open")
    send("begin")
    await started
    # The answer to it has been noted as well: the daemon is idle.
    await asyncio.sleep(0.02)
    began = time.perf_counter()
    send("talk")
    seconds = await opened - began
    finished = watch.expect(f"{id_}/call.finished")
    send("end")
    await finished
    return seconds


@asynccontextmanager
async def busy(pbx: Pbx) -> AsyncIterator[None]:
    """The PBX sends the events of a busy hour for the length of the block."""
    framer = Framer()
    packets = (packet for chunk in repeated(busy_hour(), 100) for packet in framer.feed(chunk))

    async def send() -> None:
        began = time.perf_counter()
        for tick in count(1):
            batch = [next(packets) + END for _ in range(int(RATE * TICK))]
            pbx.links[-1].send(*batch)
            await asyncio.sleep(max(0.0, began + tick * TICK - time.perf_counter()))

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.wait([sending])


@asynccontextmanager
async def poster(url: str, watch: Stopwatch) -> AsyncIterator[Callable[[int], Awaitable[float]]]:
    """The bare process: a line in, a POST out."""
    made: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: made.set_result(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.latency", "--bare", str(port), url), cwd=ROOT
    )
    writer = await made

    async def post(n: int) -> float:
        arrived = watch.expect(f"bare/{n}")
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        writer.write(b"%d\n" % n)
        return await arrived - began

    try:
        yield post
    finally:
        writer.close()
        server.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def bare(port: int, url: str) -> None:
    """What the bare process does."""
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    async with aiohttp.ClientSession() as session:
        async for line in reader:
            async with session.post(url, data=BODY, headers={"webhook-id": f"bare/{line.decode().strip()}"}):
                pass


async def measure(calls: int, folder: Path) -> None:
    watch = Stopwatch()
    async with playing() as pbx, receiving(watch.answer) as receiver:
        async with poster(receiver.url, watch) as post:
            await post(0)
            posted = [await post(n) for n in range(1, calls + 1)]
        async with daemon(written(folder, {"lab": pbx.port}, {"hook": receiver.url})):
            await pbx.listed()
            await card(pbx, watch, 0)
            idle = [await card(pbx, watch, n) for n in range(1, calls + 1)]
            async with busy(pbx):
                loaded = [await card(pbx, watch, n) for n in range(calls + 1, 2 * calls + 1)]
    print(f"bare POST, idle:             {shown(posted)}")
    print(f"card, idle:                  {shown(idle)}")
    print(f"card, at {RATE:,} events/s:   {shown(loaded)}")


def shown(seconds: Sequence[float]) -> str:
    percentiles = statistics.quantiles(seconds, n=100)
    return f"p50 {percentiles[49] * 1e3:5.1f} ms, p99 {percentiles[98] * 1e3:5.1f} ms ({len(seconds)} times)"


def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(calls, Path(folder)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        asyncio.run(bare(int(sys.argv[2]), sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
