"""A PBX that plays a capture: it sends the events one by one, and when it is asked it lists what there is by then."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amibridge.ami.packets import END, headers
from amibridge.calls import Headers
from tests.chaos.view import View
from tests.unit.manager_server import Link, ManagerServer

_STAMP = re.compile(rb"\r\nTimestamp: [\d.]+")


class Pbx(ManagerServer):
    """Only who has logged in hears the events; nothing is said again to who comes later."""

    def __init__(self) -> None:
        super().__init__()
        self.view = View()
        self.ahead = 0.0
        """Seconds by which its clock is ahead of the host's."""
        self._listeners: list[Link] = []

    def accept(self, link: Link, asked: Headers) -> None:
        super().accept(link, asked)
        self._listeners.append(link)

    def play(self, *packets: bytes) -> None:
        """These happen now, in one write."""
        now = b"\r\nTimestamp: %.6f" % (time.time() + self.ahead)
        written = bytearray()
        for packet in packets:
            read = headers(packet)
            self.view.take(read.get("Event", ""), read)
            written += _STAMP.sub(now, packet, count=1) + END
        self.channels = [dict(row) for row in self.view.channels]
        self.bridges = [dict(row) for row in self.view.bridges]
        for link in self._listeners:
            if link.open:
                link.send(bytes(written))

    def forget(self) -> None:
        """It has been started anew: no channel is left."""
        self.view = View()
        self.channels, self.bridges = [], []
        self._listeners.clear()

    async def start_at(self, port: int) -> None:
        """Listens again, where it did before."""
        self._server = await asyncio.get_running_loop().create_server(lambda: Link(self), "127.0.0.1", port)

    async def listed(self, times: int = 1) -> None:
        """Waits until somebody has been shown everything, so many times: what is played from now on is heard."""
        await self.asked("BridgeList", times)


@asynccontextmanager
async def playing() -> AsyncIterator[Pbx]:
    """A PBX that listens in the block."""
    pbx = Pbx()
    await pbx.start()
    try:
        yield pbx
    finally:
        await pbx.stop()
