"""How a portal knows who asks: the code in a webhook's address, or the tokens of an application (OAuth).

An access token lives for an hour. The refresh token changes at every use, and only the daemon uses it: whoever else
asks the portal makes do with the access token that it has kept.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiohttp
import orjson

from amibridge.crm import http
from amibridge.crm.bitrix24.trouble import NoAccessError, NotNowError, UnansweredError, trouble
from amibridge.crm.oauth import Pair, PairFile, pair
from amibridge.crm.secrecy import secrets_of

FAREWELL = 3.0
"""Seconds that a renewal under way is given when the daemon is stopped: its answer is the only pair that is valid."""

T = TypeVar("T")


class Access(Protocol):
    """What a request needs to be let in."""

    base: str
    """The address that a method's name is put behind."""

    @property
    def owner(self) -> str | None:
        """The user's id in whose name everything is done, as far as it is known."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """What the portal may repeat and nobody may read."""
        ...

    async def key(self) -> Mapping[str, str]:
        """The parameters that let a request in. Raises PortalError."""
        ...

    async def renew(self, stale: Mapping[str, str]) -> bool:
        """After the portal has said that `stale` is too old: whether there is something newer. Raises PortalError."""
        ...

    async def close(self) -> None:
        """Brings to its end what must not be broken off."""
        ...


class WebhookAccess:
    """The address of an inbound webhook: `https://portal/rest/<user>/<code>/`."""

    def __init__(self, url: str) -> None:
        self.base = url.rstrip("/") + "/"
        owner = re.search(r"/rest/(\d+)/[^/]+/$", self.base)
        self.owner = owner[1] if owner else None
        self.secrets = (*re.findall(r"/rest/\d+/([^/]+)/$", self.base), *secrets_of(url))

    async def key(self) -> Mapping[str, str]:
        return {}

    async def renew(self, stale: Mapping[str, str]) -> bool:
        return False

    async def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Application:
    """An application of the portal.

    refresh_token: the one to begin with. tokens: the file of the present pair. renews: False where somebody else has
    this file and renews the pair: the daemon, while a command asks the portal beside it.
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_url: str
    tokens: Path
    renews: bool = True


class OAuthAccess:
    """An application that renews its tokens by itself. url: `https://portal/rest/`."""

    def __init__(self, url: str, application: Application, session: aiohttp.ClientSession) -> None:
        self.base = url.rstrip("/") + "/"
        self._application = application
        self._session = session
        self._file = PairFile(application.tokens, application.refresh_token)
        self._renewing = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        self._pair: Pair | None = None
        """The pair in use: it is on the disk."""
        self._unkept: Pair | None = None
        """A pair that the disk has not taken yet. The one before is worth nothing any more."""

    @property
    def owner(self) -> str | None:
        return None if self._pair is None else self._pair.user

    @property
    def secrets(self) -> Sequence[str]:
        tokens = [token for one in (self._pair, self._unkept) if one for token in (one.access, one.refresh) if token]
        return (self._application.client_secret, self._application.refresh_token, *tokens)

    async def key(self) -> Mapping[str, str]:
        async with self._renewing:
            if self._pair is None and self._unkept is None:
                self._pair = await self._on_disk(self._file.read)
            if self._pair is None or self._pair.access is None:
                await self._renewed()
            if self._pair is None or self._pair.access is None:
                raise NotNowError("tokens: somebody else is about to renew them")
            return {"auth": self._pair.access}

    async def renew(self, stale: Mapping[str, str]) -> bool:
        async with self._renewing:
            # Whoever came first has done it for all.
            if self._pair is None or self._pair.access == stale.get("auth"):
                await self._renewed()
            return True

    async def close(self) -> None:
        if self._renewal is not None and not self._renewal.done():
            await asyncio.wait([self._renewal], timeout=FAREWELL)
            self._renewal.cancel()

    async def _renewed(self) -> None:
        """As `_renew`, which goes on when whoever waits for it is given up: the new pair may be under way."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="tokens")
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._renewal)

    async def _renew(self) -> None:
        """Gets a new pair, keeps it, and uses it from then on. Raises PortalError."""
        if self._unkept is None:
            before, self._pair = self._pair, await self._on_disk(self._file.read)
            if before is not None and before != self._pair:
                return  # Somebody else has renewed it.
            if not self._application.renews:
                raise NoAccessError(
                    "tokens: the access token is too old, and only the daemon that runs may renew it: nothing could be"
                    " proved here; its log and `amibridge status` say how it fares"
                )
            # A disk without room is found out before the pair is used up.
            await self._keep(self._pair)
            try:
                self._unkept = await self._new_pair(self._pair.refresh)
            except NoAccessError:
                newest = await self._on_disk(self._file.read)
                if newest == self._pair:
                    raise
                self._pair = newest
                return
        await self._keep(self._unkept)
        self._pair, self._unkept = self._unkept, None

    async def _keep(self, pair: Pair) -> None:
        await self._on_disk(lambda: self._file.write(pair))

    async def _on_disk(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            self._pair = None
            raise NotNowError(
                f"the tokens cannot be kept in {self._file.path}: {error.strerror}; it needs room, and has to be the"
                " service's user's"
            ) from None

    async def _new_pair(self, refresh: str) -> Pair:
        application = self._application
        asked = {
            "grant_type": "refresh_token",
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "refresh_token": refresh,
        }
        try:
            answered = await http.post(self._session, application.token_url, asked)
            said: Any = orjson.loads(answered.content)
        except http.NobodyThereError as error:
            raise NotNowError(f"tokens: {error}", unreached=True) from None
        except http.NoAnswerError as error:
            raise UnansweredError(f"tokens: {error}") from None
        except ValueError:
            said = None
        told = said if isinstance(said, dict) else {}
        if answered.status == 200 and "error" not in told:
            if (new := pair(told)) is None:
                raise UnansweredError("tokens: an answer without a pair of tokens; the one before stays")
            return new
        problem = trouble("tokens", answered.status, told, 0.0, after=answered.after, secrets=self.secrets)
        raise problem if isinstance(problem, NotNowError | UnansweredError) else NoAccessError(str(problem))
