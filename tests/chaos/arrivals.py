"""What a receiver of webhooks is waited for."""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from tests.unit.manager_server import Change
from tests.unit.webhook_receiver import Delivered, Receiver


class Arrivals:
    """Takes note of the keys that a receiver has accepted."""

    def __init__(self, receiver: Receiver) -> None:
        self._change = Change()
        self._seen = set[str]()
        answer = receiver.answer

        def answering(delivered: Delivered) -> web.StreamResponse:
            answered = answer(delivered)
            if answered.status < 300:
                self._seen.add(delivered.id)
            # A moment later the receiver has noted it, too.
            asyncio.get_running_loop().call_soon(self._change.changed)
            return answered

        receiver.answer = answering

    def forget(self, keys: set[str]) -> None:
        """These have to come again."""
        self._seen -= keys

    async def of(self, keys: Iterable[str]) -> None:
        """Waits for all of these. Raises TimeoutError, which names what is missing."""
        wanted = set(keys)
        try:
            await self._change.until(lambda: wanted <= self._seen)
        except TimeoutError:
            raise TimeoutError(f"never arrived: {sorted(wanted - self._seen)}") from None
