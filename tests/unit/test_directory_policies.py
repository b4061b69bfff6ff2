"""Persons, lines, languages, card rules and exclusions."""

import pytest

from amibridge.calls.who import CardRule, MobileCard, OpenOn, Person
from amibridge.directory.extension_map import ExtensionMap
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.settings import Settings


@pytest.fixture(scope="module")
def office() -> MapDirectory:
    settings = {
        "pbx": [{"name": "lab", "secret": "x"}],
        "cards": {"open_on": "ring_sole", "min_talk_seconds": 1, "language": "en"},
        "mobiles": {"card": "confirmed"},
        "exclude": {
            "extensions": ["199"],
            "dids": ["84950000099", "s"],
            "queues": ["699"],
            "numbers": ["89030000000", "+7800*", "112", "anonymous", "7?000"],
        },
    }
    extension_map = {
        "extensions": {
            "134": {"name": "Ольга", "crm_user": 12, "open_on": "ring", "min_talk_seconds": 0},
            "120": {"min_talk_seconds": 5, "supervisor_card": True},
            "121": {},
        },
        "queues": {"600": {"open_on": "never"}, "601": {"min_talk_seconds": 7}},
        "dids": {
            "74950000002": {"name": "Реклама", "language": "ru", "open_on": "answer", "min_talk_seconds": 3},
            "74950000003": {},
        },
        "trunks": [{"device": "PJSIP/provider", "name": "Main"}, "PJSIP/second"],
    }
    return MapDirectory(Settings.model_validate(settings), ExtensionMap.model_validate(extension_map))


@pytest.mark.parametrize(
    ("extension", "did", "queue", "rule"),
    [
        ("121", None, None, CardRule(OpenOn.RING_SOLE, 1.0)),
        ("999", "unknown", "999", CardRule(OpenOn.RING_SOLE, 1.0)),
        ("121", "+74950000002", None, CardRule(OpenOn.ANSWER, 3.0)),
        ("121", "84950000002", "600", CardRule(OpenOn.NEVER, 3.0)),
        ("121", "74950000002", "601", CardRule(OpenOn.ANSWER, 7.0)),
        ("121", None, "600", CardRule(OpenOn.NEVER, 1.0)),
        ("120", "74950000002", "601", CardRule(OpenOn.ANSWER, 5.0, supervisor=True)),
        ("134", "74950000002", "600", CardRule(OpenOn.RING, 0.0)),
    ],
)
def test_extension_before_queue_before_did_before_general(
    office: MapDirectory, extension: str, did: str | None, queue: str | None, rule: CardRule
) -> None:
    assert office.rule(extension, did, queue) == rule


def test_persons(office: MapDirectory) -> None:
    assert office.person("134") == Person("134", "Ольга", "12")
    assert office.person("121") == Person("121")
    assert office.person("177") == Person("177")


def test_mobile_card(office: MapDirectory) -> None:
    assert office.mobile_card is MobileCard.CONFIRMED


def test_e164_is_asked_of_the_number_plan(office: MapDirectory) -> None:
    assert office.e164("89031234504") == "+79031234504"
    assert office.e164("134") is None


@pytest.mark.parametrize(
    ("did", "language"), [("74950000002", "ru"), ("+74950000002", "ru"), ("74950000003", "en"), (None, "en")]
)
def test_language(office: MapDirectory, did: str | None, language: str) -> None:
    assert office.language(did) == language


@pytest.mark.parametrize(
    ("channel", "did", "line"),
    [
        ("PJSIP/provider-00000001", "4950000002", "Реклама"),
        ("PJSIP/provider-00000001", "74950000003", "Main"),
        ("PJSIP/provider-00000001", None, "Main"),
        ("PJSIP/second-00000001", None, None),
        ("PJSIP/134-00000001", None, None),
    ],
)
def test_the_line_is_named_by_the_did_or_by_the_trunk(
    office: MapDirectory, channel: str, did: str | None, line: str | None
) -> None:
    assert office.line(channel, did) == line


@pytest.mark.parametrize(
    ("client", "raw", "did", "queue", "why"),
    [
        (None, None, None, None, None),
        ("+79031234504", "79031234504", "74950000002", "600", None),
        ("+79031234504", "79031234504", "74950000099", None, "did 74950000099 is excluded"),
        (None, None, "s", None, "did s is excluded"),
        (None, None, None, "699", "queue 699 is excluded"),
        ("+79030000000", "9030000000", None, None, "number +79030000000 is excluded"),
        ("+78002000600", "88002000600", None, None, "number +78002000600 is excluded"),
        (None, "112", None, None, "number 112 is excluded"),
        (None, "1120", None, None, None),
        (None, "sip:anonymous@host", None, None, "number anonymous is excluded"),
        (None, "7x000", None, None, "number 7x000 is excluded"),
        (None, "7xx000", None, None, None),
    ],
)
def test_excluded_calls(
    office: MapDirectory, client: str | None, raw: str | None, did: str | None, queue: str | None, why: str | None
) -> None:
    assert office.excluded(client=client, client_raw=raw, did=did, queue=queue) == why


def test_excluded_extensions(office: MapDirectory) -> None:
    assert office.excluded_extension("199") == "extension 199 is excluded"
    assert office.excluded_extension("134") is None
