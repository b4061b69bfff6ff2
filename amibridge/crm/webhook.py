"""Webhooks after the Standard Webhooks specification: a POST of JSON for every command, signed with shared secrets."""

import base64
import hmac
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from yarl import URL

from amibridge.calls import Command, CommandType
from amibridge.crm import http
from amibridge.crm.interface import Answer, Capabilities, Done, Gone, Lost, Memory, Refused, Repeat, Retry
from amibridge.crm.message import message, ping

LIMIT = 20_000
"""Bytes: a body stays below."""
SECRET_PREFIX = "whsec_"
MAKES_ONE = f"echo {SECRET_PREFIX}$(openssl rand -base64 32)"

NEVER_CUT = frozenset({"key", "id", "call_id"})
CUTS = ((300, 300), (100, 100), (100, 20))
"""Characters of a text and entries of a list that are left of a body that is too long; the next one if need be."""

_OF_THE_COMMAND = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""What is said of the command, and will be said again. Every other failure (no access, not found, moved, broken) is the
endpoint's: people will mend it, and then nothing has been lost."""

_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "is `secret` the receiver's, and is its clock right?",
    HTTPStatus.FORBIDDEN: "is `secret` the receiver's, and does it let this host in?",
    HTTPStatus.NOT_FOUND: "is the path of the address right?",
    HTTPStatus.METHOD_NOT_ALLOWED: "is the path of the address right? It has to take POST",
    HTTPStatus.GONE: "the receiver wants no more",
    HTTPStatus.MOVED_PERMANENTLY: "redirects are not followed: write the address that it names",
    HTTPStatus.FOUND: "redirects are not followed: write the address that it names",
    HTTPStatus.PERMANENT_REDIRECT: "redirects are not followed: write the address that it names",
    HTTPStatus.BAD_REQUEST: "let it answer success to types that it does not know, as `ping`",
    HTTPStatus.UNPROCESSABLE_ENTITY: "let it answer success to types that it does not know, as `ping`",
}
"""Of a ping that was not taken, by what was answered."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """One endpoint.

    url: where to; it may hold a token, so it is shown nowhere.
    secrets: `whsec_…`, several while the receiver changes from one to the next; none: nothing is signed.
    timeout: seconds for one request, from connecting to the answer.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = 10.0
    concurrency: int = 4


class Webhook:
    """The adapter of one endpoint. It remembers nothing; a receiver that keeps `webhook-id` opens nothing twice.

    wall: the wall clock, in seconds since the epoch; receivers compare it with their own.
    Raises ValueError for a secret that is none.
    """

    def __init__(self, settings: WebhookSettings, wall: Callable[[], float] = time.time) -> None:
        self.name = settings.name
        self.capabilities = Capabilities(
            can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE), concurrency=settings.concurrency
        )
        self._url = settings.url
        self._timeout = settings.timeout
        self._wall = wall
        self.sign_with(settings.secrets)
        self._session = http.session(settings.timeout, settings.concurrency)

    def sign_with(self, secrets: Sequence[str]) -> None:
        """From now on. Raises ValueError for a secret that is none; then nothing has changed."""
        self._keys = [secret_key(secret) for secret in secrets]

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        content = body(command)
        if len(content) >= LIMIT:
            return Refused(f"the body would have {len(content)} bytes")
        try:
            said = await self._post(message_id(command), content)
        except http.NobodyThereError as error:
            return Retry(str(error), unreached=True)
        except http.NoAnswerError as error:
            return Lost(str(error))
        return answer(said.status, said.after)

    async def _post(self, webhook_id: str, content: bytes) -> http.Answered:
        """One request, signed. Raises NobodyThereError and NoAnswerError."""
        now = self._wall()
        headers = {"content-type": "application/json", **signed(webhook_id, int(now), content, self._keys)}
        # What stands in the answer means nothing: not a byte of it is read.
        return await http.post(self._session, self._url, content, headers=headers, wanted=False, now=now)

    async def probe(self) -> Sequence[str]:
        """Posts a `ping`, which a receiver may ignore; any answer but success is told."""
        key, url = f"ping/{uuid4()}", URL(self._url)
        where = f"{url.host}:{url.port}"
        try:
            status = (await self._post(key, ping(key, self._wall()))).status
        except http.NobodyThereError as error:
            return [f"no connection to {where}: {error.kind}; is the receiver at work, and its address right?"]
        except http.NoAnswerError as error:
            return [f"{where}: {error} to a ping; is the receiver at work?"]
        if 200 <= status < 300:
            return []
        return [f"{where} answers a ping with HTTP {status}; {_REMEDIES.get(status, 'what does its own log say?')}"]

    async def close(self) -> None:
        await self._session.close()


def body(command: Command) -> bytes:
    """The command as it is posted. One that is too long is cut, and says so with `shortened`."""
    content = message(command)
    for texts, entries in CUTS:
        if len(content) < LIMIT:
            break
        content = message(command, {**_cut(command.data, texts, entries), "shortened": True})
    return content


def message_id(command: Command) -> str:
    """The command's key, as a header can hold it: what is not printable ASCII is percent-encoded."""
    return quote(command.key, safe=string.punctuation)


def secret_key(secret: str) -> bytes:
    """The key that `whsec_<base64>` stands for. Raises ValueError, which does not tell the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError(f"a webhook's secret is `{SECRET_PREFIX}` and base64 behind it; `{MAKES_ONE}` makes one")
    return key


def signed(webhook_id: str, timestamp: int, content: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of one attempt. timestamp: seconds since the epoch. Without keys there is no signature."""
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp)}
    if keys:
        whole = f"{webhook_id}.{timestamp}.".encode() + content
        macs = (base64.b64encode(hmac.digest(key, whole, "sha256")).decode() for key in keys)
        headers["webhook-signature"] = " ".join(f"v1,{mac}" for mac in macs)
    return headers


def answer(status: int, after: float | None) -> Answer:
    """What an HTTP status means for the command. after: seconds that the receiver asks for."""
    if 200 <= status < 300:
        return Done()
    if status == HTTPStatus.GONE:
        return Gone("HTTP 410: the endpoint wants no more")
    if status in _OF_THE_COMMAND:
        return Refused(f"HTTP {status}")
    why = f"HTTP {status}, a redirect, which is not followed" if 300 <= status < 400 else f"HTTP {status}"
    return Retry(why, after)


def _cut(value: Any, texts: int, entries: int) -> Any:
    """The value with long texts and long lists cut."""
    if isinstance(value, str):
        return value if len(value) <= texts else f"{value[:texts]}…"
    if isinstance(value, Mapping):
        kept = islice(value.items(), entries)
        return {name: inner if name in NEVER_CUT else _cut(inner, texts, entries) for name, inner in kept}
    if isinstance(value, Sequence):
        return [_cut(inner, texts, entries) for inner in value[:entries]]
    return value
