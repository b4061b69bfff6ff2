"""Reading the configuration again beside the daemon: in a process of its own, so that no card waits for it."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from amibridge.directory.reader import Failed, Refused, Reread
from amibridge.directory.slices import LENGTH, Unpacking

PATIENCE = 300.0
"""Seconds: a file on a disk that does not answer is given up."""


class RereadingError(Exception):
    """Nothing was read; the text says why."""


async def reread(path: Path) -> Reread | Refused:
    """What the files say now. Raises RereadingError. The loop is never kept for longer than one slice takes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "amibridge.directory.reader", str(path)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            read = await _unpacked(process)
    except TimeoutError:
        raise RereadingError(f"reading took more than {PATIENCE:.0f} s") from None
    except asyncio.IncompleteReadError:
        raise RereadingError(f"the process that reads ended with status {await process.wait()}") from None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    if isinstance(read, Failed):
        raise RereadingError(read.trace)
    return read


async def _unpacked(process: Process) -> Reread | Refused | Failed:
    assert process.stdout is not None
    unpacking = Unpacking()
    while True:
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        whole: list[Reread | Refused | Failed] = unpacking.take(await process.stdout.readexactly(length))
        if whole:
            return whole[0]
        # What has come meanwhile goes first: a slice that is there already would be read without waiting.
        await asyncio.sleep(0)
