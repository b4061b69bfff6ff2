"""Numbers to E.164: tables, and what holds for any text."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amibridge.directory.numbers import NumberPlan, plain_number, to_e164

CLIENT = "+79031234504"


@pytest.mark.parametrize(
    "raw",
    [
        "+79031234504",
        "79031234504",
        "89031234504",
        "9031234504",
        "0079031234504",
        "81079031234504",
        "8 (903) 123-45-04",
        "+7 903 123\N{NON-BREAKING HYPHEN}45\N{EN DASH}04",
        "+7\N{NO-BREAK SPACE}903.123.45.04",
        "sip:+79031234504@10.0.0.1:5060;user=phone",
        "SIPS:%2B79031234504@host",
        "tel:+7-903-123-45-04;ext=5",
        '"Ольга" <sip:89031234504@host>',
        "<79031234504>",
        "  79031234504 ",
    ],
)
def test_every_spelling_of_a_client_is_one_number(raw: str) -> None:
    assert to_e164(raw, "RU") == CLIENT


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("0079031234504", "DE", CLIENT),
        ("79031234504", "US", CLIENT),
        ("004930123456", "RU", "+4930123456"),
        ("4915112345678", "RU", "+4915112345678"),
        ("030 123456", "DE", "+4930123456"),
        ("87011234567", "RU", "+77011234567"),
        ("88002000600", "RU", "+78002000600"),
    ],
)
def test_other_countries(raw: str, region: str, expected: str) -> None:
    assert to_e164(raw, region) == expected


@pytest.mark.parametrize(
    "raw",
    [
        *["", " ", "s", "anonymous", "Anonymous", "unavailable", "restricted", "withheld", "unknown", "private"],
        *["asterisk", "<unknown>", "sip:anonymous@anonymous.invalid", "h", "+", "++79031234504", "7903123450O"],
        *["8-800-FLOWERS", "112", "900", "101", "*97", "#31#79031234504", "134", "0000000000", "+134", "sip:@host"],
        *["790312345045678", "123456789012345678901234", "+00", "٧٩٠٣١٢٣٤٥٠٤", "\ud800", "7" * 100_000],
    ],
)
def test_no_client_number(raw: str) -> None:
    assert to_e164(raw, "RU") is None


def test_a_short_number_of_a_plan_is_no_client() -> None:
    assert to_e164("1640", "DE") is None  # valid in Germany, as +49 1640


def test_a_local_number_does_not_become_a_foreign_one() -> None:
    assert to_e164("+6834002", "RU") == "+6834002"  # Niue
    assert to_e164("6834002", "RU") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("134", "134"),
        ('"Olga" <sip:134@pbx;user=phone>', "134"),
        ("134@trunk", "134"),
        ("sip:134?X-Header=1", "134"),
        ("<unknown>", "unknown"),
    ],
)
def test_plain_number(raw: str, expected: str) -> None:
    assert plain_number(raw) == expected


@pytest.fixture
def plan() -> NumberPlan:
    return NumberPlan("RU", r"\d{2,4}|\d{11}", ["134", "74950001"])


@pytest.mark.parametrize("raw", ["79031234504", "sip:79031234504@host", "134", "74950001"])
def test_internal_goes_first(plan: NumberPlan, raw: str) -> None:
    assert plan.e164(raw) is None


def test_what_is_not_internal_is_outside(plan: NumberPlan) -> None:
    assert plan.e164("+79031234504") == CLIENT
    assert plan.same("9031234504") == CLIENT
    assert plan.same("sip:134@host") == "134"


def test_the_whole_number_must_look_internal() -> None:
    plan = NumberPlan("RU", r"\d{2,4}", [])
    assert plan.is_internal("1340")
    assert not plan.is_internal("13400")
    assert not plan.is_internal("134\n")


def test_the_memory_of_numbers_has_a_bound() -> None:
    plan = NumberPlan("RU", r"\d{2,4}", [])
    for number in range(20_000):
        plan.e164(f"x{number}")
    assert plan.e164.cache_info().currsize == plan.e164.cache_info().maxsize


_LIKE_NUMBERS = st.from_regex(r"(sip:|tel:|<|00|\+)?[0-9 ()+.\-]{0,25}(@host|;x=1|>)?", fullmatch=True)


@example("1640", "DE")
@given(st.one_of(st.text(), _LIKE_NUMBERS), st.sampled_from(["RU", "DE", "US", "IT", "KZ"]))
def test_any_text_is_e164_or_nothing(raw: str, region: str) -> None:
    result = to_e164(raw, region)
    assert result is None or re.fullmatch(r"\+[0-9]{7,15}", result)


@given(_LIKE_NUMBERS)
def test_an_e164_number_stays_what_it_is(raw: str) -> None:
    result = to_e164(raw, "RU")
    assert result is None or to_e164(result, "RU") == result
