"""What can go wrong at a portal, on order."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from amibridge.demo.portal.errors import RestError

EVERY = "*"
"""Instead of a method: whatever is asked of REST."""
TOKEN = "oauth/token"
"""Instead of a method: the token end point. It is another server: what is ordered for every method spares it."""


@dataclass(slots=True)
class _Failure:
    """The error of the next requests of a method."""

    method: str
    left: int
    error: RestError


@dataclass(slots=True)
class Faults:
    """Orders of a test. A method is named as documented (case does not matter), or is EVERY or TOKEN.

    down: connections are closed without an answer, nothing is done. refused_users: telephony does not know them.
    rewrite: what is answered instead, after everything was done; it is given the method and the answer's JSON.
    """

    down: bool = False
    refused_users: set[int] = field(default_factory=set)
    rewrite: Callable[[str, dict[str, Any]], Any] | None = None
    _failures: list[_Failure] = field(default_factory=list)
    _lost: Counter[str] = field(default_factory=Counter)
    _held: list[tuple[str, asyncio.Event]] = field(default_factory=list)
    _close: Callable[[], Awaitable[None]] | None = None
    _open: Callable[[], Awaitable[None]] | None = None

    def fail(
        self,
        times: int,
        status: int = 500,
        code: str = "INTERNAL_SERVER_ERROR",
        description: str = "Internal server error",
        method: str = EVERY,
    ) -> None:
        """The next requests are answered with an error, and nothing is done."""
        self._failures.append(_Failure(method.lower(), times, RestError(status, code, description)))

    def overload(self, times: int) -> None:
        """The next requests get 503 OVERLOAD_LIMIT."""
        self.fail(times, 503, "OVERLOAD_LIMIT", "REST API is blocked due to overload")

    def lose(self, method: str = EVERY, times: int = 1) -> None:
        """The next requests are carried out, then the connection is closed without an answer.

        A batch counts as its own name and as each method in it.
        """
        self._lost[method.lower()] += times

    def hold(self, method: str = EVERY) -> asyncio.Event:
        """Requests are carried out, but not answered until the event is set."""
        released = asyncio.Event()
        self._held.append((method.lower(), released))
        return released

    def refuse_user(self, user_id: int) -> None:
        """Telephony says that there is no such user; `user.get` still lists them."""
        self.refused_users.add(user_id)

    def accept_user(self, user_id: int) -> None:
        """The end of `refuse_user`."""
        self.refused_users.discard(user_id)

    async def unplug(self) -> None:
        """The port refuses connections, those that are open end. Only while the portal is running."""
        self.down = True
        if self._close is not None:
            await self._close()

    async def plug_in(self) -> None:
        """The end of `unplug`, on the same port."""
        if self._open is not None:
            await self._open()
        self.down = False

    def attach(self, close: Callable[[], Awaitable[None]] | None, open_: Callable[[], Awaitable[None]] | None) -> None:
        """The port that is unplugged; given by whoever serves it."""
        self._close, self._open = close, open_

    def failure(self, methods: list[str]) -> RestError | None:
        """The error that is due for a request of these methods; uses up one."""
        for failure in self._failures:
            if failure.left > 0 and _concerns(failure.method, methods):
                failure.left -= 1
                return failure.error
        return None

    def loses(self, methods: list[str]) -> bool:
        """Whether the answer of this request is lost; uses up one."""
        due = next((name for name, left in self._lost.items() if left > 0 and _concerns(name, methods)), None)
        if due is not None:
            self._lost[due] -= 1
        return due is not None

    async def released(self, methods: list[str]) -> None:
        """Waits for the events that hold the answers of these methods back."""
        for method, event in list(self._held):
            if _concerns(method, methods):
                await event.wait()
        self._held = [(method, event) for method, event in self._held if not event.is_set()]

    def release(self) -> None:
        """Lets every answer go."""
        for _, event in self._held:
            event.set()


def _concerns(ordered: str, methods: list[str]) -> bool:
    asked = {method.lower() for method in methods}
    return ordered in asked or (ordered == EVERY and TOKEN not in asked)
