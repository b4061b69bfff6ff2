"""The words that are exchanged with a Bitrix24 portal: questions, forms, answers, as tables."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amibridge.crm.bitrix24 import forms
from amibridge.crm.bitrix24.forms import WITHHELD, Newcomer, Wishes
from amibridge.crm.bitrix24.questions import MOST_IN_A_BATCH, Question, Reply, batch, query, replies
from amibridge.crm.bitrix24.told import Told
from amibridge.crm.bitrix24.trouble import (
    BucketFullError,
    ExpiredTokenError,
    NoAccessError,
    NoRightError,
    NotFoundError,
    NotNowError,
    PortalError,
    RefusedError,
    UnansweredError,
    trouble,
)
from tests.unit.office import call

NOW = 1_795_290_000.0
NO_TIMES: list[Any] = [NOW - 5, -1, 0, "nan", "-inf", 10**400, None, [], "soon"]


@pytest.mark.parametrize(
    ("status", "code", "text", "error"),
    [
        (401, "expired_token", "The access token provided has expired.", ExpiredTokenError),
        (503, "QUERY_LIMIT_EXCEEDED", "Too many requests", BucketFullError),
        (429, "OPERATION_TIME_LIMIT", "Method is blocked", NotNowError),
        (503, "OVERLOAD_LIMIT", "", NotNowError),
        (500, "INTERNAL_SERVER_ERROR", "", NotNowError),
        (502, "", "", NotNowError),
        (429, "", "", NotNowError),
        (401, "INVALID_CREDENTIALS", "", NoAccessError),
        (401, "invalid_token", "", NoAccessError),
        (400, "invalid_grant", "", NoAccessError),
        (301, "", "", NoAccessError),
        (404, "", "", NoAccessError),
        (404, "ERROR_METHOD_NOT_FOUND", "Method not found!", NoRightError),
        (403, "insufficient_scope", "", NoRightError),
        (403, "WRONG_AUTH_TYPE", "", NoRightError),
        (200, "ACCESS_DENIED", "Access denied", NoRightError),
        (400, "ERROR_CORE", "Call is not found", NotFoundError),
        (400, "ERROR_CORE", "Call is not found (call should be registered prior to finishing", NotFoundError),
        (400, "ERROR_CORE", "Unknown TYPE", RefusedError),
        (400, "", "Parameter 'values' is required", RefusedError),
        (400, "SOMETHING_NEW", "", RefusedError),
        (409, "SOMETHING_NEW", "", RefusedError),
        (200, "ERROR_CORE", "Unknown TYPE", RefusedError),
        (413, "", "", RefusedError),
        (400, "", "", UnansweredError),
        (408, "", "", UnansweredError),
        (425, "", "", UnansweredError),
        (200, "INTERNAL_SERVER_ERROR", "", UnansweredError),
        (200, "SOMETHING_NEW", "", UnansweredError),
        (200, "", "", UnansweredError),
        (400, "ERROR_CORE", "User is not found or is not active", RefusedError),
        (500, "ERROR_CORE", "Call is not found", NotNowError),
        (403, "user_access_error", "", NoRightError),
    ],
)
def test_what_a_portal_says_and_what_it_means(status: int, code: str, text: str, error: type[PortalError]) -> None:
    said = trouble("some.method", status, {"error": code, "error_description": text}, NOW)
    assert type(said) is error
    assert "some.method" in str(said)


@pytest.mark.parametrize(
    ("time", "after"),
    [
        (None, None),
        ({}, None),
        ({"operating_reset_at": NOW + 60}, 60.0),
        *(({"operating_reset_at": far}, 600.0) for far in (4_102_444_800, "inf", 1e308, 10**40)),
        *(({"operating_reset_at": no}, None) for no in NO_TIMES),
    ],
)
def test_a_used_up_method_says_until_when(time: Any, after: float | None) -> None:
    said = trouble("some.method", 429, {"error": "OPERATION_TIME_LIMIT", "time": time}, NOW)
    assert isinstance(said, NotNowError)
    assert (said.alone, said.after) == (True, after)


def test_a_client_s_number_is_not_repeated() -> None:
    said = trouble("m", 400, {"error": "ERROR_CORE", "error_description": "no phone +79031234504 here"}, NOW)
    assert "79031234504" not in str(said)


@pytest.mark.parametrize(
    ("params", "written"),
    [
        ({"CALL_ID": "externalCall.1"}, {"CALL_ID": "externalCall.1"}),
        ({"FILTER": {"CALL_ID": "a b&c"}}, {"FILTER[CALL_ID]": "a b&c"}),
        ({"USER_ID": ["12", "15"]}, {"USER_ID[0]": "12", "USER_ID[1]": "15"}),
        ({"SHOW": 0}, {"SHOW": "0"}),
        ({}, {}),
    ],
)
def test_parameters_as_php_reads_them(params: dict[str, Any], written: dict[str, str]) -> None:
    assert dict(parse_qsl(query(params))) == written


@given(st.dictionaries(st.text("ABC_", min_size=1), st.text()))
def test_any_text_survives_the_way(params: dict[str, str]) -> None:
    assert dict(parse_qsl(query(params), keep_blank_values=True, errors="surrogatepass")) == params


@given(st.lists(st.booleans(), min_size=1, max_size=MOST_IN_A_BATCH))
def test_each_question_of_a_batch_gets_its_own_answer(good: list[bool]) -> None:
    """Also where PHP makes lists of empty mappings."""
    names = list(batch([Question("m", {})] * len(good))["cmd"])
    results: Any = {name: index for index, name in enumerate(names) if good[index]}
    errors: Any = {name: {"error": f"E{index}"} for index, name in enumerate(names) if not good[index]}
    said = {"result": results or [], "result_error": errors or [], "result_next": [], "result_time": []}
    for index, one in enumerate(replies(said, len(good))):
        if good[index]:
            assert one == Reply(index)
        else:
            assert isinstance(one, dict)
            assert one["error"] == f"E{index}"


@pytest.mark.parametrize(("seconds", "duration"), [(0.0, 1), (0.4, 1), (1.5, 2), (61.2, 61)])
def test_the_duration_is_whole_seconds_of_talk(seconds: float, duration: int) -> None:
    assert forms.talked("12", seconds, Wishes(), "id")["DURATION"] == duration


@pytest.mark.parametrize("add", [True, False])
def test_the_chat_is_always_named(add: bool) -> None:
    wishes = Wishes(add_to_chat=add)
    assert forms.register(call(), "12", wishes, None)["ADD_TO_CHAT"] == int(add)
    assert forms.talked("12", 1.0, wishes, "id")["ADD_TO_CHAT"] == int(add)


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("79031234504", "79031234504"),
        ("anonymous", None),
        ("<unknown>", None),
        ("", None),
        (None, None),
        ("112", "112"),
    ],
)
def test_what_counts_as_a_number(raw: str | None, number: str | None) -> None:
    assert forms.number(call(client=None, client_raw=raw), Wishes()) == number


def test_a_number_of_the_company_s_own_is_nobody_s_who_calls_in() -> None:
    """The core does not believe it; the portal was told it all the same, and made the company a client of itself."""
    wishes = Wishes(Newcomer(create=True), is_own="+74950000002".__eq__)
    forged = call(client=None, client_raw="+74950000002")
    assert forms.number(forged, wishes) is None
    form = forms.register(forged, "12", wishes, None)
    assert (form["PHONE_NUMBER"], form["CRM_CREATE"]) == (WITHHELD, 0)
    assert forms.number(call(client=None, client_raw="112"), wishes) == "112", "what is no E.164 is known all the same"


def test_the_external_id_is_the_same_for_every_attempt() -> None:
    first = forms.register(call(), "12", Wishes(Newcomer(True)), None, extension="120", since="2026-11-21T19:56:20Z")
    assert first == forms.register(
        call(), "12", Wishes(Newcomer(True)), None, extension="120", since="2026-11-21T19:56:20Z"
    )
    assert first["EXTERNAL_CALL_ID"] == f"{call()['id']}/120"
    assert first["CALL_START_DATE"] == "2026-11-21T19:56:20+00:00"


def test_what_is_remembered_is_a_copy() -> None:
    memory = Told("one", "12", {"134": "one"}).memory()
    told = Told.of(memory)
    told.legs["120"] = "two"
    told.finished.append("one")
    assert Told.of(memory) == Told("one", "12", {"134": "one"})
    told.forget("one")
    assert (told.call, told.legs) == (None, {"120": "two"})
