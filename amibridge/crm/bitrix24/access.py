"""How a portal knows who asks: the code in a webhook's address, or the tokens of an application (OAuth).

An access token lives for an hour. The refresh token changes at every use: the new pair is on the disk before either of
its tokens is used, so a daemon that dies does not lock itself out.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson

from amibridge.crm.bitrix24.trouble import NoAccessError, NotNowError, UnansweredError, trouble


class Access(Protocol):
    """What a request needs to be let in."""

    base: str
    """The address that a method's name is put behind."""

    @property
    def owner(self) -> str | None:
        """The user's id in whose name everything is done, as far as it is known."""
        ...

    async def key(self) -> Mapping[str, str]:
        """The parameters that let a request in. Raises PortalError."""
        ...

    async def renew(self, stale: Mapping[str, str]) -> bool:
        """After the portal has said that `stale` is too old: whether there is something newer. Raises PortalError."""
        ...


class WebhookAccess:
    """The address of an inbound webhook: `https://portal/rest/<user>/<code>/`."""

    def __init__(self, url: str) -> None:
        self.base = url.rstrip("/") + "/"
        owner = re.search(r"/rest/(\d+)/[^/]+/$", self.base)
        self.owner = owner[1] if owner else None

    async def key(self) -> Mapping[str, str]:
        return {}

    async def renew(self, stale: Mapping[str, str]) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Application:
    """An application of the portal. refresh_token: the one to begin with. tokens: the file of the present pair."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_url: str
    tokens: Path


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair. access: None as long as there has been none."""

    access: str | None = field(repr=False)
    refresh: str = field(repr=False)
    user: str | None = None
    """Whose they are."""


class OAuthAccess:
    """An application that renews its tokens by itself. url: `https://portal/rest/`."""

    def __init__(self, url: str, application: Application, session: aiohttp.ClientSession) -> None:
        self.base = url.rstrip("/") + "/"
        self._application = application
        self._session = session
        self._renewing = asyncio.Lock()
        self._tokens: Tokens | None = None
        """The pair in use: it is on the disk."""
        self._unkept: Tokens | None = None
        """A pair that the disk has not taken yet. The one before is worth nothing any more."""

    @property
    def owner(self) -> str | None:
        return None if self._tokens is None else self._tokens.user

    async def key(self) -> Mapping[str, str]:
        async with self._renewing:
            if self._tokens is None and self._unkept is None:
                self._tokens = await asyncio.to_thread(_kept, self._application)
            if self._tokens is None or self._tokens.access is None:
                await self._renew()
            return {"auth": self._tokens.access or ""} if self._tokens is not None else {}

    async def renew(self, stale: Mapping[str, str]) -> bool:
        async with self._renewing:
            # Whoever came first has done it for all.
            if self._tokens is None or self._tokens.access == stale.get("auth"):
                await self._renew()
            return True

    async def _renew(self) -> None:
        """Gets a new pair, keeps it, and uses it from then on. Raises PortalError."""
        if self._unkept is None:
            if self._tokens is None:
                self._tokens = await asyncio.to_thread(_kept, self._application)
            self._unkept = await self._new_pair(self._tokens.refresh)
        try:
            await asyncio.to_thread(_keep, self._application, self._unkept)
        except OSError as error:
            self._tokens = None
            path = self._application.tokens
            raise NotNowError(f"the new tokens cannot be kept in {path}: {error.strerror}; make room there") from None
        self._tokens, self._unkept = self._unkept, None

    async def _new_pair(self, refresh: str) -> Tokens:
        application = self._application
        asked = {
            "grant_type": "refresh_token",
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "refresh_token": refresh,
        }
        try:
            async with self._session.post(application.token_url, data=asked, allow_redirects=False) as response:
                said: Any = orjson.loads(await response.read())
                status = response.status
        except aiohttp.ClientConnectorError as error:
            raise NotNowError(f"tokens: no connection: {type(error.__cause__ or error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise UnansweredError(f"tokens: no answer: {type(error).__name__}") from None
        if status != 200 or not isinstance(said, dict) or "refresh_token" not in said or "access_token" not in said:
            problem = trouble("tokens", status, said if isinstance(said, dict) else {}, 0.0)
            raise problem if isinstance(problem, NotNowError) else NoAccessError(str(problem))
        user = said.get("user_id")
        return Tokens(str(said["access_token"]), str(said["refresh_token"]), None if user is None else str(user))


def _kept(application: Application) -> Tokens:
    """The tokens of the file; the configured one where there is no file, or where the admin has written a new one."""
    first = Tokens(None, application.refresh_token)
    try:
        kept = orjson.loads(application.tokens.read_bytes())
        return Tokens(kept["access"], kept["refresh"], kept["user"]) if kept["seed"] == _seed(application) else first
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return first


def _keep(application: Application, tokens: Tokens) -> None:
    """Puts a pair on the disk, for nobody else's eyes; an older one is replaced as a whole or not at all."""
    new = application.tokens.with_suffix(".new")
    with suppress(FileNotFoundError):
        new.unlink()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(orjson.dumps({"seed": _seed(application), **asdict(tokens)}))
        file.flush()
        os.fsync(file.fileno())
    new.replace(application.tokens)
    folder = os.open(application.tokens.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _seed(application: Application) -> str:
    return hashlib.sha256(application.refresh_token.encode()).hexdigest()
