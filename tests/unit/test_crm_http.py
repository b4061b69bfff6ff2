"""How a CRM's answer is read: so many bytes, so much time, spans within reason; and what of its words is told."""

import asyncio
import errno
import gzip
import itertools
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from amibridge.crm import http
from amibridge.crm.bitrix24 import Application, Bitrix24, Bitrix24Settings
from amibridge.crm.bitrix24.trouble import trouble
from amibridge.crm.interface import LONGEST_WISH, Adapter, Done, Lost, Retry
from amibridge.crm.secrecy import LONGEST, secrets_of, told
from amibridge.crm.webhook import Webhook, WebhookSettings
from amibridge.demo.portal import Portal
from tests.unit.durable import delivering
from tests.unit.office import office, started

NOW = 1_795_290_980.9
ENOUGH = 16 * 2**20
"""Bytes that an answer may cost while it is read."""
CODE = "s3cretWebhookC0de"

Pieces = Callable[[], Iterable[bytes]]
Made = Callable[[str, Path], Adapter]


@asynccontextmanager
async def server(
    pieces: Pieces, status: int = 200, encoding: str = "identity", *, ends: asyncio.Event | None = None
) -> AsyncIterator[str]:
    """A server that answers everything with the same, piece by piece as it is taken; the answer ends when `ends` is
    set. Gives its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} Told\r\ncontent-encoding: {encoding}\r\nconnection: close\r\n\r\n"
        with suppress(ConnectionError):
            writer.write(head.encode())
            for piece in pieces():
                writer.write(piece)
                await writer.drain()
        if ends is not None:
            await ends.wait()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def webhook(server: str, tokens: Path) -> Adapter:
    return Webhook(WebhookSettings("anything", f"{server}/hook", timeout=5.0))


def portal(server: str, tokens: Path) -> Adapter:
    return Bitrix24(Bitrix24Settings("sales", f"{server}/rest/1/{CODE}/", timeout=5.0), lambda extension: "12")


def application(server: str, tokens: Path) -> Adapter:
    access = Application("id", "s3cret0fTheClient", "r3freshT0ken", f"{server}/oauth/", tokens)
    return Bitrix24(Bitrix24Settings("sales", f"{server}/rest/", access, timeout=5.0), lambda extension: "12")


EVERYBODY = pytest.mark.parametrize("made", [webhook, portal, application])


@cache
def bomb(encoding: str) -> Pieces:
    """A quarter of a gibibyte of blanks, made as it is asked for; or what it shrinks to."""
    blanks = b" " * 2**16
    if encoding == "identity":
        return lambda: itertools.repeat(blanks, 2**12)
    shrinking = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    whole = b"".join([*(shrinking.compress(blanks) for _ in range(2**12)), shrinking.flush()])
    return lambda: [whole]


@EVERYBODY
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_an_answer_costs_so_much_memory_and_no_more(
    made: Made, encoding: str, status: int, tmp_path: Path
) -> None:
    async with server(bomb(encoding), status, encoding) as url:
        adapter = made(url, tmp_path / "sales.tokens")
        tracemalloc.start()
        answer = await adapter.send(started(), {}, repeated=False)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await adapter.close()
    assert most < ENOUGH, f"{most >> 20} MiB"
    if made is webhook:
        assert isinstance(answer, Done if status == 200 else Retry)
    else:
        assert isinstance(answer, Lost)
        assert answer.why.endswith("an answer of more than 4 MiB")


async def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    async with server(lambda: itertools.repeat(b" " * 65_536)) as url, http.session(30.0) as client:
        with pytest.raises(http.NoAnswerError, match="more than 4 MiB"):
            await http.post(client, url, b"")
        assert (await http.post(client, url, b"", wanted=False)).status == 200


async def test_an_answer_that_stops_in_its_middle_is_not_waited_for() -> None:
    ends = asyncio.Event()
    async with server(lambda: [b'{"result": '], ends=ends) as url, http.session(0.1) as client:
        with pytest.raises(http.NoAnswerError, match="no answer in time"):
            await http.post(client, url, b"")
        with pytest.raises(http.NoAnswerError, match="no answer in time"):
            await http.post(client, url, b"", seconds=0.2)
        ends.set()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "identity", ""])
async def test_what_is_compressed_unasked_is_read_all_the_same(encoding: str) -> None:
    whole = b'{"result": true}' * 1000
    content = gzip.compress(whole) if "gzip" in encoding else zlib.compress(whole) if encoding == "deflate" else whole
    in_two = content[:20], content[20:]
    async with server(lambda: in_two, 200, encoding) as url, http.session(5.0) as client:
        assert (await http.post(client, url, b"")).content == whole


@pytest.mark.parametrize(("content", "encoding"), [(b"no gzip", "gzip"), (b"", "br"), (b"x", "zstd")])
async def test_what_cannot_be_inflated_is_no_answer(content: bytes, encoding: str) -> None:
    async with server(lambda: [content], 200, encoding) as url, http.session(5.0) as client:
        with pytest.raises(http.NoAnswerError, match="cannot be read"):
            await http.post(client, url, b"")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("NaN", None),
        ("inf", None),
        ("1.5", None),
        ("9" * 400, LONGEST_WISH),
        ("86400", LONGEST_WISH),
        (format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True), pytest.approx(30.0, abs=1.0)),
        (format_datetime(datetime.fromtimestamp(NOW - 30, UTC), usegmt=True), None),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_WISH),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST_WISH),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
        ("Mon, 99 Foo 99999999999999999999 00:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_reason(header: str | None, seconds: float | None) -> None:
    assert http.retry_after(header, NOW) == seconds


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none()))
def test_any_span_is_believed_within_reason(span: object) -> None:
    seconds = http.believed(span)
    assert seconds is None or 0 < seconds <= LONGEST_WISH


TOKEN = "a1b2/c3+d4=E5 f6&7"
"""A secret that looks different in every encoding."""


@pytest.mark.parametrize(
    "echo",
    [
        f"no access for {TOKEN}!",
        f"auth={quote(TOKEN)}&x=1",
        f"auth={quote_plus(TOKEN)}",
        f"auth={quote(quote(TOKEN, safe=''), safe='')}",
        f"in capitals {TOKEN.upper()}",
        "".join(f"%{byte:02x}" for byte in TOKEN.encode()),
        quote(quote(quote(quote(quote(TOKEN, safe=""), safe=""), safe=""), safe=""), safe=""),
    ],
)
def test_a_secret_is_not_told_in_any_form(echo: str) -> None:
    words = told(echo, [TOKEN])
    assert "c3" not in words.lower()
    assert "f6" not in words.lower()


@pytest.mark.parametrize(
    ("said", "as_told"),
    [
        ("Authorization: Bearer abc.def", "Authorization: … …"),
        ("bad access_token=xyz&a=1", "bad access_token=…&a=1"),
        ('{"client_secret": "hush", "a": 1}', '{"client_secret": …", "a": 1}'),
        ("see https://p.example/rest/12/hush/user.get", "see https://p.example/rest/12/…/user.get"),
        ("unknown 0123456789abcdef0123456789abcdef", "unknown …"),
        ("no phone +7 (903) 123-45-04 and 89031234504", "no phone … and …"),
        ("two\r\nlines\x1b[31m \u202eturned", "two lines [31m turned"),
        ("Call is not found", "Call is not found"),
        ("Current authorization type is denied", "Current authorization type is denied"),
        ("x" * 5000, "x" * LONGEST),
        (None, "None"),
    ],
)
def test_what_is_told_of_a_crm_s_words(said: object, as_told: str) -> None:
    assert told(said) == as_told


@pytest.mark.parametrize(
    "url",
    [
        f"https://p.example/rest/12/{CODE}/",
        f"https://crm.example/hooks/{CODE}",
        f"https://crm.example/hooks?token={CODE}",
        f"https://someone:{CODE}@crm.example/hooks",
        "https://crm.example/hooks?token=plainword&b=c",
    ],
)
def test_the_secrets_of_an_address_are_found(url: str) -> None:
    words = told(f"cannot POST {url}: {CODE} or plainword", secrets_of(url))
    assert CODE not in words or CODE not in url
    assert "plainword" not in words or "plainword" not in url


def test_an_error_s_code_is_a_text_from_outside_too() -> None:
    for code in (f"BAD_{CODE}", {"a": CODE}, [CODE], CODE, "E" * 9999):
        why = str(trouble("user.get", 200, {"error": code, "error_description": code}, NOW, secrets=(CODE,)))
        assert CODE not in why
        assert len(why) < 400


async def test_a_portal_that_echoes_its_address_tells_nobody_the_code(tmp_path: Path) -> None:
    async with office() as stand_in:
        address = f"{stand_in.webhook_url}telephony.externalCall.register"
        for form in (address, quote(address, safe=""), address.upper()):
            assert await _echoed(stand_in, form)


async def _echoed(stand_in: Portal, form: str) -> bool:
    code = stand_in.access.code
    stand_in.faults.fail(1, 400, "ERROR_CORE", f"cannot do POST {form}")
    settings = Bitrix24Settings("sales", stand_in.webhook_url)
    adapter = Bitrix24(settings, lambda extension: "12")
    answer = await adapter.send(started(), {}, repeated=False)
    stand_in.faults.fail(99, 400, "SOMETHING", f"cannot do POST {form}")
    missing = await adapter.probe()
    stand_in.faults._failures.clear()
    await adapter.close()
    return code.lower() not in f"{answer}{missing}".lower()


def content_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_neither_the_log_nor_the_store_learns_a_code(tmp_path: Path) -> None:
    """What a portal echoes becomes the reason of a dead letter, and of a command that waits."""
    database = tmp_path / "amibridge.db"
    async with office() as stand_in:
        adapter = Bitrix24(Bitrix24Settings("sales", stand_in.webhook_url), lambda extension: "12")
        address = f"{stand_in.webhook_url}telephony.externalCall.register"
        with capture_logs() as logs:
            async with delivering(database, adapter) as world:
                for status, code in ((400, "ERROR_CORE"), (200, "SOMETHING"), (500, "INTERNAL_SERVER_ERROR")):
                    stand_in.faults._failures.clear()
                    stand_in.faults.fail(99, status, code, f"POST {address}: failed; {quote(address, safe='')}")
                    await world.tell(started(f"office:{status}.1"))
                    await world.rest()
                reasons = [str(line.error) for line in await world.deliveries()]
                kept = await asyncio.to_thread(content_of, tmp_path)
    assert all("POST http" in reason for reason in reasons), "its words are told, without the code"
    assert len(reasons) == 3
    assert stand_in.access.code.encode() not in kept
    assert stand_in.access.code not in repr(logs)


def _untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed at https://portal/rest/1/secret/")
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 443)"), "Connection refused"),
        (OSError(errno.EHOSTUNREACH, "whatever"), "No route to host"),
        (socket.gaierror(-2, "Name or service not known"), "its name has no address: Name or service not known"),
        (_untrusted(), "its certificate is not believed: certificate has expired"),
        (ssl.SSLError(1, "secret"), "SSLError"),
        (OSError("Multiple exceptions: secret"), "OSError"),
    ],
)
def test_why_nobody_is_there_is_said_in_words_that_hold_no_secret(cause: OSError, said: str) -> None:
    assert http._kind(cause) == said


@pytest.mark.parametrize("tail", [b"\0" * 2**16, gzip.compress(b"x" * 2**16)])
async def test_what_follows_a_compressed_answer_is_not_kept(tail: bytes) -> None:
    def endless() -> Iterable[bytes]:
        return itertools.chain([gzip.compress(b"{}")], itertools.repeat(tail))

    async with server(endless, 200, "gzip") as url, http.session(2.0) as client:
        assert (await http.post(client, url, b"")).content == b"{}"


async def test_what_inflates_to_nothing_is_not_read_for_ever() -> None:
    nothing = b"\0\0\0\xff\xff" * 2**13
    async with (
        server(lambda: itertools.chain([gzip.compress(b"")[:10]], itertools.repeat(nothing)), 200, "gzip") as url,
        http.session(5.0) as client,
    ):
        with pytest.raises(http.NoAnswerError, match="more than 4 MiB"):
            await http.post(client, url, b"")


@pytest.mark.parametrize(
    ("said", "as_told"),
    [
        (orjson.loads(b"[" * 1020 + b"]" * 1020), "…"),
        ({"code": "NO", "detail": {"token": "xyz"}}, "code: NO, detail: token: …"),
        ([CODE, "twice"], "…, twice"),
        ([[]] * 1_000_000, ", ".join("…" * 10)),
    ],
)
def test_where_a_text_is_expected_there_may_be_anything(said: object, as_told: str) -> None:
    assert told(said, [CODE]) == as_told
    assert isinstance(trouble("any", 400, {"error": said, "error_description": said}, NOW), Exception)
