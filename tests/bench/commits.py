"""`python -m tests.bench.commits [SECONDS]`: durable commands a second and the time of a commit, beside a busy socket.

Busy: a session reads what a fake manager in another process writes as fast as it is taken, the core decides, and each
read's outputs are committed. Idle: the same groups of outputs, committed one after the other in the same run, with no
socket at all. Then many commits at once, idle: the store's own speed.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from amibridge.ami.login import Login
from amibridge.ami.session import Session
from amibridge.calls import Calls, Command, CommandType, Event, Output, Picture
from amibridge.daemon.listener import Listener
from amibridge.store import Saved, Store
from tests.bench.stream import busy_hour, repeated
from tests.chaos.lives import ROOT
from tests.replay.playing import CAPTURES, commands, directory
from tests.unit.manager_server import Link, ManagerServer

ENOUGH = 1 << 20
"""Bytes that wait to be written, at most."""


class Timed:
    """Commits to a store and takes the time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seconds: list[float] = []
        self.groups: list[list[Output]] = []

    async def commit(self, outputs: Sequence[Output], pbx: str) -> Saved:
        began = time.perf_counter()
        saved = await self._store.commit(outputs, pbx)
        self.seconds.append(time.perf_counter() - began)
        self.groups.append(list(outputs))
        return saved

    async def room(self) -> None:
        await self._store.room()


class Counting(Listener):
    """Counts the events that the core was given."""

    handled = 0

    async def events(self, group: Sequence[Event]) -> None:
        self.handled += len(group)
        await super().events(group)

    async def picture(self, picture: Picture, at: float, wall: float) -> None:
        await super().picture(picture, at, wall)


async def busy(folder: Path, seconds: float) -> Timed:
    """A session at full speed for so long."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.commits", "--serve"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    store = await Store.open(folder / "busy.db", ["crm"])
    timed = Timed(store)
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        listener = Counting("lab", core(), timed, lambda: 0.0, lambda outputs: None)  # type: ignore[arg-type]
        session = Session(Login("lab", "127.0.0.1", "bridge", "s", port=port), listener)
        running = asyncio.create_task(session.run())
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        spent = time.perf_counter() - began
        await session.close()
        await running
        print(
            f"busy: {listener.handled / spent:,.0f} events/s of use to the core (of a stream with five times as many)"
        )
        tell("busy", timed.seconds, timed.groups, spent)
    finally:
        await store.close()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return timed


async def idle(folder: Path, groups: Sequence[list[Output]]) -> None:
    """The same commits with no socket, one after the other."""
    store = await Store.open(folder / "idle.db", ["crm"])
    timed = Timed(store)
    began = time.perf_counter()
    for group in groups:
        await timed.commit(group, "lab")
    tell("idle", timed.seconds, groups, time.perf_counter() - began)
    await store.close()


async def together(folder: Path, number: int = 20_000, at_once: int = 500) -> None:
    """Many small commits that wait together."""
    store = await Store.open(folder / "together.db", ["crm"])
    made = [Command(CommandType.CALL_STARTED, f"lab:{n}", f"lab:{n}", None, 1.0, 1.0, {}) for n in range(number)]
    began = time.perf_counter()
    for start in range(0, number, at_once):
        await asyncio.gather(*(store.commit([command], "lab") for command in made[start : start + at_once]))
    print(f"{at_once} commits of one command at once: {number / (time.perf_counter() - began):,.0f} commands/s")
    await store.close()


def tell(name: str, seconds: Sequence[float], groups: Sequence[Sequence[Output]], spent: float) -> None:
    percentiles = statistics.quantiles(seconds, n=100)
    number = sum(len(commands(group)) for group in groups)
    print(
        f"{name}: {len(seconds):,} commits, {number / spent:,.0f} durable commands/s; a commit takes"
        f" p50 {percentiles[49] * 1e3:.1f} ms, p99 {percentiles[98] * 1e3:.1f} ms, at most {max(seconds) * 1e3:.0f} ms"
    )


def core() -> Calls:
    return Calls("lab", directory(CAPTURES / "lab.yaml"))


async def serve() -> None:
    """A manager that writes busy hours, as fast as they are read, until nobody reads."""
    server = ManagerServer()
    await server.start()
    print(server.port, flush=True)
    link: Link = await server.asked("BridgeList")
    for _ in count():
        for chunk in repeated(busy_hour(), 200):
            if not link.open:
                return
            link.transport.write(chunk)
            while link.transport.get_write_buffer_size() > ENOUGH:  # noqa: ASYNC110 -- a benchmark's other end
                await asyncio.sleep(0.001)


async def measure(seconds: float, folder: Path) -> None:
    timed = await busy(folder, seconds)
    await idle(folder, timed.groups)
    await together(folder)


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(seconds, Path(folder)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
