"""What a portal answers that is neither yes nor no: it may have done it, so it is asked again, and nothing is done
twice."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amibridge.crm.interface import Done, Lost, Memory
from amibridge.demo.portal import User
from tests.unit.durable import delivering
from tests.unit.office import OLGA, bitrix24, closes, finished, office, opens, started

RECORDS = 30
CALLS = [f"office:{number}.1" for number in range(RECORDS)]
Rewrite = Callable[[dict[str, Any]], Any]

HALF = [f"q{at}" for at in range(0, 50, 2)]


def errors(code: str) -> Rewrite:
    """Every other command of a batch gets an error, although it was done."""

    def rewrite(body: dict[str, Any]) -> Any:
        inner = body["result"]
        done = {name: one for name, one in dict(inner["result"]).items() if name not in HALF}
        failed = {name: {"error": code, "error_description": "?"} for name in HALF if name in dict(inner["result"])}
        return {**body, "result": {**inner, "result": done or [], "result_error": failed or []}}

    return rewrite


def missing(body: dict[str, Any]) -> Any:
    inner = body["result"]
    kept = {name: one for name, one in dict(inner["result"]).items() if name not in HALF}
    return {**body, "result": {**inner, "result": kept or []}}


def with_inner(**more: Any) -> Rewrite:
    return lambda body: {**body, "result": {**body["result"], **more}}


def each(answer: Any) -> Rewrite:
    """Every command of a batch has the same result."""
    return lambda body: with_inner(result=dict.fromkeys(body["result"]["result"], answer))(body)


OF_A_BATCH: dict[str, Rewrite] = {
    "an error of every other command": errors("INTERNAL_SERVER_ERROR"),
    "an unknown error": errors("SOMETHING_NEW"),
    "an error without a name": errors(""),
    "half of them missing": missing,
    "[] for all": with_inner(result=[]),
    "nulls for all": each(None),
    "[] for each": each([]),
    "errors that are a list": with_inner(result_error=[{"error": "INTERNAL_SERVER_ERROR"}]),
    "errors that are a text": with_inner(result_error="failed"),
    "no result": lambda body: {"time": body["time"]},
    "a list": lambda body: [],
    "null": lambda body: None,
    "a text as the result": lambda body: {**body, "result": "ok"},
    "an error with 200": lambda body: {"error": "INTERNAL_SERVER_ERROR", "error_description": "?"},
    "an error beside the result": lambda body: {**body, "error": "SOMETHING_NEW"},
    "a refusal of the whole batch": lambda body: {"error": "ERROR_CORE", "error_description": "?"},
}


@pytest.mark.parametrize("what", OF_A_BATCH)
async def test_what_is_missing_in_a_batch_is_asked_for_again(what: str, tmp_path: Path) -> None:
    """A dead letter at the first attempt was what came of it."""
    async with (
        office() as portal,
        bitrix24(portal) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        await world.tell(*(started(one) for one in CALLS))
        await world.rest_until_quiet()
        left = 2

        def rewrite(method: str, body: dict[str, Any]) -> Any:
            nonlocal left
            if method != "batch" or left == 0:
                return body
            left -= 1
            return OF_A_BATCH[what](body)

        portal.faults.rewrite = rewrite
        await world.tell(*(finished("134", call_id=one) for one in CALLS))
        await world.rest_until_quiet(5000)
        states = Counter(line.state.value for line in await world.deliveries())
    assert left < 2
    assert states == {"done": 2 * RECORDS}
    assert len(portal.activities) == len({one.call_id for one in portal.activities}) == RECORDS
    assert len(portal.calls) == RECORDS


@pytest.mark.parametrize("answer", [[], {}, None, "", 0, 1.5, "yes", {"result": []}, {"result": None}, {"error": "x"}])
@pytest.mark.parametrize("method", ["register", "show", "hide", "finish", "user.get", "voximplant.statistic.get"])
async def test_an_answer_that_says_nothing_is_none(method: str, answer: Any) -> None:
    name = method if "." in method else f"telephony.externalCall.{method}"
    async with office() as portal, bitrix24(portal) as adapter:
        memory: Memory = {}
        if method in ("hide", "voximplant.statistic.get"):
            before = await adapter.send(opens("134"), {}, repeated=False)
            assert isinstance(before, Done)
            memory = before.memory or {}
        portal.faults.rewrite = lambda asked, body: answer if asked == name else body
        if method == "voximplant.statistic.get":
            portal.calls.clear()
            said = await adapter.send(finished("134"), memory, repeated=True)
        else:
            command = {"hide": closes("134"), "finish": finished("134")}.get(method, opens("134"))
            said = await adapter.send(command, memory, repeated=False)
        if method == "voximplant.statistic.get" and answer == {"result": []}:
            assert isinstance(said, Done), "an empty log is an answer"
        else:
            assert isinstance(said, Lost), said
            assert len(said.why) < 300


async def test_what_a_portal_refuses_is_refused_at_once(tmp_path: Path) -> None:
    async with (
        office() as portal,
        bitrix24(portal) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        portal.faults.refuse_user(OLGA)
        await world.tell(*(finished("134", call_id=one) for one in CALLS))
        await world.rest_until_quiet()
        lines = await world.deliveries()
    assert {line.state.value for line in lines} == {"refused"}
    assert {line.attempts for line in lines} == {1}


async def test_a_portal_that_takes_only_small_batches_gets_small_ones(tmp_path: Path) -> None:
    async with (
        office() as portal,
        bitrix24(portal) as adapter,
        delivering(tmp_path / "amibridge.db", adapter) as world,
    ):
        await world.tell(*(started(one) for one in CALLS))
        await world.rest_until_quiet()

        def rewrite(method: str, body: dict[str, Any]) -> Any:
            if method == "batch" and len(body["result"]["result"]) > 4:
                return {"error": "ERROR_ARGUMENT", "error_description": "too much"}
            return body

        portal.faults.rewrite = rewrite
        await world.tell(*(finished("134", call_id=one) for one in CALLS))
        await world.rest_until_quiet(5000)
        states = Counter(line.state.value for line in await world.deliveries())
    assert states == {"done": 2 * RECORDS}
    assert len(portal.activities) == RECORDS


@pytest.mark.parametrize("following", ["next", "-1", -1, 0, 1e9, [], {}, True, "99999999999999999999999"])
async def test_a_next_page_that_is_none_ends_the_list(following: Any) -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        portal.faults.rewrite = lambda asked, body: {**body, "next": following} if asked == "user.get" else body
        said = await adapter.send(opens("134"), {}, repeated=False)
    assert isinstance(said, Done)
    assert len(portal.asked("user.get")) <= 2


async def test_users_without_an_id_are_nobody() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        portal.people.users[300] = User(300, "300")

        def rewrite(method: str, body: dict[str, Any]) -> Any:
            for user in body["result"] if method == "user.get" else ():
                user["ID"] = None
            return body

        portal.faults.rewrite = rewrite
        said = await adapter.send(opens("134"), {}, repeated=False)
    assert "no user with the internal number 134" in str(said)
    assert portal.asked("telephony.externalCall.show") == []
