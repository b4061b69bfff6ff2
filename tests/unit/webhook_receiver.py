"""A receiver of webhooks on loopback, as somebody else would write it: it checks signatures and keeps the ids."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Delivered:
    """One request."""

    headers: Mapping[str, str]
    content: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.content)
        return read

    def signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is that of the secret, as the specification tells it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.content
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        pairs = [signature.split(",", 1) for signature in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(mac, expected) for version, mac in pairs)


def ok(delivered: Delivered) -> web.Response:
    return web.Response(status=204)


@dataclass
class Receiver:
    """What came, and how it is answered."""

    url: str
    answer: Callable[[Delivered], web.StreamResponse] = ok
    delivered: list[Delivered] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    """What a receiver that honours the ids has done: each id once."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        delivered = Delivered(request.headers, await request.read())
        self.delivered.append(delivered)
        answer = self.answer(delivered)
        if answer.status < 300 and "webhook-id" in delivered.headers and delivered.id not in self.opened:
            self.opened.append(delivered.id)
        self.news.set()
        return answer


@asynccontextmanager
async def receiving(answer: Callable[[Delivered], web.StreamResponse] = ok) -> AsyncIterator[Receiver]:
    """A receiver at work."""
    receiver = Receiver("", answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hooks?token=in-the-address"
    try:
        yield receiver
    finally:
        await runner.cleanup()
