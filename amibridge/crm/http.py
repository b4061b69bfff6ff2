"""HTTP as every CRM is spoken to: one POST, and an answer that is read within bounds.

Whatever a CRM answers costs so much memory and so much time; the spans that it names are believed within reason.
"""

import os
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from amibridge.crm.interface import LONGEST_WISH

MOST = 4 * 2**20
"""Bytes of an answer, counted as they come and after decompression."""

_CHUNK = 65_536
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class NobodyThereError(Exception):
    """No connection: the request has not been sent. The text may be logged. kind: of error."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no connection: {kind}")
        self.kind = kind


class NoAnswerError(Exception):
    """It was sent, and what came back is no answer. The text may be logged."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. content: empty where it was not wanted. after: seconds that the CRM wants to be left alone."""

    status: int
    content: bytes
    after: float | None


def session(seconds: float, connections: int = 100) -> aiohttp.ClientSession:
    """A session for `post`. seconds: for one request, from connecting to the end of its answer."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=connections),
        # aiohttp inflates what has arrived in one piece: 1.6 MB of gzip are 1.6 GB.
        auto_decompress=False,
        headers={"user-agent": "amibridge", "accept-encoding": "identity"},
    )


async def post(
    client: aiohttp.ClientSession,
    url: str,
    data: Any,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
    wanted: bool = True,
    now: float | None = None,
) -> Answered:
    """One request; redirects are not followed. wanted: the answer's content; without, its status alone is looked at.

    seconds: instead of the session's. now: the epoch's seconds, for a `Retry-After` that names a time.
    Raises NobodyThereError and NoAnswerError.
    """
    timeout = client.timeout if seconds is None else aiohttp.ClientTimeout(total=seconds)
    try:
        async with client.post(url, data=data, headers=headers, timeout=timeout, allow_redirects=False) as response:
            after = retry_after(response.headers.get("retry-after"), time.time() if now is None else now)
            return Answered(response.status, await _content(response) if wanted else b"", after)
    except aiohttp.ClientConnectorError as error:
        raise NobodyThereError(_kind(error.__cause__ or error)) from None
    except TimeoutError:
        raise NoAnswerError("no answer in time") from None
    except aiohttp.ClientError as error:
        raise NoAnswerError(f"no answer: {type(error).__name__}") from None


def _kind(cause: BaseException) -> str:
    """In the system's words where it has some; an error's own text may hold an address with a secret in it."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {cause.verify_message}"
    if isinstance(cause, socket.gaierror):
        return "its name has no address: " + (cause.strerror or type(cause).__name__)
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno:
        return os.strerror(cause.errno)
    return type(cause).__name__


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """What comes, inflated piece by piece and never beyond the bound. A connection that brings more is closed."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    inflating = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding in _COMPRESSED else None
    if inflating is None and encoding not in ("", "identity"):
        raise NoAnswerError("an answer that cannot be read")
    content, came = bytearray(), 0
    async for piece in response.content.iter_chunked(_CHUNK):
        came += len(piece)
        try:
            content += piece if inflating is None else inflating.decompress(piece, MOST + 1 - len(content))
        except zlib.error:
            raise NoAnswerError("an answer that cannot be read") from None
        if max(came, len(content)) > MOST:
            raise NoAnswerError(f"an answer of more than {MOST >> 20} MiB")
        if inflating is not None and inflating.eof:
            # What follows means nothing, and zlib would keep every byte of it.
            break
    return bytes(content)


def retry_after(header: str | None, now: float) -> float | None:
    """`Retry-After`: seconds, or a date. now: the epoch's seconds."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return believed(header)
    try:
        return believed(parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def believed(seconds: Any) -> float | None:
    """A span that a CRM has named, as far as it is believed. None for what is none, and for what is over already:
    whoever is told so waits as if nothing had been said."""
    try:
        span = float(seconds)
    except (TypeError, ValueError, OverflowError):
        return None
    # Written so that it holds for what is no number too.
    return min(span, LONGEST_WISH) if span > 0 else None
