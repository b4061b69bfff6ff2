"""How an application of a portal stays let in: its tokens change; the newest pair is on the disk before it is used."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from amibridge.crm.bitrix24 import Application, Bitrix24
from amibridge.crm.interface import Done, Retry
from amibridge.demo.portal import TOKEN, Pair, Portal
from tests.unit.office import OLGA, bitrix24, office, opens, started


def application(portal: Portal, tokens: Path, **more: str) -> Application:
    access = portal.access
    return Application(
        access.client_id,
        more.get("client_secret", access.client_secret),
        more.get("refresh_token", access.pair.refresh),
        portal.token_url,
        tokens,
    )


@asynccontextmanager
async def let_in(portal: Portal, application: Application) -> AsyncIterator[Bitrix24]:
    async with bitrix24(portal, url=portal.oauth_url, application=application) as adapter:
        yield adapter


def mode(tokens: Path) -> int:
    return stat.S_IMODE(tokens.stat().st_mode)


def kept(tokens: Path) -> dict[str, str]:
    read: dict[str, str] = json.loads(tokens.read_bytes())
    return read


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return tmp_path / "sales.tokens"


async def test_the_first_token_is_got_and_kept(tokens: Path) -> None:
    async with office() as portal:
        portal.access.webhook_calls = False
        async with let_in(portal, application(portal, tokens)) as adapter:
            assert isinstance(await adapter.send(opens("134"), {}, repeated=False), Done)
        assert Pair(kept(tokens)["access"], kept(tokens)["refresh"]) == portal.access.pair
        assert await asyncio.to_thread(mode, tokens) == 0o600
        assert list(portal.open_cards()) == [OLGA]


async def test_an_expired_token_is_changed_once_for_all_who_ask(tokens: Path) -> None:
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        assert isinstance(await adapter.send(started(), {}, repeated=False), Done)
        portal.expire_tokens()
        before = portal.access.pair
        calls = [f"office:{number}.1" for number in range(20)]
        answers = await asyncio.gather(*(adapter.send(opens("134", one), {}, repeated=False) for one in calls))
        assert {type(answer) for answer in answers} == {Done}
        assert portal.access.pair != before
        assert kept(tokens)["access"] == portal.access.pair.access
    assert len(portal.calls) == 21


async def test_after_a_restart_the_kept_pair_is_used(tokens: Path) -> None:
    async with office() as portal:
        first = application(portal, tokens)
        for _ in range(3):
            async with let_in(portal, first) as adapter:
                assert isinstance(await adapter.send(started(), {}, repeated=False), Done)
            portal.expire_tokens()
        assert len(portal.calls) == 1


async def test_a_new_first_token_goes_before_what_was_kept(tokens: Path) -> None:
    """The admin has authorised the application again."""
    async with office() as portal:
        async with let_in(portal, application(portal, tokens)) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=False), Done)
        portal.access._refresh.clear()
        portal.access._access.clear()
        portal.access.pair = portal.access._new_pair()
        async with let_in(portal, application(portal, tokens)) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=False), Done)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"seed": 1}', b"\xff"])
def test_a_broken_file_is_as_good_as_none(tokens: Path, content: bytes) -> None:
    tokens.write_bytes(content)
    asyncio.run(is_let_in(tokens))


async def is_let_in(tokens: Path) -> None:
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        assert isinstance(await adapter.send(started(), {}, repeated=False), Done)


async def test_a_pair_that_cannot_be_kept_is_not_used(tmp_path: Path) -> None:
    """The old one is worth nothing any more: the new one waits until the disk takes it, and is not lost."""
    tokens = tmp_path / "not there" / "sales.tokens"
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        for _ in range(2):
            answer = await adapter.send(started(), {}, repeated=False)
            assert isinstance(answer, Retry)
            assert "cannot be kept" in answer.why
            assert str(tokens) in answer.why
        assert portal.asked("telephony.externalCall.register") == []
        pair = portal.access.pair
        tokens.parent.mkdir()
        assert isinstance(await adapter.send(started(), {}, repeated=True), Done)
        assert portal.access.pair == pair


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        ({"refresh_token": "w0rn-out"}, "authorise the application again"),
        ({"client_secret": "s0mebody-elses"}, "look at client_id and client_secret"),
    ],
)
async def test_what_is_not_valid_says_what_to_do(tokens: Path, more: dict[str, str], remedy: str) -> None:
    async with office() as portal, let_in(portal, application(portal, tokens, **more)) as adapter:
        answer = await adapter.send(started(), {}, repeated=False)
        (missing,) = await adapter.probe()
    assert isinstance(answer, Retry)
    assert remedy in answer.why
    assert remedy in missing
    assert not any(secret in answer.why for secret in more.values())


@pytest.mark.parametrize(("status", "code"), [(500, "INTERNAL_SERVER_ERROR"), (503, "OVERLOAD_LIMIT")])
async def test_a_token_end_point_that_fails_and_recovers(tokens: Path, status: int, code: str) -> None:
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        portal.faults.fail(2, status, code, method=TOKEN)
        first = await adapter.send(started(), {}, repeated=False)
        assert isinstance(first, Retry)
        assert isinstance(await adapter.send(started(), {}, repeated=True), Done)


def test_secrets_are_not_shown(tokens: Path) -> None:
    shown = repr(Application("id", "s3cret", "r3fresh", "http://127.0.0.1/", tokens))
    assert "s3cret" not in shown
    assert "r3fresh" not in shown
