"""Recording a live PBX, from the first connection to the signal that ends it."""

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

import structlog

from amibridge.ami.login import Login
from amibridge.ami.recorder import Recorder
from amibridge.ami.session import Session
from amibridge.ami.status import State
from amibridge.cli.deaf import Deaf
from amibridge.cli.record import CannotRecordError
from amibridge.daemon.logs import configure
from amibridge.directory.settings import Log
from amibridge.waiting import elapsed


@dataclass(frozen=True, slots=True)
class Recording:
    """What was written. failure: why it is not all."""

    packets: int
    bytes: int
    seconds: float
    failure: OSError | None


def recorded(login: Login, file: BinaryIO, seconds: float | None) -> Recording:
    """Writes what the PBX sends until SIGINT, SIGTERM or the seconds are over; lost connections are made again.

    Raises CannotRecordError when the first connection cannot be made.
    """
    return asyncio.run(_recorded(login, file, seconds))


async def _recorded(login: Login, file: BinaryIO, seconds: float | None) -> Recording:
    configure(Log())
    stop = asyncio.Event()
    recorder = Recorder(file, stop.set, elapsed)
    session = Session(login, Deaf(), log=structlog.get_logger("amibridge"), tap=recorder.take)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = time.monotonic()
    running = asyncio.create_task(session.run())
    settled = asyncio.create_task(session.reached(State.LIVE, State.REFUSED, State.DOWN))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({settled, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if settled.done() and (status := settled.result()).state is not State.LIVE:
            raise CannotRecordError(f"{status.why}; {status.remedy}")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopped
    finally:
        settled.cancel()
        await session.close()
        await running
    return Recording(recorder.packets, recorder.bytes, time.monotonic() - began, recorder.failure)
