"""The seams of a daemon, counted from outside: where it touches the world, a step is taken, and one may be the last.

The product knows nothing of it: its methods are wrapped in the process under test before it begins.
"""

import json
import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from amibridge.crm.webhook import Webhook
from amibridge.daemon.listener import Listener
from amibridge.store.connection import Connection
from amibridge.store.outbox import Outbox
from amibridge.store.store import Store

SEAMS = (
    *("received", "decided", "committed"),
    *("before COMMIT", "after COMMIT"),
    *("to be sent", "answered", "to be recorded", "recorded"),
)
"""The names of the steps."""

_Method = Callable[..., Awaitable[Any]]


class Steps:
    """Counts the steps of a life, tells of each on standard output, and dies at the last one."""

    def __init__(self, life: int, last: int | None) -> None:
        self._life = life
        self._last = last
        self._taken = 0

    def take(self, step: str) -> None:
        """The process may end here, as by kill -9."""
        self._taken += 1
        self.tell("step", step)
        if self._taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self, what: str, value: str | int) -> None:
        """One line for the harness. A short write to a pipe is never torn."""
        os.write(1, json.dumps([self._life, what, value]).encode() + b"\n")


def install(steps: Steps) -> None:
    """Wraps the seams of this process."""
    handled = 0

    def hears(method: _Method) -> _Method:
        @wraps(method)
        async def heard(self: Listener, *args: Any) -> None:
            nonlocal handled
            steps.take("received")
            await method(self, *args)
            handled += len(args[0]) if method.__name__ == "events" else 0
            steps.tell(method.__name__, handled)

        return heard

    def runs(method: _Method) -> _Method:
        @wraps(method)
        async def run(self: Connection, sql: str) -> None:
            if sql == "COMMIT":
                steps.take("before COMMIT")
            await method(self, sql)
            if sql == "COMMIT":
                steps.take("after COMMIT")

        return run

    def between(before: str, after: str) -> Callable[[_Method], _Method]:
        def wrapped(method: _Method) -> _Method:
            @wraps(method)
            async def stepping(self: object, *args: Any, **named: Any) -> Any:
                steps.take(before)
                result = await method(self, *args, **named)
                steps.take(after)
                if after == "recorded":
                    steps.tell("key", args[0].command.key)
                return result

            return stepping

        return wrapped

    for owner, name, wrapper in (
        (Listener, "events", hears),
        (Listener, "picture", hears),
        (Store, "commit", between("decided", "committed")),
        (Connection, "run", runs),
        (Webhook, "send", between("to be sent", "answered")),
        (Outbox, "record", between("to be recorded", "recorded")),
    ):
        setattr(owner, name, wrapper(getattr(owner, name)))
