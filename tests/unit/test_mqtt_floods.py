"""What a broker, or whoever may write on it, can make a daemon keep and say."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import aiomqtt
import pytest

from amibridge.crm.mqtt.client import MOST_UNFINISHED, Client
from amibridge.crm.mqtt.others import MOST, OFFLINE, ONLINE, Others, signed
from amibridge.crm.mqtt.settings import LARGEST

Says = Callable[[asyncio.StreamWriter], Awaitable[None]]
WELCOME = bytes([0x20, 3, 0, 0, 0])


def length(number: int) -> bytes:
    """As MQTT writes it, in four bytes."""
    return bytes(number >> 7 * place & 127 | (128 if place < 3 else 0) for place in range(4))


def publish(topic: bytes, content: bytes, mid: int | None = None) -> bytes:
    """A message; with an id, of QoS 2."""
    body = struct.pack(">H", len(topic)) + topic + (b"" if mid is None else struct.pack(">H", mid)) + b"\0" + content
    return bytes([0x30 if mid is None else 0x34]) + length(len(body)) + body


@asynccontextmanager
async def broker(says: Says) -> AsyncIterator[int]:
    """One that speaks and does not listen. Gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(1000)
            writer.write(WELCOME)
            # aiomqtt forgets an end that comes before it has seen the beginning.
            await asyncio.sleep(0.1)
            await says(writer)
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def ended(says: Says) -> list[aiomqtt.Message]:
    """What a client has heard when its connection has ended by itself."""
    heard: list[aiomqtt.Message] = []
    async with broker(says) as port, asyncio.timeout(10):
        with suppress(aiomqtt.MqttError):
            async with Client(
                heard.append, hostname="127.0.0.1", port=port, protocol=aiomqtt.ProtocolVersion.V5, timeout=1
            ) as client:
                async for _ in client.messages:
                    pass
    return heard


async def test_a_packet_that_is_larger_than_was_asked_for_ends_the_connection() -> None:
    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(bytes([0x30]) + length(LARGEST + 1))

    assert await ended(says) == []


async def test_messages_that_are_never_released_end_the_connection() -> None:
    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(publish(b"a", b"x", mid + 1) for mid in range(MOST_UNFINISHED * 5)))

    assert await ended(says) == []


async def test_a_topic_that_is_no_text_is_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(publish(b"\xff\xfe", b"x") * 10 + publish(b"a", b"last"))
        await writer.drain()
        writer.close()

    assert [said.payload for said in await ended(says)] == [b"last"]
    assert caplog.records == []


def test_daemons_that_come_and_go_for_ever_are_not_told_for_ever() -> None:
    now = [0.0]
    others = Others("here", lambda: now[0])

    def hear(name: str, what: str) -> str | None:
        said = aiomqtt.Message("a/b/status", what.encode(), 0, False, 0, signed(name))
        return others.hear(said).came

    def come_and_go(beginning: str) -> int:
        told = 0
        for number in range(1000):
            told += hear(f"{beginning}{number}", ONLINE) is not None
            hear(f"{beginning}{number}", OFFLINE)
        return told

    assert come_and_go("first") == MOST
    now[0] += 60.0
    assert come_and_go("later") == MOST
