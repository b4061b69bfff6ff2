"""A wire between a daemon and its PBX that can be cut, go deaf, become slow, or break in the middle of a packet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

SLOW = 1000
"""Bytes a second."""


class Proxy:
    """Listens on `port`, and connects whoever comes to the PBX.

    deaf: nothing of the PBX comes through, and both sides stay connected. slow: so many bytes come through at 1 kB/s.
    break_after: so many bytes come through, then the wire is cut; None: it is not.
    """

    def __init__(self, pbx: int) -> None:
        self.port = 0
        self.deaf = False
        self.slow = 0
        self.break_after: int | None = None
        self._pbx = pbx
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None] | None] = set()

    def cut(self) -> None:
        """All wires end here, without a good-bye."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self.break_after = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the daemon."""
        self._tasks.add(asyncio.current_task())
        with suppress(ConnectionError):
            to_pbx, from_pbx = None, None
            try:
                from_pbx, to_pbx = await asyncio.open_connection("127.0.0.1", self._pbx)
                self._writers += [writer, to_pbx]
                await asyncio.gather(self._up(reader, to_pbx), self._down(from_pbx, writer))
            finally:
                for side in (writer, to_pbx):
                    if side is not None:
                        side.close()

    async def end(self) -> None:
        """Nobody is connected any more."""
        self.cut()
        for task in self._tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in self._tasks if task is not None), return_exceptions=True)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if not self.deaf:
                writer.write(data)
        writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if self.deaf:
                continue
            while self.slow > 0 and data:
                # This is the wire's own pace, not a wait for anything.
                piece, data = data[:100], data[100:]
                self.slow -= len(piece)
                writer.write(piece)
                await asyncio.sleep(len(piece) / SLOW)
            if self.break_after is not None and len(data) >= self.break_after:
                writer.write(data[: self.break_after])
                await writer.drain()
                self.cut()
                return
            writer.write(data)
            if self.break_after is not None:
                self.break_after -= len(data)
        writer.close()


@asynccontextmanager
async def between(pbx: int) -> AsyncIterator[Proxy]:
    """A wire to the PBX at this port."""
    proxy = Proxy(pbx)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
