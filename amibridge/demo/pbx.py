"""A PBX on loopback: it lets anybody in as Asterisk does, has nothing to list, and sends the events it is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amibridge.ami.packets import END, Framer, headers

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
ANSWERS = {
    "Login": ["Response: Success", "Message: Authentication accepted"],
    "Ping": ["Response: Success", "Ping: Pong"],
    "ListCommands": ["Response: Success", "CoreShowChannels: List currently active channels. (Priv: reporting,all)"],
    "CoreShowChannels": ["Response: Success", "EventList: start"],
    "BridgeList": ["Response: Success", "EventList: start"],
}
"""The first packet of the answer to each action."""
AFTERWARDS = {
    "Login": ["Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted", "Uptime: 31"],
    "CoreShowChannels": ["Event: CoreShowChannelsComplete", "EventList: Complete", "ListItems: 0"],
    "BridgeList": ["Event: BridgeListComplete", "EventList: Complete", "ListItems: 0"],
}
"""The second packet, for those that have one."""


class Pbx:
    """port: of its manager interface. listening: somebody has asked for the bridges, which a session does last."""

    def __init__(self) -> None:
        self.port = 0
        self.listening = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: set[asyncio.Task[None] | None] = set()

    async def send(self, packet: bytes) -> None:
        """One event, to everybody who is there."""
        for writer in self._writers:
            writer.write(packet + END)
            await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        self._writers.append(writer)
        self._serving.add(asyncio.current_task())
        framer = Framer()
        writer.write(GREETING)
        try:
            while received := await reader.read(65536):
                for packet in framer.feed(received):
                    self._answer(packet, writer)
        except ConnectionError:
            return
        finally:
            self._writers.remove(writer)
            writer.close()

    async def hang_up(self) -> None:
        """Ends all connections."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(task for task in self._serving if task is not None))

    def _answer(self, packet: bytes, writer: asyncio.StreamWriter) -> None:
        asked = headers(packet)
        action, mark = asked.get("Action", ""), f"ActionID: {asked.get('ActionID', '')}"
        first, *more = ANSWERS.get(action, ["Response: Error"])
        writer.write(_packet(first, mark, *more))
        if action in AFTERWARDS:
            writer.write(_packet(*AFTERWARDS[action], mark))
        if action == "BridgeList":
            self.listening.set()


def _packet(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode()


@asynccontextmanager
async def open_for_calls() -> AsyncIterator[Pbx]:
    """A PBX that listens in the block."""
    pbx = Pbx()
    server = await asyncio.start_server(pbx.serve, "127.0.0.1", 0)
    pbx.port = server.sockets[0].getsockname()[1]
    try:
        yield pbx
    finally:
        server.close()
        await pbx.hang_up()
        await server.wait_closed()
