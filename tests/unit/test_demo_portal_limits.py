"""The stand-in of a Bitrix24 portal, over HTTP: limits, credentials, batches, and what goes wrong on order."""

import asyncio
from typing import Any

import aiohttp
import pytest

from amibridge.demo.portal import TOKEN, Portal, User, running
from tests.unit.test_demo_portal import CALL, CLIENT, NOW, REGISTER, USERS, Client, asking

REFUSED = (503, "QUERY_LIMIT_EXCEEDED", "Too many requests")


async def oauth(client: Client, method: str, token: str | None, *, header: bool = False, **params: Any) -> Any:
    """(HTTP status, error or ok) for a token in the body or in the header."""
    headers = {"Authorization": f"Bearer {token}"} if header else {}
    told = params if header or token is None else params | {"auth": token}
    async with client.session.post(client.portal.oauth_url + method, json=told, headers=headers) as answer:
        return answer.status, (await answer.json()).get("error", "ok")


async def refreshed(client: Client, *, by_get: bool = False, **change: Any) -> tuple[int, Any]:
    access = client.portal.access
    told = {
        "grant_type": "refresh_token",
        "client_id": access.client_id,
        "client_secret": access.client_secret,
        "refresh_token": access.pair.refresh,
    } | change
    url, session = client.portal.token_url, client.session
    async with session.get(url, params=told) if by_get else session.post(url, data=told) as answer:
        return answer.status, await answer.json()


async def test_the_bucket_refills_with_time() -> None:
    async with asking() as client:
        statuses = [(await client.ask("scope"))[0] for _ in range(50)]
        assert statuses == [200] * 50
        assert await client.refusal("scope") == REFUSED
        client.time.passed += 0.49
        assert await client.refusal("scope") == REFUSED
        client.time.passed += 0.01
        assert await client.result("scope")
        assert await client.refusal("scope") == REFUSED
        client.time.passed += 3600
        assert [(await client.ask("scope"))[0] for _ in range(51)] == [200] * 50 + [503]
        assert client.portal.overrun == 4
        assert client.portal.bucket_peak == 50
        assert [one.outcome for one in client.portal.requests].count("QUERY_LIMIT_EXCEEDED") == 4


async def test_the_bucket_is_as_large_as_it_is_said() -> None:
    async with asking(capacity=2, rate=5) as client:
        assert [(await client.ask("scope"))[0] for _ in range(3)] == [200, 200, 503]
        client.time.passed += 0.2
        assert [(await client.ask("scope"))[0] for _ in range(2)] == [200, 503]


async def test_a_refused_request_does_nothing() -> None:
    async with asking(capacity=1) as client:
        await client.ask("scope")
        assert await client.refusal(CALL + "register", **REGISTER) == REFUSED
        assert client.portal.calls == {}


async def test_a_batch_is_one_request() -> None:
    async with asking(capacity=2) as client:
        told = await client.result("batch", cmd=["scope"] * 50)
        assert len(told["result"]) == 50
        assert client.portal.bucket_peak == 1


async def test_a_dear_method_is_blocked_until_its_oldest_minute_is_forgotten() -> None:
    async with asking() as client:
        client.portal.operating.cost["user.get"] = 100.0
        client.portal.operating.limit = 150.0
        assert (await client.ask("user.get"))[1]["time"]["operating"] == 100.0
        client.time.passed = 90.0
        last = (await client.ask("user.get"))[1]["time"]
        assert (last["operating"], last["operating_reset_at"]) == (200.0, int(NOW + 600))
        status, body = await client.ask("USER.GET")
        assert (status, body["error"]) == (429, "OPERATION_TIME_LIMIT")
        assert body["time"]["operating_reset_at"] == int(NOW + 600)
        assert await client.result("scope")
        client.time.passed = 599.0
        assert (await client.ask("user.get"))[0] == 429
        client.time.passed = 600.0
        status, body = await client.ask("user.get")
        assert (status, body["time"]["operating"]) == (200, 200.0)


async def test_the_calls_of_one_minute_are_forgotten_together() -> None:
    async with asking() as client:
        client.portal.operating.cost["scope"] = 1.0
        for passed, operating in [(0, 1), (59, 2), (60, 3), (119, 4), (599, 5), (600, 4), (659, 5), (660, 4)]:
            client.time.passed = passed
            assert (await client.ask("scope"))[1]["time"]["operating"] == operating, passed


async def test_a_dear_method_is_blocked_for_its_caller_only() -> None:
    async with asking() as client:
        client.portal.operating.cost["scope"] = 500.0
        await client.ask("scope")
        assert (await client.ask("scope"))[0] == 429
        assert await oauth(client, "scope", client.portal.access.pair.access) == (200, "ok")


async def test_in_a_batch_a_blocked_method_is_the_error_of_its_command() -> None:
    async with asking() as client:
        client.portal.operating.cost["user.get"] = 500.0
        told = await client.result("batch", cmd={"a": "user.get", "b": "user.get", "c": "scope"})
        assert set(told["result"]) == {"a", "c"}
        assert told["result_error"]["b"]["error"] == "OPERATION_TIME_LIMIT"
        assert told["result_time"]["b"]["operating_reset_at"] == int(NOW + 600)


async def test_commands_take_what_earlier_ones_found() -> None:
    async with asking() as client:
        commands = {
            "who": "user.get?FILTER[UF_PHONE_INNER]=120",
            "register": f"{CALL}register?USER_ID=$result[who][0][ID]&PHONE_NUMBER=%2B79031234504&TYPE=2&SHOW=0",
            "show": f"{CALL}show?CALL_ID=$result[register][CALL_ID]&USER_ID[]=12&USER_ID[]=$result[who][0][ID]",
            "nothing": f"{CALL}show?CALL_ID=$result[absent][CALL_ID]",
        }
        told = await client.result("batch", cmd=commands)
        (call_id,) = client.portal.calls
        assert told["result"]["register"]["CALL_ID"] == call_id
        assert (told["result"]["show"], told["result"]["nothing"]) == (True, False)
        assert told["result_error"] == []
        assert client.portal.calls[call_id].phone == CLIENT
        assert client.portal.open_cards() == {12: [call_id], 15: [call_id]}


async def test_a_batch_tells_totals_and_next_pages() -> None:
    users = [User(number) for number in range(1, 61)]
    async with asking(*users) as client:
        told = await client.result("batch", cmd=["user.get", "user.get?start=50", "scope"])
        assert [len(one) for one in told["result"]] == [50, 10, 3]
        assert told["result_total"] == [60, 60]
        assert told["result_next"] == [50]
        assert len(told["result_time"]) == 3


@pytest.mark.parametrize(("halt", "answered"), [(0, {"a", "c"}), (1, {"a"}), ("true", {"a"})])
async def test_a_batch_stops_at_an_error_when_asked(halt: Any, answered: set[str]) -> None:
    async with asking() as client:
        told = await client.result("batch", cmd={"a": "scope", "b": "no.such", "c": "profile"}, halt=halt)
        assert set(told["result"]) == answered
        assert told["result_error"] == {
            "b": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
        }


async def test_commands_past_the_fiftieth_are_refused() -> None:
    async with asking() as client:
        told = await client.result("batch", cmd={f"c{number}": "scope" for number in range(52)})
        assert len(told["result"]) == 50
        assert {name: one["error"] for name, one in told["result_error"].items()} == {
            "c50": "ERROR_BATCH_LENGTH_EXCEEDED",
            "c51": "ERROR_BATCH_LENGTH_EXCEEDED",
        }


async def test_batches_that_are_none() -> None:
    async with asking() as client:
        assert (await client.ask("batch"))[0] == 400
        told = await client.result("batch", cmd={"a": "batch?cmd[b]=scope"})
        assert told["result"] == []
        assert told["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


async def test_a_batch_travels_as_a_form() -> None:
    async with asking() as client:
        form = {"halt": "0", "cmd[a]": "user.get?FILTER%5BID%5D=12", "cmd[b]": "scope"}
        async with client.session.post(client.portal.webhook_url + "batch", data=form) as answer:
            told = (await answer.json())["result"]["result"]
        assert ([user["ID"] for user in told["a"]], told["b"]) == (["12"], ["crm", "telephony", "user"])


async def test_a_webhook_with_the_wrong_user_or_code() -> None:
    async with asking() as client:
        for address in ("1/wrong", f"12/{client.portal.access.code}", "1/ёж"):
            async with client.session.post(f"{client.portal.url}rest/{address}/scope") as answer:
                assert (answer.status, (await answer.json())["error"]) == (401, "INVALID_CREDENTIALS")


async def test_a_method_that_is_unknown() -> None:
    async with asking() as client:
        assert await client.refusal("crm.deal.list") == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")


@pytest.mark.parametrize(
    ("scopes", "method", "error"),
    [
        (["user"], CALL + "show", "insufficient_scope"),
        (["telephony"], "user.get", "insufficient_scope"),
        (["telephony"], "scope", "ok"),
        ([], "profile", "ok"),
    ],
)
async def test_scopes(scopes: list[str], method: str, error: str) -> None:
    async with asking(scopes=scopes) as client:
        status, body = await client.ask(method, CALL_ID="x")
        assert (status, body.get("error", "ok")) == (200 if error == "ok" else 403, error)
        told = await client.result("batch", cmd={"a": method})
        assert (told["result_error"] or {"a": {"error": "ok"}})["a"]["error"] == error


async def test_calls_can_be_refused_to_webhooks() -> None:
    async with asking() as client:
        client.portal.access.webhook_calls = False
        for method in ("register", "finish"):
            assert (await client.refusal(CALL + method, **REGISTER))[:2] == (403, "WRONG_AUTH_TYPE")
        assert await client.result(CALL + "show", CALL_ID="x") is False
        assert await oauth(client, CALL + "register", client.portal.access.pair.access, **REGISTER) == (200, "ok")
        assert len(client.portal.calls) == 1


async def test_a_plan_without_rest() -> None:
    async with asking() as client:
        client.portal.access.commercial = False
        assert (await client.refusal("scope"))[:2] == (401, "ACCESS_DENIED")


async def test_tokens_in_the_body_and_in_the_header() -> None:
    async with asking() as client:
        token = client.portal.access.pair.access
        assert await oauth(client, "user.get", token) == (200, "ok")
        assert await oauth(client, "user.get.json", token, header=True) == (200, "ok")
        assert await oauth(client, "user.get", "wrong") == (401, "invalid_token")
        assert await oauth(client, "user.get", None) == (401, "NO_AUTH_FOUND")
        assert [(one.caller, one.params) for one in client.portal.requests] == [("oauth", {})] * 4


@pytest.mark.parametrize("by_get", [False, True])
async def test_a_refresh_token_serves_once(by_get: bool) -> None:
    async with asking() as client:
        first = client.portal.access.pair
        client.portal.expire_tokens()
        assert await oauth(client, "scope", first.access) == (401, "expired_token")
        status, told = await refreshed(client, by_get=by_get)
        assert status == 200
        assert (told["expires_in"], told["client_endpoint"]) == (3600, client.portal.oauth_url)
        assert told["refresh_token"] != first.refresh
        assert await oauth(client, "scope", told["access_token"]) == (200, "ok")
        status, told = await refreshed(client, by_get=by_get, refresh_token=first.refresh)
        assert (status, told["error"]) == (400, "invalid_grant")
        assert (await refreshed(client, by_get=by_get))[0] == 200
        assert client.portal.bucket_peak == 2, "the token end point is not counted"


async def test_tokens_grow_old() -> None:
    async with asking() as client:
        pair = client.portal.access.pair
        client.time.passed = 3599.0
        assert await oauth(client, "scope", pair.access) == (200, "ok")
        client.time.passed = 3600.0
        assert await oauth(client, "scope", pair.access) == (401, "expired_token")
        client.time.passed = 180 * 24 * 3600.0
        assert (await refreshed(client))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "invalid_request"),
        ({"client_id": "other"}, "invalid_client"),
        ({"client_secret": "other"}, "invalid_client"),
        ({"refresh_token": "other"}, "invalid_grant"),
    ],
)
async def test_a_refresh_that_is_refused(change: dict[str, Any], error: str) -> None:
    async with asking() as client:
        status, told = await refreshed(client, **change)
        assert (status, told["error"]) == (400, error)
        assert (await refreshed(client))[0] == 200, "a refusal uses nothing up"


async def test_a_lost_refresh_has_rotated() -> None:
    async with asking() as client:
        old = client.portal.access.pair
        client.portal.faults.lose(TOKEN)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await refreshed(client)
        assert (await refreshed(client, refresh_token=old.refresh))[1]["error"] == "invalid_grant"


async def test_a_lost_answer_has_done_the_work() -> None:
    async with asking() as client:
        client.portal.faults.lose(CALL + "register")
        assert await client.result("scope")
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.ask(CALL + "register", **REGISTER)
        (call_id,) = client.portal.calls
        assert client.portal.open_cards() == {12: [call_id]}
        assert (await client.result(CALL + "register", **REGISTER))["CALL_ID"] == call_id
        assert [one.outcome for one in client.portal.requests] == ["ok", "lost", "ok"]


async def test_a_batch_is_lost_for_a_method_in_it() -> None:
    async with asking() as client:
        client.portal.faults.lose(CALL + "finish", times=2)
        call_id = await client.call_id()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.ask("batch", cmd={"a": f"{CALL}finish?CALL_ID={call_id}&USER_ID=12"})
        assert len(client.portal.activities) == 1
        told = await client.refusal(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        assert told[2] == "Call is not found", "only answers of work that was done are lost"


async def test_errors_for_some_requests() -> None:
    async with asking() as client:
        faults = client.portal.faults
        faults.fail(1, method=CALL + "show")
        faults.overload(2)
        assert (await client.refusal(CALL + "show", CALL_ID="x"))[:2] == (500, "INTERNAL_SERVER_ERROR")
        assert (await client.refusal(CALL + "register", **REGISTER))[:2] == (503, "OVERLOAD_LIMIT")
        assert (await refreshed(client))[0] == 200, "another server"
        assert (await client.refusal("batch", cmd=["scope"]))[:2] == (503, "OVERLOAD_LIMIT")
        assert await client.result("scope")
        assert client.portal.calls == {}


async def test_a_held_answer_waits() -> None:
    async with asking() as client:
        let_go = client.portal.faults.hold(CALL + "register")
        asked = asyncio.create_task(client.ask(CALL + "register", **REGISTER))
        await asyncio.wait_for(client.portal.until(lambda: bool(client.portal.calls)), 5)
        assert await client.result("scope"), "others are answered"
        assert not asked.done()
        let_go.set()
        assert (await asyncio.wait_for(asked, 5))[0] == 200


async def test_a_portal_that_ends_lets_held_answers_go() -> None:
    portal = Portal(USERS)
    async with aiohttp.ClientSession() as session:
        async with running(portal):
            portal.faults.hold()
            asked = asyncio.create_task(session.post(portal.webhook_url + "scope"))
            await asyncio.wait_for(portal.until(lambda: bool(portal.requests)), 5)
        async with await asyncio.wait_for(asked, 5) as answer:
            assert answer.status == 200


async def test_a_portal_that_is_down_does_nothing() -> None:
    async with asking() as client:
        client.portal.faults.down = True
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.ask(CALL + "register", **REGISTER)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await refreshed(client)
        assert client.portal.calls == {}
        client.portal.faults.down = False
        assert await client.result("scope")
        assert [one.outcome for one in client.portal.requests] == ["down", "ok"]


async def test_the_port_is_refused_and_comes_back() -> None:
    async with asking() as client:
        await client.result("scope")
        url = client.portal.webhook_url
        await client.portal.faults.unplug()
        async with aiohttp.ClientSession() as fresh:
            with pytest.raises(aiohttp.ClientConnectorError):
                await fresh.post(url + "scope")
        with pytest.raises(aiohttp.ClientError):
            await client.ask("scope")
        await client.portal.faults.plug_in()
        assert client.portal.webhook_url == url
        assert await client.result("scope")


async def test_a_user_is_refused() -> None:
    async with asking() as client:
        client.portal.faults.refuse_user(12)
        assert (await client.refusal(CALL + "register", **REGISTER))[2] == "User is not found or is not active"
        call_id = await client.call_id(USER_ID=15)
        await client.result(CALL + "show", CALL_ID=call_id, USER_ID=12)
        assert client.portal.open_cards() == {15: [call_id]}
        client.portal.faults.accept_user(12)
        assert (await client.ask(CALL + "register", **REGISTER))[0] == 200


async def test_a_portal_keeps_its_calls_when_it_is_served_again() -> None:
    async with asking() as client:
        call_id = await client.call_id()
    async with running(client.portal), aiohttp.ClientSession() as client.session:
        assert await client.result(CALL + "hide", CALL_ID=call_id) is True
