"""Who is who, in the design's order."""

from collections.abc import Mapping

import pytest

from amibridge.calls.who import Directory, Kind, Who
from amibridge.directory.devices import device_of
from amibridge.directory.extension_map import ExtensionMap
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.settings import IGNORED, Settings

PBX = [{"name": "lab", "secret": "x"}]
NOBODY = Who(Kind.NOBODY)
MACHINE = Who(Kind.MACHINE)
OUTSIDE = Who(Kind.OUTSIDE)
OWN = Who(Kind.OWN)
MOBILE_OF_134 = Who(Kind.EXTENSION, "134", via_mobile=True)


def extension(number: str) -> Who:
    return Who(Kind.EXTENSION, number)


CALLING_134 = Who(Kind.EXTENSION, "134", via_mobile=True, unverified=True)


def directory(extension_map: Mapping[str, object], **settings: object) -> Directory:
    # The annotation is a check too: mypy compares MapDirectory with the core's Protocol.
    return MapDirectory(
        Settings.model_validate({"pbx": PBX, **settings}), ExtensionMap.model_validate(dict(extension_map))
    )


@pytest.fixture(scope="module")
def office() -> Directory:
    return directory(
        {
            "extensions": {
                "134": {"mobiles": ["+79161112233"]},
                "120": {"devices": ["PJSIP/reception", "SIP/ivan@home", "DAHDI/12"]},
                "121": {},
                "122": {},
                "ivan.p": {},
                "5000": {},
            },
            "devices": [
                {"device": "PJSIP/panasonic", "number": "121"},
                {"device": "PJSIP/panasonic", "number": "122"},
                {"device": "SIP/single", "number": "121"},
            ],
            "trunks": [
                "PJSIP/provider",
                "SIP/two-part-name",
                "PJSIP/135",
                "DAHDI/*",
                {"device": "DAHDI/1", "answer_supervision": False, "name": "Analogue"},
                {"device": "PJSIP/branch", "kind": "internal"},
                "PJSIP/bot-but-trunk",
            ],
            "machines": ["PJSIP/bot-*", "PJSIP/136"],
        },
        numbers={"own": ["+74950000002"], "internal": r"1\d\d"},
        exclude={"extensions": ["134"]},
    )


@pytest.mark.parametrize(
    ("channel", "device"),
    [
        ("PJSIP/134-0000002a", "PJSIP/134"),
        ("pjsip/134-0000002a", "PJSIP/134"),
        ("PJSIP/Ivan-P-0000002a", "PJSIP/Ivan-P"),
        ("SIP/134@office-0000a1", "SIP/134@office"),
        ("DAHDI/i1/79031234567-a", "DAHDI/i1"),
        ("DAHDI/i1/+7-903-1", "DAHDI/i1"),
        ("DAHDI/1-1", "DAHDI/1"),
        ("dahdi/pseudo-12345", "DAHDI/pseudo"),
        ("IAX2/office-branch-11442", "IAX2/office-branch"),
        ("PJSIP/134", "PJSIP/134"),
        ("Nonsense", "NONSENSE/"),
    ],
)
def test_the_device_of_a_channel(channel: str, device: str) -> None:
    assert device_of(channel) == device


@pytest.mark.parametrize("entry", IGNORED)
def test_ignored_technologies_are_nobody(office: Directory, entry: str) -> None:
    channel = f"{entry}-00000001" if "/" in entry else f"{entry}/PJSIP/134-00000001"
    assert office.who(channel, "79031234504") == NOBODY


@pytest.mark.parametrize(
    ("channel", "number", "who"),
    [
        # machines go before everything but the ignored
        ("AudioSocket/127.0.0.1:9092-0b6b2d5e-77", None, MACHINE),
        ("WebSocket/INCOMING/9f-1", "79031234504", MACHINE),
        ("PJSIP/bot-7-00000001", "79031234504", MACHINE),
        ("PJSIP/bot-but-trunk-00000001", "79031234504", MACHINE),
        ("PJSIP/136-00000001", None, MACHINE),
        # trunks go before devices named like an extension
        ("PJSIP/135-00000001", "79031234504", OUTSIDE),
        ("PJSIP/provider-00000001", "79031234504", OUTSIDE),
        ("pjsip/provider-00000001", "79031234504", OUTSIDE),
        ("SIP/two-part-name-0000a1", "79031234504", OUTSIDE),
        ("DAHDI/i1/79031234567-a", "79031234567", OUTSIDE),
        ("DAHDI/1-1", None, Who(Kind.OUTSIDE, proves_answer=False)),
        ("DAHDI/1-1", "79161112233", Who(Kind.EXTENSION, "134", via_mobile=True, proves_answer=False)),
        # listed devices
        ("PJSIP/reception-00000001", "120", extension("120")),
        ("PJSIP/Reception-00000001", "120", OUTSIDE),
        ("SIP/ivan@home-00000001", None, extension("120")),
        ("PJSIP/panasonic-00000001", "121", extension("121")),
        ("PJSIP/panasonic-00000001", "sip:122@10.0.0.9", extension("122")),
        ("PJSIP/panasonic-00000001", "177", extension("177")),
        ("PJSIP/panasonic-00000001", "79031234504", OUTSIDE),
        ("PJSIP/panasonic-00000001", "79161112233", MOBILE_OF_134),
        ("PJSIP/panasonic-00000001", None, OUTSIDE),
        ("SIP/single-00000001", None, extension("121")),
        # named like an extension of the map
        ("PJSIP/134-00000001", "79031234504", extension("134")),
        ("SIP/134-0000a1", None, extension("134")),
        ("IAX2/134-1123", None, extension("134")),
        ("PJSIP/134-WS-00000001", None, extension("134")),
        ("PJSIP/99134-00000001", None, extension("134")),
        ("PJSIP/995000-00000001", None, extension("5000")),
        ("PJSIP/ivan.p-00000001", None, extension("ivan.p")),
        # looks like one
        ("PJSIP/150-00000001", None, extension("150")),
        ("PJSIP/150-WS-00000001", None, extension("150")),
        ("PJSIP/99150-00000001", None, extension("150")),
        ("PJSIP/1500-00000001", None, OUTSIDE),
        ("PJSIP/x150-00000001", None, OUTSIDE),
        # outside lines
        ("SIP/192.168.1.5-0000a1", "79031234504", OUTSIDE),
        ("PJSIP/anonymous-00000001", "anonymous", OUTSIDE),
    ],
)
def test_the_order(office: Directory, channel: str, number: str | None, who: Who) -> None:
    assert office.who(channel, number) == who
    assert office.who(channel, number) == who  # from memory, and whoever began the call


@pytest.mark.parametrize(
    ("device", "number", "who"),
    [
        ("PJSIP/provider", "+79161112233", MOBILE_OF_134),
        ("PJSIP/provider", "89161112233", MOBILE_OF_134),
        ("PJSIP/provider", "sip:9161112233@host", MOBILE_OF_134),
        ("SIP/unlisted", "79161112233", MOBILE_OF_134),
        ("PJSIP/branch", "79161112233", MOBILE_OF_134),
        ("PJSIP/provider", "74950000002", OWN),
        ("PJSIP/branch", "84950000002", OWN),
        ("PJSIP/provider", "134", OUTSIDE),
        ("PJSIP/provider", "112", OUTSIDE),
        ("PJSIP/provider", "900", OUTSIDE),
        ("PJSIP/provider", None, OUTSIDE),
        ("PJSIP/provider", "anonymous", OUTSIDE),
        ("PJSIP/branch", "134", extension("134")),
        ("PJSIP/branch", "5000", extension("5000")),
        ("PJSIP/branch", "177", extension("177")),
        ("PJSIP/branch", "900", OUTSIDE),
        ("PJSIP/branch", "79031234504", OUTSIDE),
    ],
)
def test_the_far_end_of_a_line(office: Directory, device: str, number: str | None, who: Who) -> None:
    assert office.who(f"{device}-00000001", number) == who


def test_an_analogue_port_is_no_extension_of_that_number() -> None:
    anywhere = directory({"extensions": {"12": {}, "13": {"devices": ["DAHDI/14"]}}})
    assert anywhere.who("DAHDI/12-1", None) == OUTSIDE
    assert anywhere.who("DAHDI/14-1", None) == extension("13")


def test_without_trunks_whatever_is_nobodys_is_an_outside_line() -> None:
    anywhere = directory({})
    assert anywhere.who("PJSIP/provider-00000001", "79031234504") == OUTSIDE
    assert anywhere.who("PJSIP/134-00000001", "79031234504") == extension("134")


def test_ignored_technologies_and_device_names_are_settings() -> None:
    own_way = directory({"extensions": {"134": {}}}, ignore=["khomp"], extension_names=["webrtc_{ext}.x"])
    assert own_way.who("Khomp/B0C1-5.0", None) == NOBODY
    assert own_way.who("Console/dsp-1", None) == OUTSIDE
    assert own_way.who("PJSIP/webrtc_134.x-00000001", None) == extension("134")
    assert own_way.who("PJSIP/webrtc_134_x-00000001", None) == OUTSIDE
    assert own_way.who("PJSIP/134-WS-00000001", None) == OUTSIDE


def test_of_two_claims_the_first_counts() -> None:
    twice = directory(
        {
            "extensions": {
                "134": {"devices": ["PJSIP/a"], "mobiles": ["+79161112233"]},
                "120": {"devices": ["pjsip/a"], "mobiles": ["+79161112233"]},
            },
            "devices": [{"device": "PJSIP/a", "number": "121"}],
        }
    )
    assert twice.who("PJSIP/a-00000001", "121") == extension("134")
    assert twice.who("PJSIP/p-00000001", "79161112233") == MOBILE_OF_134


@pytest.mark.parametrize(
    ("channel", "number", "calls", "is_called"),
    [
        ("PJSIP/provider-00000001", "79161112233", CALLING_134, MOBILE_OF_134),
        ("PJSIP/provider-00000001", "84950000002", OUTSIDE, OWN),
        ("PJSIP/provider-00000001", "79031234504", OUTSIDE, OUTSIDE),
        ("PJSIP/unlisted-00000001", "74950000002", OUTSIDE, OWN),
        ("PJSIP/panasonic-00000001", "74950000002", OUTSIDE, OWN),
        ("PJSIP/panasonic-00000001", "79161112233", CALLING_134, MOBILE_OF_134),
        # between offices the company shows its own numbers
        ("PJSIP/branch-00000001", "74950000002", OWN, OWN),
        ("PJSIP/branch-00000001", "120", extension("120"), extension("120")),
        ("PJSIP/134-00000001", "74950000002", extension("134"), extension("134")),
    ],
)
def test_a_caller_may_show_any_number(office: Directory, channel: str, number: str, calls: Who, is_called: Who) -> None:
    assert office.who(channel, number, shown=True) == calls
    assert office.who(channel, number) == is_called


def test_a_mobile_that_calls_in_may_be_a_client_by_the_settings_and_by_the_trunk() -> None:
    extension_map = {
        "extensions": {"134": {"mobiles": ["+79161112233"]}},
        "trunks": ["PJSIP/provider", {"device": "PJSIP/cheap", "trust_caller_id": False}],
    }
    by_default, as_clients = directory(extension_map), directory(extension_map, mobiles={"calls_in": "client"})
    for office, channel, calls in (
        (by_default, "PJSIP/provider-1", CALLING_134),
        (by_default, "PJSIP/cheap-1", OUTSIDE),
        (as_clients, "PJSIP/provider-1", OUTSIDE),
        (as_clients, "PJSIP/cheap-1", OUTSIDE),
    ):
        assert office.who(channel, "79161112233", shown=True) == calls
        assert office.who(channel, "79161112233") == MOBILE_OF_134
