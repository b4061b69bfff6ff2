"""The stand-in of a Bitrix24 portal, over HTTP: calls, cards, people, the page, the program."""

import asyncio
import base64
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from amibridge import demo
from amibridge.demo.portal import Contact, Entity, Happening, Lead, Portal, User, read_people, running

CLIENT = "+79031234504"
STRANGER = "+74951112233"
USERS = (
    User(1, None, "Anna", "Admin"),
    User(12, "134", "Ольга", "Смирнова"),
    User(15, "120", "Иван", "Петров"),
    User(16, "121", "Gone", "Away", active=False),
)
CONTACTS = (
    Contact(643, ("89031234504",), "ООО Ромашка", 15, "COMPANY"),
    Contact(651, (CLIENT, "+79160000000"), "Пётр <b>Клиентов</b>", 12),
)
CALL = "telephony.externalCall."
NOW = 1_795_290_980.5


class Time:
    """Both clocks of a portal; they move when they are told to."""

    def __init__(self) -> None:
        self.passed = 0.0

    def clock(self) -> float:
        return 1000.0 + self.passed

    def wall(self) -> float:
        return NOW + self.passed


@dataclass
class Client:
    """Asks a portal. Answers are (HTTP status, body)."""

    portal: Portal
    time: Time
    session: aiohttp.ClientSession

    async def ask(self, method: str, **params: Any) -> tuple[int, Any]:
        async with self.session.post(self.portal.webhook_url + method, json=params) as answer:
            return answer.status, await answer.json()

    async def result(self, method: str, **params: Any) -> Any:
        status, body = await self.ask(method, **params)
        assert status == 200, body
        return body["result"]

    async def call_id(self, **params: Any) -> str:
        """Of a register with everything that it needs."""
        told = {"USER_ID": 12, "PHONE_NUMBER": CLIENT, "TYPE": 2, "EXTERNAL_CALL_ID": "office:1.8"} | params
        call_id: str = (await self.result(CALL + "register", **told))["CALL_ID"]
        return call_id

    async def refusal(self, method: str, **params: Any) -> tuple[int, str, str]:
        status, body = await self.ask(method, **params)
        return status, body["error"], body["error_description"]


@asynccontextmanager
async def asking(*users: User, **settings: Any) -> AsyncIterator[Client]:
    """A portal at work and somebody who asks it."""
    time = Time()
    portal = Portal(users or USERS, CONTACTS, clock=time.clock, wall=time.wall, **settings)
    async with running(portal), aiohttp.ClientSession() as session:
        yield Client(portal, time, session)


async def test_a_register_finds_the_client_and_opens_the_card() -> None:
    async with asking() as client:
        status, body = await client.ask(
            CALL + "register",
            USER_PHONE_INNER="134",
            PHONE_NUMBER="8 (903) 123-45-04",
            TYPE="2",
            CALL_START_DATE="2026-11-21T19:56:11+03:00",
            LINE_NUMBER="74950000002",
            EXTERNAL_CALL_ID="office:1.8",
        )
        result = body["result"]
        call = client.portal.calls[result["CALL_ID"]]
        assert status == 200
        assert re.fullmatch(r"externalCall\.[0-9a-f]{32}\.1795290980", call.id)
        assert (result["CRM_ENTITY_TYPE"], result["CRM_ENTITY_ID"]) == ("CONTACT", 651)
        assert (result["CRM_CREATED_LEAD"], result["CRM_CREATED_ENTITIES"]) == (None, [])
        assert (call.user, call.type, call.line, call.external_id) == (12, 2, "74950000002", "office:1.8")
        assert call.phone == "8 (903) 123-45-04"
        assert client.portal.open_cards() == {12: [call.id]}
        assert body["time"]["start"] == NOW
        assert body["time"]["date_start"] == "2026-11-21T19:56:20+00:00"
        assert set(body["time"]) >= {"finish", "duration", "processing", "date_finish", "operating"}


async def test_without_show_no_card_opens() -> None:
    async with asking() as client:
        call_id = await client.call_id(SHOW=0)
        assert client.portal.open_cards() == {}
        assert client.portal.shown == [Happening("register", call_id, 12, NOW)]


@pytest.mark.parametrize(
    ("change", "after", "same"),
    [
        ({}, 0.0, True),
        ({"PHONE_NUMBER": "89031234504"}, 0.0, True),
        ({}, 1799.0, True),
        ({}, 1800.0, False),
        ({"USER_ID": 15}, 0.0, False),
        ({"TYPE": 1}, 0.0, False),
        ({"PHONE_NUMBER": STRANGER}, 0.0, False),
        ({"LINE_NUMBER": "7"}, 0.0, False),
        ({"EXTERNAL_CALL_ID": "office:1.9"}, 0.0, False),
    ],
)
async def test_a_register_again(change: dict[str, Any], after: float, same: bool) -> None:
    async with asking() as client:
        first = await client.call_id()
        client.time.passed += after
        second = await client.call_id(**change)
        assert (first == second) is same
        assert len(client.portal.calls[first].registered) == (2 if same else 1)


async def test_a_register_after_the_finish_is_another_call() -> None:
    async with asking() as client:
        first = await client.call_id()
        await client.result(CALL + "finish", CALL_ID=first, USER_ID=12)
        second = await client.call_id()
        assert first != second
        assert client.portal.open_cards() == {12: [second]}


REGISTER: dict[str, Any] = {"USER_ID": 12, "PHONE_NUMBER": CLIENT, "TYPE": 2}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"USER_ID": None}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": 99}, "User is not found or is not active"),
        ({"USER_ID": 16}, "User is not found or is not active"),
        ({"USER_ID": None, "USER_PHONE_INNER": "999"}, "User is not found or is not active"),
        ({"USER_ID": "twelve"}, "USER_ID must be an integer"),
        ({"USER_ID": [12, 15]}, "USER_ID must be a string"),
        ({"PHONE_NUMBER": ""}, "PHONE_NUMBER is empty"),
        ({"PHONE_NUMBER": "anonymous"}, "PHONE_NUMBER: Unsupported phone number format"),
        ({"TYPE": None}, "Unknown TYPE"),
        ({"TYPE": 6}, "Unknown TYPE"),
        ({"CALL_START_DATE": "2026-11-21T19:56:11"}, "CALL_START_DATE should be in the ISO-8601 format"),
        ({"CALL_START_DATE": "yesterday"}, "CALL_START_DATE should be in the ISO-8601 format"),
    ],
)
async def test_a_register_that_is_refused(change: dict[str, Any], says: str) -> None:
    async with asking() as client:
        assert await client.refusal(CALL + "register", **REGISTER | change) == (400, "ERROR_CORE", says)
        assert client.portal.calls == {}
        assert client.portal.shown == []


async def test_an_unknown_number_makes_a_lead_when_asked() -> None:
    async with asking() as client:
        plain = await client.result(CALL + "register", USER_ID=12, PHONE_NUMBER=STRANGER, TYPE=2)
        assert (plain["CRM_ENTITY_TYPE"], client.portal.leads) == (None, [])
        made = await client.result(CALL + "register", USER_ID=12, PHONE_NUMBER=STRANGER, TYPE=1, CRM_CREATE=1)
        assert made["CRM_CREATED_LEAD"] == made["CRM_ENTITY_ID"] == 1
        assert made["CRM_CREATED_ENTITIES"] == [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": 1}]
        assert client.portal.leads == [Lead(1, STRANGER, 12, made["CALL_ID"])]
        again = await client.result(CALL + "register", USER_ID=15, PHONE_NUMBER=STRANGER, TYPE=2, CRM_CREATE=1)
        assert (again["CRM_CREATED_LEAD"], again["CRM_ENTITY_TYPE"], again["CRM_ENTITY_ID"]) == (None, "LEAD", 1)
        await client.result(CALL + "finish", CALL_ID=made["CALL_ID"], USER_ID=15, DURATION=3)
        assert client.portal.leads == [Lead(1, STRANGER, 15, made["CALL_ID"])]


async def test_an_entity_that_was_named_is_taken() -> None:
    async with asking() as client:
        told = await client.result(CALL + "register", **REGISTER, CRM_ENTITY_TYPE="COMPANY", CRM_ENTITY_ID=9)
        assert client.portal.calls[told["CALL_ID"]].entity == Entity("COMPANY", 9)


async def test_cards_are_shown_and_hidden_for_whom_it_is_said() -> None:
    async with asking() as client:
        call_id = await client.call_id(SHOW=0)
        assert await client.result(CALL + "show", CALL_ID=call_id) is True
        client.time.passed = 1.0
        assert await client.result(CALL + "SHOW", CALL_ID=call_id, USER_ID=["12", 15, 16, 99]) is True
        assert client.portal.open_cards() == {12: [call_id], 15: [call_id]}
        client.time.passed = 2.0
        assert await client.result(CALL + "hide", CALL_ID=call_id, USER_ID=15) is True
        client.time.passed = 3.0
        assert await client.result(CALL + "hide", CALL_ID=call_id) is True
        assert client.portal.open_cards() == {}
        assert client.portal.shown == [
            ("register", call_id, 12, NOW),
            ("show", call_id, 12, NOW),
            ("show", call_id, 15, NOW + 1),
            ("hide", call_id, 15, NOW + 2),
            ("hide", call_id, 12, NOW + 3),
        ]


async def test_a_card_that_comes_back_is_a_second_showing() -> None:
    async with asking() as client:
        call_id = await client.call_id()
        for method in ("hide", "show"):
            client.time.passed += 1
            await client.result(CALL + method, CALL_ID=call_id, USER_ID=12)
        showings = client.portal.calls[call_id].shown[12]
        assert [(one.shown_at - NOW, one.hidden_at and one.hidden_at - NOW) for one in showings] == [(0, 1), (2, None)]


@pytest.mark.parametrize("user", ["", [], None])
async def test_nobody_named_is_the_registered_user(user: Any) -> None:
    async with asking() as client:
        call_id = await client.call_id(SHOW=0)
        await client.result(CALL + "show", CALL_ID=call_id, USER_ID=user)
        assert client.portal.open_cards() == {12: [call_id]}


@pytest.mark.parametrize("method", ["show", "hide"])
async def test_no_card_of_a_call_that_is_unknown_or_over(method: str) -> None:
    async with asking() as client:
        call_id = await client.call_id()
        assert await client.result(CALL + method, CALL_ID="externalCall.0.0", USER_ID=12) is False
        await client.result(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        assert await client.result(CALL + method, CALL_ID=call_id, USER_ID=12) is False
        assert client.portal.open_cards() == {}


async def test_a_finish_closes_the_cards_and_is_counted() -> None:
    async with asking() as client:
        call_id = await client.call_id(LINE_NUMBER="74950000002", CALL_START_DATE="2026-11-21T19:56:11+03:00")
        await client.result(CALL + "show", CALL_ID=call_id, USER_ID=15)
        told = await client.result(CALL + "finish", CALL_ID=call_id, USER_PHONE_INNER="120", DURATION=95, VOTE=5)
        assert client.portal.open_cards() == {}
        assert {what for what, *_ in client.portal.shown[-2:]} == {"hide"}
        (activity,) = client.portal.activities
        assert (activity.id, activity.call_id, activity.user) == (told["CRM_ACTIVITY_ID"], call_id, 15)
        assert told["CALL_DURATION"] == 95
        assert client.portal.calls[call_id].finished == {
            "CALL_ID": call_id,
            "USER_PHONE_INNER": "120",
            "DURATION": 95,
            "VOTE": 5,
        }
        (row,) = await client.result("voximplant.statistic.get", FILTER={"CALL_ID": call_id})
        assert row == row | {
            "CALL_ID": call_id,
            "EXTERNAL_CALL_ID": "office:1.8",
            "PORTAL_USER_ID": "15",
            "PHONE_NUMBER": CLIENT,
            "PORTAL_NUMBER": "74950000002",
            "CALL_TYPE": "2",
            "CALL_DURATION": "95",
            "CALL_START_DATE": "2026-11-21T19:56:11+03:00",
            "CALL_FAILED_CODE": "200",
            "CALL_VOTE": "5",
            "CRM_ACTIVITY_ID": str(activity.id),
        }


async def test_a_call_is_finished_once() -> None:
    async with asking() as client:
        call_id = await client.call_id()
        await client.result(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        second = await client.refusal(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        assert second == (400, "ERROR_CORE", "Call is not found")
        assert len(client.portal.activities) == len(client.portal.statistics) == 1


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"CALL_ID": None}, "INVALID_ARGUMENT", "CALL_ID must be a string"),
        ({"CALL_ID": "externalCall.0.0"}, "ERROR_CORE", "Call is not found"),
        ({"USER_ID": None}, "ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": 16}, "ERROR_CORE", "User is not found or is not active"),
        ({"STATUS_CODE": "302"}, "ERROR_CORE", "Unknown STATUS_CODE"),
        ({"VOTE": 6}, "ERROR_CORE", "VOTE must be from 1 to 5"),
        ({"DURATION": -1}, "ERROR_CORE", "DURATION must not be negative"),
        ({"DURATION": 1.5}, "ERROR_CORE", "DURATION must be an integer"),
    ],
)
async def test_a_finish_that_is_refused(change: dict[str, Any], code: str, says: str) -> None:
    async with asking() as client:
        call_id = await client.call_id()
        told = {"CALL_ID": call_id, "USER_ID": 12} | change
        assert await client.refusal(CALL + "finish", **told) == (400, code, says)
        assert client.portal.open_cards() == {12: [call_id]}
        assert client.portal.activities == []


@pytest.mark.parametrize(
    ("told", "code"),
    [({"DURATION": 3}, "200"), ({"DURATION": 0}, "304"), ({}, "304"), ({"STATUS_CODE": "603-S"}, "603-S")],
)
async def test_the_status_of_a_call(told: dict[str, Any], code: str) -> None:
    async with asking() as client:
        call_id = await client.call_id()
        finished = await client.result(CALL + "finish", CALL_ID=call_id, USER_ID=12, **told)
        assert finished["CALL_FAILED_CODE"] == code


async def test_recordings() -> None:
    async with asking() as client:
        call_id = await client.call_id()
        record = {"CALL_ID": call_id, "FILENAME": "a.mp3", "FILE_CONTENT": base64.b64encode(b"ID3").decode()}
        early = await client.refusal(CALL + "attachRecord", **record)
        assert early[:2] == (400, "ERROR_CORE")
        await client.result(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        assert await client.result(CALL + "attachRecord", **record) == {"FILE_ID": 1}
        assert client.portal.calls[call_id].recording is not None
        address = await client.result(CALL + "attachRecord", CALL_ID=call_id, FILENAME="b.wav")
        form = aiohttp.FormData()
        form.add_field(address["fieldName"], b"RIFF", filename="b.wav")
        async with client.session.post(address["uploadUrl"], data=form) as answer:
            assert await answer.json() == {"result": {"FILE_ID": 2}}
        recording = client.portal.calls[call_id].recording
        assert recording is not None
        assert (recording.filename, recording.content) == ("b.wav", b"RIFF")
        url = "http://pbx.example/rec/c.mp3?x=1"
        assert await client.result(CALL + "attachRecord", CALL_ID=call_id, RECORD_URL=url) == {"FILE_ID": 3}
        (row,) = await client.result("voximplant.statistic.get", FILTER={"CALL_ID": call_id})
        assert (row["RECORD_FILE_ID"], row["CALL_RECORD_URL"]) == (3, url)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"FILENAME": "a.ogg"},
        {"FILENAME": "a.wav", "FILE_CONTENT": "not base64!"},
        {"FILENAME": "a.wav", "FILE_CONTENT": ""},
    ],
)
async def test_recordings_that_are_refused(record: dict[str, str]) -> None:
    async with asking() as client:
        call_id = await client.call_id()
        await client.result(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        assert (await client.refusal(CALL + "attachRecord", CALL_ID=call_id, **record))[:2] == (400, "ERROR_CORE")
        assert client.portal.calls[call_id].recording is None


async def test_entities_of_a_number() -> None:
    async with asking() as client:
        found = await client.result(CALL + "searchCrmEntities", PHONE_NUMBER="79031234504")
        assert [(one["CRM_ENTITY_TYPE"], one["CRM_ENTITY_ID"], one["ASSIGNED_BY_ID"]) for one in found] == [
            ("CONTACT", 651, 12),
            ("COMPANY", 643, 15),
        ]
        assert found[0]["ASSIGNED_BY"]["ID"] == "12"
        assert found[0]["ASSIGNED_BY"]["USER_PHONE_INNER"] == "134"
        assert await client.result(CALL + "searchCrmEntities", PHONE_NUMBER=STRANGER) == []
        assert (await client.refusal(CALL + "searchCrmEntities"))[2] == "PHONE_NUMBER is empty"
        both = await client.result("crm.duplicate.findbycomm", type="PHONE", values=[CLIENT, STRANGER])
        assert both == {"CONTACT": [651], "COMPANY": [643]}
        only = await client.result("crm.duplicate.findbycomm", type="PHONE", values=[CLIENT], entity_type="COMPANY")
        assert only == {"COMPANY": [643]}
        assert await client.result("crm.duplicate.findbycomm", type="PHONE", values=[STRANGER]) == []


@pytest.mark.parametrize(("users", "expected"), [(120, 3), (100, 2), (50, 1), (1, 1)])
async def test_users_come_in_pages(users: int, expected: int) -> None:
    async with asking(*(User(number, str(100 + number)) for number in range(1, users + 1))) as client:
        seen: list[str] = []
        start: int | None = 0
        pages = 0
        while start is not None:
            _, body = await client.ask("user.get", start=start)
            assert body["total"] == users
            seen += [user["ID"] for user in body["result"]]
            start, pages = body.get("next"), pages + 1
        assert pages == expected
        assert seen == [str(number) for number in range(1, users + 1)]


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({"filter": {"ACTIVE": True}}, ["1", "12", "15"]),
        ({"FILTER": {"ACTIVE": "false"}}, ["16"]),
        ({"FILTER": {"UF_PHONE_INNER": "120"}}, ["15"]),
        ({"FILTER": {"ID": [12, "15", 99]}}, ["12", "15"]),
        ({"FILTER": {"!ID": 12}}, ["1", "15", "16"]),
        ({"FILTER": {">ID": 12}}, ["15", "16"]),
        ({"FILTER": {"%LAST_NAME": "петр"}}, ["15"]),
        ({"sort": "ID", "order": "DESC"}, ["16", "15", "12", "1"]),
    ],
)
async def test_users_are_filtered(params: dict[str, Any], ids: list[str]) -> None:
    async with asking() as client:
        assert [user["ID"] for user in await client.result("user.get", **params)] == ids


async def test_statistics_by_time() -> None:
    async with asking() as client:
        for hour in range(3):
            start = f"2026-11-21T1{hour}:00:00+03:00"
            call_id = await client.call_id(EXTERNAL_CALL_ID=str(hour), CALL_START_DATE=start)
            await client.result(CALL + "finish", CALL_ID=call_id, USER_ID=12)
        rows = await client.result(
            "voximplant.statistic.get",
            FILTER={">=CALL_START_DATE": "2026-11-21T08:00:00Z", "EXTERNAL_CALL_ID": ["0", "1", "2"]},
            SORT="CALL_START_DATE",
            ORDER="DESC",
        )
        assert [row["EXTERNAL_CALL_ID"] for row in rows] == ["2", "1"]


async def test_who_asks() -> None:
    async with asking(user=12) as client:
        assert (await client.result("user.current"))["UF_PHONE_INNER"] == "134"
        assert (await client.result("profile"))["ID"] == "12"
        assert await client.result("scope") == ["crm", "telephony", "user"]


@pytest.mark.parametrize("how", ["json", "form", "query", "get"])
async def test_parameters_travel_in_every_way(how: str) -> None:
    async with asking() as client:
        call_id = await client.call_id(SHOW=0)
        url = client.portal.webhook_url
        show = {"CALL_ID": call_id, "USER_ID[0]": "12", "USER_ID[1]": "15"}
        find = {"FILTER[ID][]": "15", "filter[ACTIVE]": "true"}
        session = client.session
        if how == "json":
            shown = session.post(url + CALL + "show.json", json={"CALL_ID": call_id, "USER_ID": {"0": 12, "1": "15"}})
            found = session.post(url + "user.get.json", json={"FILTER": {"ID": [15]}})
        elif how == "form":
            shown, found = session.post(url + CALL + "show", data=show), session.post(url + "user.get", data=find)
        elif how == "query":
            shown, found = session.post(url + CALL + "show", params=show), session.post(url + "user.get", params=find)
        else:
            shown, found = session.get(url + CALL + "show", params=show), session.get(url + "user.get", params=find)
        async with shown as answer:
            assert (await answer.json())["result"] is True
        assert client.portal.open_cards() == {12: [call_id], 15: [call_id]}
        async with found as answer:
            assert [user["ID"] for user in (await answer.json())["result"]] == ["15"]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
async def test_a_body_that_is_no_json_object(content: bytes) -> None:
    async with asking() as client:
        headers = {"Content-Type": "application/json"}
        async with client.session.post(client.portal.webhook_url + "scope", data=content, headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "INVALID_REQUEST")


async def test_everything_asked_is_kept() -> None:
    async with asking() as client:
        await client.ask("user.get", FILTER={"ID": 12})
        await client.ask("no.such")
        await client.ask("batch", cmd={"a": "user.GET?FILTER[ID]=15", "b": "no.such"})
        requests = client.portal.requests
        assert [(one.at, one.method, one.outcome) for one in requests] == [
            (NOW, "user.get", "ok"),
            (NOW, "no.such", "ERROR_METHOD_NOT_FOUND"),
            (NOW, "batch", "ok"),
        ]
        assert [(one.name, one.method, one.outcome) for one in requests[2].commands] == [
            ("a", "user.get", "ok"),
            ("b", "no.such", "ERROR_METHOD_NOT_FOUND"),
        ]
        assert client.portal.asked("user.get") == [{"FILTER": {"ID": 12}}, {"FILTER": {"ID": "15"}}]


async def test_somebody_waits_for_a_card() -> None:
    async with asking() as client:
        waiting = asyncio.create_task(client.portal.until(lambda: 15 in client.portal.open_cards()))
        call_id = await client.call_id()
        assert not waiting.done()
        await client.result(CALL + "show", CALL_ID=call_id, USER_ID=15)
        await asyncio.wait_for(waiting, 5)
        await asyncio.wait_for(client.portal.until(lambda: True), 5)


async def test_a_condition_that_fails_tells_the_one_who_waits() -> None:
    async with asking() as client:
        answers: list[bool] = [False]
        waiting = asyncio.create_task(client.portal.until(lambda: answers.pop()))
        await asyncio.sleep(0)
        await client.result("scope")
        with pytest.raises(IndexError):
            await asyncio.wait_for(waiting, 5)


async def looked_at(client: Client, path: str) -> str:
    async with client.session.get(client.portal.url + path) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_the_page_shows_who_sees_what() -> None:
    async with asking() as client:
        call_id = await client.call_id()
        card = '<span class="card">+79031234504 (Пётр &lt;b&gt;Клиентов&lt;/b&gt;)</span>'
        page = await looked_at(client, "")
        assert f"<td>Ольга Смирнова</td><td>134</td><td>{card}</td>" in page
        assert "Open cards now" in page
        assert 'http-equiv="refresh"' in page
        assert "<b>" not in page
        await client.result(
            CALL + "finish", CALL_ID=call_id, USER_ID=12, DURATION=7, STATUS_CODE="200", FAILED_REASON="<i>"
        )
        page = await looked_at(client, "?lang=ru")
        assert 'class="card"' not in page
        assert "Открытые карточки" in page
        assert "Ольга Смирнова: 19:56:20–19:56:20" in page
        assert "19:56:20 · 200 · &lt;i&gt; · 7 с" in page


async def test_the_state_says_the_same_as_the_page() -> None:
    async with asking() as client:
        call_id = await client.call_id()
        state = json.loads(await looked_at(client, "state"))
        assert {user["id"]: user["cards"] for user in state["users"]} == {1: [], 12: [call_id], 15: [], 16: []}
        assert state["calls"][0]["shown"] == {"12": [{"shown_at": NOW, "hidden_at": None}]}
        assert [one["what"] for one in state["shown"]] == ["register", "show"]


async def test_the_program_serves_until_it_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    told = {"users": [{"id": 7, "inner": "107"}], "contacts": [{"id": 1, "phones": [CLIENT], "name": "Пётр"}]}
    file.write_text(json.dumps(told), encoding="utf-8")
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "amibridge.demo.portal", "--users", str(file)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert program.stdout is not None
        url = (await asyncio.wait_for(program.stdout.readline(), 30)).decode().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/rest/7/\w+/", url)
        async with aiohttp.ClientSession() as session, session.post(url + "user.get") as answer:
            assert [user["UF_PHONE_INNER"] for user in (await answer.json())["result"]] == ["107"]
    finally:
        program.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(program.wait(), 30)
    assert code == 0


@pytest.mark.parametrize("content", ["{", '[{"name": "no id"}]', '[{"id": 1, "extension": "134"}]', '{"user": []}'])
def test_a_file_of_people_that_is_wrong(tmp_path: Path, content: str) -> None:
    file = tmp_path / "people.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(str(file))):
        read_people(file)


def test_a_portal_without_people() -> None:
    with pytest.raises(ValueError, match="at least one user"):
        Portal([])


def test_the_portal_is_a_peer_of_its_own() -> None:
    """It shares nothing with what it is to test."""
    for file in Path(demo.__file__).parent.joinpath("portal").glob("*.py"):
        shared = re.findall(r"^\s*(?:from|import) (amibridge(?!\.demo\b)\S*)", file.read_text(encoding="utf-8"), re.M)
        assert not shared, f"{file.name} imports {shared}"
