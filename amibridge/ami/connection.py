"""One connection to a manager interface: opening it, logging in, asking, noticing its death, closing it.

panoramisk's Manager sends the actions and says when an answer is complete. There is one for each connection, and it
never connects by itself: a Manager that does, does so for ever.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping, Sequence

from panoramisk.manager import Manager
from structlog.typing import FilteringBoundLogger

from amibridge.ami.clock import Clock
from amibridge.ami.faults import LinkLostError, LoginRefusedError, NoAnswerError, UnreachableError
from amibridge.ami.login import Login, tls_context
from amibridge.ami.question import question
from amibridge.ami.stream import Receive, Stream
from amibridge.calls import Headers

Action = Mapping[str, str | Sequence[str]]
"""Header to value, `Action` among them; a list of values makes a repeated header."""

_FAREWELL = 1.0
"""Seconds in which what was written may still leave when the connection is closed."""


class Connection:
    """From `open` to `close` or until `stream.gone`; there is no second life."""

    def __init__(
        self, login: Login, clock: Clock, log: FilteringBoundLogger, *, tap: Receive, receive: Receive
    ) -> None:
        """tap, receive: see `Stream`."""
        self.stream = Stream(clock, log, tap, receive)
        self._login = login
        self._manager = Manager(loop=asyncio.get_running_loop())

    async def open(self) -> str:
        """Connects, and waits for the PBX's greeting. Raises UnreachableError, LinkLostError."""
        login, loop = self._login, asyncio.get_running_loop()
        try:
            context = tls_context(login)
        except OSError as error:
            why = f"the CA file {login.ca_file} cannot be used: {_reason(error)}"
            raise UnreachableError(why, "name a readable file in PEM format") from None
        try:
            async with asyncio.timeout(login.connect_timeout):
                made = await loop.create_connection(lambda: self.stream, login.host, login.port, ssl=context)
                greeting = await self.stream.greeting
        except TimeoutError:
            why = f"no greeting from {login.address} in {login.connect_timeout:g} s"
            raise UnreachableError(why, "is a firewall between, or does the port want TLS?") from None
        except ssl.SSLError as error:
            why = f"no TLS with {login.address}: {getattr(error, 'verify_message', '') or error.reason or error}"
            raise UnreachableError(why, "see `tlsenable` and the certificate in manager.conf, and `tls` here") from None
        except OSError as error:
            why = f"{login.address} cannot be reached: {_reason(error)}"
            raise UnreachableError(why, "is Asterisk running, with `enabled = yes` in manager.conf?") from None
        # The hand-over that panoramisk makes of its own connections, without its pings: their answers go unheard.
        handed_over = loop.create_future()
        handed_over.set_result(made)
        self._manager.connection_made(handed_over)
        self._manager.pinger.cancel()
        return greeting

    async def log_in(self) -> None:
        """Raises LoginRefusedError, LinkLostError; the secret is in neither."""
        login = self._login
        credentials = {"Action": "Login", "Username": login.username, "Secret": login.secret, "Events": "on"}
        try:
            answer = await self.ask(credentials, login.connect_timeout)
        except NoAnswerError:
            why = f"the login was not answered in {login.connect_timeout:g} s"
            raise LinkLostError(why, "is Asterisk overloaded?") from None
        if answer.get("Response") != "Success":
            why = f"{login.address} refuses the login of {login.username!r}: {answer.get('Message', 'no reason given')}"
            remedy = (
                f"compare the secret with [{login.username}] in manager.conf, see that its permit= lines allow this"
                " host, and run: asterisk -rx 'manager reload'"
            )
            raise LoginRefusedError(why, remedy)

    async def ask(self, action: Action, within: float | None = None) -> Headers:
        """Sends one action, once, and returns its answer, an `Error` too.

        within: seconds, None for the login's. Raises NoAnswerError, LinkLostError, UnsafeValueError.
        """
        return (await self._ask(action, within, rows=None))[0]

    async def rows(self, action: Action, within: float | None = None) -> list[Headers] | None:
        """The rows of an action that answers with a list, or None where the account may not list it. As `ask`."""
        answer, rows = await self._ask(action, within, rows=[])
        return None if answer.get("Response") == "Error" else rows

    async def close(self) -> None:
        """Closes the connection; within a second it is gone, whatever the PBX does."""
        self.stream.close()
        if self.stream.connected:
            await asyncio.wait({self.stream.gone}, timeout=_FAREWELL)
        self.stream.abort(LinkLostError("closed by amibridge", "nothing to do"))

    async def _ask(
        self, action: Action, within: float | None, rows: list[Headers] | None
    ) -> tuple[Headers, list[Headers]]:
        asked = question(dict(action))
        within = self._login.action_timeout if within is None else within
        answer = self._manager.send_action(asked)
        self.stream.pending[asked.id].rows = rows
        try:
            async with asyncio.timeout(within):
                return await answer, rows or []
        except TimeoutError:
            raise NoAnswerError(f"{action['Action']} was not answered in {within:g} s") from None
        finally:
            self.stream.pending.pop(asked.id, None)


def _reason(error: OSError) -> str:
    """The system's words for it; asyncio has its own, which say the address again."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
