"""The webhook adapter against the specification of Standard Webhooks and a receiver on loopback."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import Adapter, Answer, Done, Gone, Lost, Refused, Repeat, Retry
from amibridge.crm.webhook import LIMIT, Webhook, WebhookSettings, answer, body, message_id, secret_key, signed
from tests.unit.durable import CALL, Clock, delivering, finished, opens, started
from tests.unit.webhook_receiver import Delivered, Receiver, receiving

OLD = "whsec_" + base64.b64encode(b"the old secret of 24 bytes").decode()
NEW = "whsec_" + base64.b64encode(b"the new secret of 24 bytes").decode()
NOW = 1_795_290_980.9


@asynccontextmanager
async def webhook(url: str, *secrets: str, seconds: float = 5.0) -> AsyncIterator[Webhook]:
    adapter = Webhook(WebhookSettings("anything", url, secrets, timeout=seconds), wall=lambda: NOW)
    try:
        yield adapter
    finally:
        await adapter.close()


async def said_to(receiver: Receiver, command: Command, *secrets: str) -> tuple[Answer, Delivered]:
    """The answer to one command, and what came of it."""
    async with webhook(receiver.url, *secrets) as adapter:
        said = await adapter.send(command, {}, repeated=False)
    return said, receiver.delivered[-1]


def status(code: int, **headers: str) -> Callable[[Delivered], web.Response]:
    return lambda delivered: web.Response(status=code, headers=headers)


def test_the_signature_is_that_of_the_reference_implementations() -> None:
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [key])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


async def test_a_command_arrives_as_the_contract_says() -> None:
    async with receiving() as receiver:
        said, came = await said_to(receiver, opens("134", name="Ольга Смирнова"), NEW)
    assert said == Done()
    assert came.headers["content-type"] == "application/json"
    assert came.id == f"{CALL}/134/card.open"
    assert came.headers["webhook-timestamp"] == "1795290980"
    assert came.body == {
        "type": "card.open",
        "timestamp": "2026-11-21T19:56:11.250Z",
        "data": {
            "key": f"{CALL}/134/card.open",
            "call": {"id": CALL, "client": "+79031234504", "direction": "inbound"},
            "name": "Ольга Смирнова",
        },
    }
    assert came.signed_with(NEW)
    assert not came.signed_with(OLD)


async def test_while_a_secret_rotates_both_sign() -> None:
    async with receiving() as receiver:
        _, came = await said_to(receiver, opens(), NEW, OLD)
    assert came.signed_with(NEW)
    assert came.signed_with(OLD)
    assert len(came.headers["webhook-signature"].split(" ")) == 2


async def test_a_secret_is_changed_without_a_restart() -> None:
    async with receiving() as receiver, webhook(receiver.url, OLD) as adapter:
        for secrets in ((OLD,), (NEW, OLD), (NEW,)):
            adapter.sign_with(secrets)
            await adapter.send(opens(), {}, repeated=False)
        with pytest.raises(ValueError, match="secret"):
            adapter.sign_with(["whsec_?"])
        await adapter.send(opens(), {}, repeated=False)
    assert [came.signed_with(OLD) for came in receiver.delivered] == [True, True, False, False]
    assert [came.signed_with(NEW) for came in receiver.delivered] == [False, True, True, True]


async def test_without_a_secret_nothing_is_signed() -> None:
    async with receiving() as receiver:
        _, came = await said_to(receiver, opens())
    assert "webhook-signature" not in came.headers
    assert came.id == f"{CALL}/134/card.open"


async def test_the_timestamp_is_of_the_attempt_and_the_id_of_the_command() -> None:
    wall = iter([1_795_290_980.0, 1_795_299_999.0])
    async with receiving() as receiver:
        adapter = Webhook(WebhookSettings("anything", receiver.url, (NEW,)), wall=lambda: next(wall))
        for repeated in (False, True):
            await adapter.send(finished(), {}, repeated=repeated)
        await adapter.close()
    first, second = receiver.delivered
    assert first.id == second.id == f"{CALL}/call.finished"
    assert first.content == second.content
    assert (first.headers["webhook-timestamp"], second.headers["webhook-timestamp"]) == ("1795290980", "1795299999")
    assert first.signed_with(NEW)
    assert second.signed_with(NEW)


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_2xx_is_done(code: int) -> None:
    assert answer(code, None) == Done()


@pytest.mark.parametrize("code", [400, 409, 413, 415, 422])
def test_what_is_said_of_the_command_is_a_refusal(code: int) -> None:
    assert answer(code, 7.0) == Refused(f"HTTP {code}")


@pytest.mark.parametrize("code", [301, 307, 401, 403, 404, 405, 408, 425, 429, 500, 502, 503, 504])
def test_what_is_said_of_the_endpoint_will_be_mended(code: int) -> None:
    assert isinstance(answer(code, None), Retry)


def test_410_stops_the_endpoint() -> None:
    assert isinstance(answer(410, None), Gone)


async def test_what_a_receiver_asks_for_is_told_and_what_is_over_is_not() -> None:
    for header, seconds in (("120", 120.0), ("0", None)):
        async with receiving(status(503, **{"retry-after": header})) as receiver:
            said, _ = await said_to(receiver, opens())
        assert said == Retry("HTTP 503", seconds)


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as elsewhere, receiving(status(307, location=elsewhere.url)) as receiver:
        said, _ = await said_to(receiver, opens(), NEW)
        assert elsewhere.delivered == []
    assert said == Retry("HTTP 307, a redirect, which is not followed")


async def test_an_endpoint_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with webhook(f"http://127.0.0.1:{nobody.getsockname()[1]}/") as adapter:
            assert await adapter.send(opens(), {}, repeated=False) == Retry(
                "no connection: Connection refused", unreached=True
            )


async def test_an_answer_that_does_not_come_in_time_is_lost() -> None:
    late = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await late.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, webhook(url, seconds=0.05) as adapter:
        assert await adapter.send(opens(), {}, repeated=False) == Lost("no answer in time")
        late.set()


async def test_an_endpoint_that_hangs_up_has_lost_its_answer() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as adapter:
        said = await adapter.send(opens(), {}, repeated=False)
    assert isinstance(said, Lost)
    assert said.why.startswith("no answer: ")


def long_record(verdicts: int) -> dict[str, Any]:
    because = "PJSIP/{0} rang; 134 on PJSIP/134 at 19:56:11.480 took the call"
    return {
        "call_id": CALL,
        "rang": [str(number) for number in range(100, 100 + verdicts)],
        "verdicts": {str(n): {"verdict": "answered elsewhere", "because": because.format(n)} for n in range(verdicts)},
        "recordings": ["/var/spool/asterisk/monitor/" + "x" * 300],
    }


def test_a_body_that_fits_is_left_alone() -> None:
    whole = finished(record=long_record(50))
    assert b"shortened" not in body(whole)
    assert len(body(whole)) < LIMIT


@pytest.mark.parametrize("verdicts", [200, 2000])
def test_a_body_stays_below_20_kb_and_says_that_it_is_shortened(verdicts: int) -> None:
    content = body(finished(record=long_record(verdicts)))
    assert len(content) < LIMIT
    read = Delivered({}, content).body
    assert read["data"]["shortened"] is True
    assert read["data"]["key"] == f"{CALL}/call.finished"
    assert read["data"]["record"]["call_id"] == CALL
    assert read["data"]["record"]["verdicts"]["0"]["verdict"] == "answered elsewhere"


async def test_a_body_that_cannot_be_shortened_enough_is_refused() -> None:
    deep = {f"list{number}": ["y" * 90] * 300 for number in range(20)}
    async with webhook("http://127.0.0.1:1/") as adapter:
        said = await adapter.send(finished(record=deep), {}, repeated=False)
    assert isinstance(said, Refused)


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers(-9, 9) | st.text(max_size=400), lambda inner: st.lists(inner, max_size=30)))
def test_no_body_reaches_the_limit_unsaid(value: Any) -> None:
    content = body(finished(record={"value": [value] * 40}))
    assert len(content) < LIMIT or b'"shortened":true' in content


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_YQ"])
def test_a_secret_that_is_none_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_` and base64") as refused:
        secret_key(secret)
    assert "not base64!" not in str(refused.value)


def test_a_secret_may_come_without_its_prefix() -> None:
    assert secret_key(NEW.removeprefix("whsec_")) == secret_key(NEW)


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(WebhookSettings("anything", "https://crm.example/hooks/secret-path", (NEW,)))
    assert "secret-path" not in shown
    assert NEW not in shown


async def test_an_id_is_a_header_whatever_the_key_holds() -> None:
    strange = Command(CommandType.CARD_OPEN, "a:1/Ольга\r\nx: y/card.open", "a:1", "Ольга", 1.0, NOW, {})
    async with receiving() as receiver:
        said, came = await said_to(receiver, strange, NEW)
    assert said == Done()
    assert came.id == message_id(strange)
    assert came.id.isascii()
    assert came.signed_with(NEW)


def test_an_adapter_is_what_the_interface_says() -> None:
    def is_one(adapter: type[Adapter]) -> None: ...

    is_one(Webhook)


async def test_everything_may_be_repeated_and_cards_can_close() -> None:
    async with webhook("http://127.0.0.1:1/") as adapter:
        assert adapter.capabilities.can_close
        assert set(adapter.capabilities.repeat) == set(CommandType)
        assert set(adapter.capabilities.repeat.values()) == {Repeat.SAFE}


# Together with the store and the delivery


async def test_a_call_arrives_in_order_over_failures_and_nothing_is_opened_twice(tmp_path: Path) -> None:
    codes = iter([500, 204, 429, 503, 204])

    def moody(delivered: Delivered) -> web.Response:
        return web.Response(status=next(codes, 204), headers={"retry-after": "2"})

    async with (
        receiving(moody) as receiver,
        webhook(receiver.url, NEW) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        await world.tell(started(), opens("134"))
        await world.rest_until_quiet()
        await world.tell(finished())
        await world.rest_until_quiet()
        assert set((await world.states()).values()) == {"done"}
    assert receiver.opened == [f"{CALL}/call.started", f"{CALL}/134/card.open", f"{CALL}/call.finished"]
    assert all(delivered.signed_with(NEW) for delivered in receiver.delivered)


async def test_two_endpoints_of_which_one_is_gone(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as healthy, receiving(status(410)) as gone:
        settings = [WebhookSettings("healthy", healthy.url, (NEW,)), WebhookSettings("gone", gone.url, (OLD,))]
        with capture_logs() as logs:
            async with delivering(tmp_path / "amibridge.db", *map(Webhook, settings), clock=clock) as world:
                await world.tell(started(), opens("134"))
                await world.rest()
                await world.tell(finished())
                await world.rest()
                pending = {line.state for line in await world.deliveries("gone")}
        assert len(healthy.delivered) == 3
        assert len(gone.delivered) == 1
        assert pending == {"pending"}
        gone.answer = lambda delivered: web.Response()
        async with delivering(tmp_path / "amibridge.db", *map(Webhook, settings), clock=clock) as world:
            await world.rest_until_quiet()
        assert [key.removeprefix(f"{CALL}/") for key in gone.opened] == [
            "call.started",
            "134/card.open",
            "call.finished",
        ]
    assert all(delivered.signed_with(OLD) for delivered in gone.delivered)
    assert not any(secret in repr(logs) for secret in (OLD, NEW, "in-the-address"))


async def test_bytes_that_are_no_text_arrive_as_replacement_characters(tmp_path: Path) -> None:
    name = b"\xce\xeb\xfc\xe3\xe0".decode("utf-8", "surrogateescape")
    async with (
        receiving() as receiver,
        webhook(receiver.url, NEW) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        await world.tell(opens("134", name=name))
        await world.rest()
    (came,) = receiver.delivered
    assert came.body["data"]["name"] == "\N{REPLACEMENT CHARACTER}" * 5
    assert came.signed_with(NEW)
