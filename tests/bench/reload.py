"""`python -m tests.bench.reload [EXTENSIONS]`: what reading a large map again costs those whose cards open meanwhile.

A loop counts how long it was kept at most by one thing, in seconds of its own processor time, so that whatever else the
host does is left out: idle, while a process of its own reads the map and hands it over in slices, and, to compare with
in the same run, while a thread of the same process reads it.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from amibridge.daemon.rereading import reread
from amibridge.directory.loading import load
from tests.unit.test_daemon_reload import many

TICK = 0.001


async def longest(work: Awaitable[object]) -> float:
    """The longest time between two turns of the loop while the work is done; seconds."""
    stalls = [0.0]

    async def turn() -> None:
        last = time.process_time()
        while True:
            await asyncio.sleep(TICK)
            now = time.process_time()
            stalls.append(now - last)
            last = now

    turning = asyncio.create_task(turn())
    try:
        await work
    finally:
        turning.cancel()
        await asyncio.wait([turning])
    return max(stalls)


async def measure(extensions: int, folder: Path) -> None:
    config = many(folder, extensions)
    read = await reread(config)
    gc.collect()
    gc.freeze()
    idle = await longest(asyncio.sleep(2))
    sliced = max([await longest(reread(config)) for _ in range(3)])
    threaded = await longest(asyncio.to_thread(load, config))
    del read
    print(f"{extensions:,} extensions; the loop is kept at most: idle {idle * 1e3:.1f} ms,", end=" ")
    print(f"by a process and slices {sliced * 1e3:.1f} ms, by a thread {threaded * 1e3:.1f} ms", end=" ")
    print(f"({threaded / sliced:.0f} times as long)")


def main(extensions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(extensions, Path(folder)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
