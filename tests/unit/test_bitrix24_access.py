"""How an application of a portal stays let in: its tokens change; the newest pair is on the disk before it is used."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from amibridge.crm import oauth
from amibridge.crm.bitrix24 import Application, Bitrix24
from amibridge.crm.interface import Done, Lost, Retry
from amibridge.crm.oauth import PairFile
from amibridge.demo.portal import TOKEN, Pair, Portal
from tests.unit.office import OLGA, bitrix24, office, opens, started
from tests.unit.webhook_receiver import Delivered, receiving


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


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"seed": 1}', b"\xff", b"1" * 10**6])
def test_a_broken_file_is_as_good_as_none(tokens: Path, content: bytes) -> None:
    tokens.write_bytes(content)
    asyncio.run(is_let_in(tokens))


async def is_let_in(tokens: Path) -> None:
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        assert isinstance(await adapter.send(started(), {}, repeated=False), Done)


async def test_a_disk_without_room_is_found_out_before_the_pair_is_used_up(tmp_path: Path) -> None:
    tokens = tmp_path / "not there" / "sales.tokens"
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        pair = portal.access.pair
        for _ in range(2):
            answer = await adapter.send(started(), {}, repeated=False)
            assert isinstance(answer, Retry)
            assert "cannot be kept" in answer.why
            assert str(tokens) in answer.why
        assert portal.access.pair == pair
        tokens.parent.mkdir()
        assert isinstance(await adapter.send(started(), {}, repeated=True), Done)


async def test_a_pair_that_the_disk_does_not_take_is_not_used_and_not_lost(
    tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one is worth nothing any more: the new one waits until the disk takes it."""
    writes = PairFile.write

    def full_disk(file: PairFile, pair: oauth.Pair) -> None:
        if pair.access is not None:
            raise OSError(28, "No space left on device")
        writes(file, pair)

    monkeypatch.setattr(PairFile, "write", full_disk)
    async with office() as portal, let_in(portal, application(portal, tokens)) as adapter:
        for _ in range(2):
            answer = await adapter.send(started(), {}, repeated=False)
            assert isinstance(answer, Retry)
            assert "No space left" in answer.why
        assert portal.asked("telephony.externalCall.register") == []
        pair = portal.access.pair
        monkeypatch.setattr(PairFile, "write", writes)
        assert isinstance(await adapter.send(started(), {}, repeated=True), Done)
        assert portal.access.pair == pair


@pytest.mark.parametrize(
    "said",
    [
        {"access_token": None, "refresh_token": None},
        {"access_token": "None", "refresh_token": "null"},
        {"access_token": "", "refresh_token": ""},
        {"access_token": 1, "refresh_token": ["x"]},
        {"access_token": "a b", "refresh_token": "x"},
        {"access_token": "x" * 9000, "refresh_token": "x"},
        {"access_token": "only-one-of-them"},
        {},
        [],
        None,
        {"result": []},
    ],
)
async def test_an_answer_without_a_pair_does_not_replace_the_one_that_works(tokens: Path, said: object) -> None:
    async with office() as portal, receiving(lambda delivered: web.json_response(said)) as end_point:
        one = application(portal, tokens)
        async with let_in(portal, one) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=False), Done)
        before = kept(tokens)
        portal.expire_tokens()
        async with let_in(portal, replace(one, token_url=end_point.url)) as adapter:
            answer = await adapter.send(started(), {}, repeated=True)
        assert isinstance(answer, Lost)
        assert "without a pair" in answer.why
        assert end_point.delivered
        assert kept(tokens) == before
        async with let_in(portal, one) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=True), Done)


async def test_a_daemon_that_is_stopped_while_the_pair_is_under_way_keeps_it(tokens: Path) -> None:
    """The portal has given it out, and the one before is worth nothing any more."""
    async with office() as portal:
        one = application(portal, tokens)
        before = portal.access.pair
        held = portal.faults.hold(TOKEN)
        async with let_in(portal, one) as adapter:
            sending = asyncio.create_task(adapter.send(started(), {}, repeated=False))
            await portal.until(lambda: portal.access.pair != before)
            closing = asyncio.create_task(adapter.close())
            sending.cancel()
            await asyncio.wait([sending])
            held.set()
            await closing
        assert Pair(kept(tokens)["access"], kept(tokens)["refresh"]) == portal.access.pair
        async with let_in(portal, one) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=True), Done)


async def test_a_pair_that_somebody_else_has_renewed_is_taken_from_the_file(tokens: Path) -> None:
    async with office() as portal:
        one = application(portal, tokens)
        async with let_in(portal, one) as daemon, let_in(portal, one) as other:
            for adapter in (daemon, other, daemon, other):
                portal.expire_tokens()
                assert isinstance(await adapter.send(started(), {}, repeated=True), Done)
                assert kept(tokens)["access"] == portal.access.pair.access


async def test_before_giving_up_the_file_is_read_again(tokens: Path) -> None:
    """Somebody else's answer came while ours was under way: that is why our pair was worth nothing."""
    async with office() as portal:
        one = application(portal, tokens)
        async with let_in(portal, one) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=False), Done)
            portal.expire_tokens()
            used_up = kept(tokens)["refresh"]
            told = portal.access.refresh(
                {
                    "grant_type": "refresh_token",
                    "client_id": portal.access.client_id,
                    "client_secret": portal.access.client_secret,
                    "refresh_token": used_up,
                },
                portal.oauth_url,
            )
            file = PairFile(tokens, one.refresh_token)

            def late(delivered: Delivered) -> web.Response:
                file.write(oauth.Pair(told["access_token"], told["refresh_token"]))
                return web.json_response({"error": "invalid_grant"}, status=400)

            async with receiving(late) as end_point:
                adapter._portal._access._application = replace(one, token_url=end_point.url)  # type: ignore[attr-defined]
                assert isinstance(await adapter.send(started(), {}, repeated=True), Done)
                assert len(end_point.delivered) == 1


async def test_what_cannot_be_healed_is_said_with_its_remedy(tokens: Path) -> None:
    """The host died between the answer and the file: the kept pair is worth nothing, and there is no other."""
    async with office() as portal:
        one = application(portal, tokens)
        async with let_in(portal, one) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=False), Done)
        used_up = tokens.read_bytes()  # noqa: ASYNC240
        portal.expire_tokens()
        async with let_in(portal, one) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=True), Done)
        tokens.write_bytes(used_up)  # noqa: ASYNC240
        portal.expire_tokens()
        async with let_in(portal, one) as adapter:
            answer = await adapter.send(started(), {}, repeated=True)
        assert isinstance(answer, Retry)
        assert "authorise the application again, write the new one as `refresh_token`, and restart" in answer.why
        portal.access.pair = portal.access._new_pair()
        async with let_in(portal, application(portal, tokens)) as adapter:
            assert isinstance(await adapter.send(started(), {}, repeated=True), Done)


async def test_beside_the_daemon_nobody_renews(tokens: Path) -> None:
    async with office() as portal:
        one = application(portal, tokens)
        async with let_in(portal, replace(one, renews=False)) as beside:
            (missing,) = await beside.probe()
            assert "only the daemon that runs may renew it" in missing
        async with let_in(portal, one) as daemon:
            assert isinstance(await daemon.send(started(), {}, repeated=False), Done)
            async with let_in(portal, replace(one, renews=False)) as beside:
                assert await beside.probe() == []
                pair = portal.access.pair
                portal.expire_tokens()
                (missing,) = await beside.probe()
            assert "nothing could be proved here" in missing
            assert portal.access.pair == pair
            assert isinstance(await daemon.send(started("office:2.2"), {}, repeated=False), Done)


async def test_the_end_point_s_words_are_told_without_secrets(tokens: Path) -> None:
    def echoes(delivered: Delivered) -> web.Response:
        words = delivered.content.decode()
        return web.json_response({"error": "invalid_request", "error_description": words}, status=400)

    async with office() as portal, receiving(echoes) as end_point:
        one = replace(application(portal, tokens), token_url=end_point.url)
        async with let_in(portal, one) as adapter:
            answer = await adapter.send(started(), {}, repeated=False)
    assert isinstance(answer, Retry)
    assert one.client_secret not in answer.why
    assert one.refresh_token not in answer.why
    assert len(answer.why) < 300


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


@pytest.mark.parametrize("sign", ["x", '"'])
def test_the_longest_pair_is_read_as_it_was_written(tmp_path: Path, sign: str) -> None:
    file = PairFile(tmp_path / "sales.tokens", "first")
    file.write(longest := oauth.Pair(sign * 8192, sign * 8192, "7"))
    assert file.read() == longest


def test_a_fifo_in_the_place_of_the_tokens_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Whoever waits in a thread cannot be told to stop: it would be a daemon that does not hear SIGTERM."""
    os.mkfifo(tmp_path / "sales.tokens")
    read = (
        "import pathlib, sys; from amibridge.crm.oauth import PairFile; PairFile(pathlib.Path(sys.argv[1]), 'a').read()"
    )
    subprocess.run([sys.executable, "-c", read, str(tmp_path / "sales.tokens")], check=True, timeout=20)
    PairFile(tmp_path / "sales.tokens", "first").write(newest := oauth.Pair("a", "b"))
    assert PairFile(tmp_path / "sales.tokens", "first").read() == newest
