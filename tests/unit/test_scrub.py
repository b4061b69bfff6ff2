"""Scrubbing: the same calls by invented clients, and nothing left of the real ones."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amibridge.ami.clients import Clients, find_clients
from amibridge.ami.decode import events
from amibridge.ami.packets import Framer, headers
from amibridge.ami.scrub import Substitution, scrubbed
from amibridge.ami.timeline import Timeline
from amibridge.cli.company import ConfiguredCompany
from amibridge.directory.loading import load
from amibridge.directory.numbers import to_e164
from tests.replay.playing import Capture, captures, commands, play, records

MAIN = """\
pbx: [{name: lab, secret: {env: SECRET}}]
numbers: {region: RU, internal: '1\\d\\d', own: ["+74950000001"]}
exclude: {numbers: ["+7903999*"]}
"""
MAP = """\
extensions:
  "134": {name: Ольга Смирнова, mobiles: ["+79161112233"], devices: [SIP/desk]}
  "20001": {name: Far Office}
trunks: [PJSIP/79265554433, "PJSIP/7812*"]
dids: {"74950000002": {name: Hotline}}
queues: {"60001": {}}
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> ConfiguredCompany:
    folder = tmp_path_factory.mktemp("company")
    (folder / "main.yaml").write_text(MAIN)
    (folder / "extensions.yaml").write_text(MAP)
    return ConfiguredCompany(load(folder / "main.yaml"))


def stream(*packets: Iterable[str]) -> bytes:
    return b"".join("\r\n".join((*packet, "", "")).encode("utf-8", "surrogateescape") for packet in packets)


def scrub(raw: bytes, company: ConfiguredCompany) -> tuple[Substitution, bytes]:
    substitution, packets = scrubbed(lambda: [raw], company)
    return substitution, b"".join(packets)


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


# Real captures.

TOLD = ("CallerIDName", "ConnectedLineName", "DestCallerIDName", "DestConnectedLineName", "Value")
"""Headers that hold nothing but the name."""


def invented(said: Any, substitution: Substitution | None) -> Any:
    """What a record or a command says, by invented clients. Names were made readable in it: whether there is one."""
    match said:
        case str():
            return substitution.text(said) if substitution is not None else said
        case dict():
            return {
                key: value is not None if key == "client_name" else invented(value, substitution)
                for key, value in said.items()
            }
        case list():
            return [invented(value, substitution) for value in said]
        case _:
            return said


@pytest.mark.parametrize("capture", captures(), ids=lambda capture: str(capture.name))
def test_the_same_calls_by_invented_clients(capture: Capture) -> None:
    company = ConfiguredCompany(load(capture.config))
    substitution, left = scrub(capture.raw, company)

    clients = find_clients(capture.packets, company)
    really = {call["client"] for call in capture.truth["calls"] if not call.get("optional")} - {None}
    assert {company.e164(number) for number in clients.numbers} >= really
    for number in clients.numbers:
        assert number[-10:].encode() not in left
    told = [value for packet in Framer().feed(left) for header, value in headers(packet).lines() if header in TOLD]
    assert not clients.names.keys() & set(told)

    again = list(events(Framer().feed(left), Timeline()))
    before, after = play(capture.events, capture.directory), play(again, capture.directory)
    assert [invented(record, substitution) for record in records(before)] == records(after)
    assert [invented([command.key, command.data], substitution) for command in commands(before)] == [
        invented([command.key, command.data], None) for command in commands(after)
    ]


def test_the_same_capture_makes_the_same_bytes(company: ConfiguredCompany) -> None:
    capture = next(capture for capture in captures() if "queue_ringall" in capture.name)
    assert scrub(capture.raw, company)[1] == scrub(capture.raw, company)[1]


# One value at a time. The client is 79031234509, called Клиент Иванов; another is 74951112200.

CALL = (
    "Event: Newchannel",
    "Timestamp: 1795290990.607072",
    "Channel: PJSIP/provider-00000016",
    "CallerIDNum: 79031234509",
    "CallerIDName: Клиент Иванов",
    "ConnectedLineNum: 134",
    "ConnectedLineName: Ольга Смирнова",
    "Exten: 74950000002",
    "Uniqueid: 1795290990.28",
    "Linkedid: 1795290990.28",
)


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("CallerIDNum: 79031234509", "CallerIDNum: 79031000001"),
        ("CallerIDNum: +79031234509", "CallerIDNum: +79031000001"),
        ("CallerIDNum: 89031234509", "CallerIDNum: 89031000001"),
        ("CallerIDNum: 9031234509", "CallerIDNum: 9031000001"),
        ("CallerIDNum: 8 (903) 123-45-09", "CallerIDNum: 8 (903) 100-00-01"),
        ("CallerIDName: +7 903 123-45-09", "CallerIDName: +7 903 100-00-01"),
        ("CallerIDName: Клиент Иванов", "CallerIDName: Client 1"),
        ('CallerID: "Клиент Иванов" <79031234509>', 'CallerID: "Client 1" <79031000001>'),
        ("DialString: 79031234509@provider", "DialString: 79031000001@provider"),
        ("DialString: provider/sip:+79031234509@sip.example;user=phone", None),
        ("DialString: g1/989031234509", "DialString: g1/989031000001"),
        ("Channel: Local/79031234509@from-internal-00000010;2", "Channel: Local/79031000001@from-internal-00000010;2"),
        ("Channel: DAHDI/i1/79031234509-a", "Channel: DAHDI/i1/79031000001-a"),
        ("Value: <sip:79031234509@127.0.0.2;ob>", "Value: <sip:79031000001@127.0.0.2;ob>"),
        ("Value: *67#79031234509", "Value: *67#79031000001"),
        (
            "Value: /var/spool/asterisk/monitor/in-79031234509-Клиент_Иванов-20261121-195630-1795290990.28.wav",
            "Value: /var/spool/asterisk/monitor/in-79031000001-Client 1-20261121-195630-1795290990.28.wav",
        ),
        ("ChanVariable: CLIENT=79031234509", "ChanVariable: CLIENT=79031000001"),
        ("AppData: CALLERID(name)=Клиент Иванов,x", "AppData: CALLERID(name)=Client 1,x"),
        ("Anything: at all 79031234509", "Anything: at all 79031000001"),
        ("Output: a line 79031234509 of a command", "Output: a line 79031000001 of a command"),
        ("79031234509 without a header", "79031000001 without a header"),
        ("ActionID: click-79031234509", "ActionID: click-79031000001"),
        ("Uniqueid: pbx1-1795290990.28", ...),
        ("Timestamp: 1795290990.607072", ...),
        ("Received: 1795290990.607072", ...),
        ("Channel: PJSIP/134-0000002a", ...),
        ("CallerIDNum: 134", ...),
        ("CallerIDName: Ольга Смирнова", ...),
        ("CallerIDName: <unknown>", ...),
        ("CallerIDNum: anonymous", ...),
        ("Exten: 74950000001", ...),
        ("Exten: 84950000002", ...),
        ("Exten: 20001", ...),
        ("Exten: *8134", ...),
        ("Exten: 112", ...),
        ("Queue: 60001", ...),
        ("DialString: 79161112233@provider", ...),
        ("Channel: PJSIP/79265554433-00000001", ...),
        ("RemoteAddress: IPV4/TCP/127.0.0.1/45704", ...),
        ("EventTV: 2026-11-21T19:56:30.331+0000", ...),
    ],
)
def test_wherever_a_client_stands(company: ConfiguredCompany, line: str, becomes: object) -> None:
    substitution = Substitution(find_clients([stream(CALL)], company), company)
    expected = line if becomes is ... else becomes
    if expected is None:
        expected = line.replace("1234509", "1000001")
    assert substitution.packet(line.encode()).decode() == expected


@pytest.mark.parametrize(
    "line",
    [
        "CallerIDNum: 79031234509",
        "DestConnectedLineNum: +7 (903) 123-45-09",
        "Exten: 989031234509",
        "DialString: provider/sip:79031234509@host",
        'CallerID: "somebody" <79031234509>',
        "Channel: Local/FMGL-79031234509#@from-internal-00000010;2",
        "AppData: PJSIP/provider/sip:79031234509@host,30",
        "CallerIDName: 79031234509",
        "ChanVariable: SIPURI=sip:+79031234509@host",
        "Source: 89031234509",
    ],
)
def test_a_number_is_found_wherever_it_stands(company: ConfiguredCompany, line: str) -> None:
    [number] = find_clients([stream((line,))], company).numbers
    assert number.endswith("9031234509")


def test_numbers_of_the_same_client_stay_the_same_client(company: ConfiguredCompany) -> None:
    spellings = ("79031234509", "+79031234509", "89031234509", "8 903 123 45 09", "989031234509")
    raw = stream(*((f"CallerIDNum: {spelling}",) for spelling in spellings))
    _, left = scrub(raw, company)
    assert left.decode() == raw.decode().replace("1234509", "1000001").replace("123 45 09", "100 00 01")


def test_an_invented_number_is_as_valid_as_the_real_one(company: ConfiguredCompany) -> None:
    real = [
        "+442079460958",
        "+12125551234",
        "+4915112345678",
        "79031234509",
        "+3725123456",
        "790312345",
        "+77012345678",
    ]
    _, left = scrub(stream(*((f"CallerIDNum: {number}",) for number in real)), company)
    invented = re.findall(r"Num: (\S+)", left.decode())
    assert len(set(invented)) == len(real)
    for old, new in zip(real, invented, strict=True):
        assert len(new) == len(old)
        assert new[:-6] == old[:-6]
        assert (to_e164(new, "RU") is None) == (to_e164(old, "RU") is None)


def test_invented_digits_are_nobodys(company: ConfiguredCompany) -> None:
    raw = stream(("CallerIDNum: 79030000001",), ("CallerIDNum: 79040000002",), ("CallerIDNum: 79050000003",))
    _, left = scrub(raw, company)
    assert re.findall(r"Num: (\S+)", left.decode()) == ["79030000004", "79040000005", "79050000006"]


def test_an_excluded_number_stays_excluded_and_the_others_are_not(company: ConfiguredCompany) -> None:
    _, left = scrub(stream(("CallerIDNum: 79039991234",), ("CallerIDNum: 79031234509",)), company)
    assert [company.excludes(number) for number in re.findall(r"Num: (\S+)", left.decode())] == [True, False]


def test_a_local_number_without_its_area_code(company: ConfiguredCompany) -> None:
    raw = stream(("CallerIDNum: 234509",), ("Value: call 234509 back, not 1234509 nor 1.234509",))
    _, left = scrub(raw, company)
    assert left.decode() == raw.decode().replace(": 234509", ": 200001").replace("call 234509", "call 200001")


def test_a_number_in_the_name_of_a_device_of_the_map_stays(company: ConfiguredCompany) -> None:
    raw = stream(("Event: Newchannel", "Channel: PJSIP/78120001122-00000001", "CallerIDNum: 78120001122"))
    assert scrub(raw, company)[1] == raw


def test_a_colleagues_name_stays_and_a_clients_goes(company: ConfiguredCompany) -> None:
    raw = stream(
        ("CallerIDNum: 79031234509", "CallerIDName: Anna", "ConnectedLineNum: 135", "ConnectedLineName: Petr"),
        ("CallerIDNum: 79031234509", "CallerIDName: Petr"),
        ("Value: Anna and Annabel called Petr",),
    )
    _, left = scrub(raw, company)
    assert "CallerIDName: Client 1" in left.decode()
    assert "CallerIDName: Petr" in left.decode()
    assert "Value: Client 1 and Annabel called Petr" in left.decode()


def test_a_client_whose_name_is_a_word_of_asterisks_changes_no_event(company: ConfiguredCompany) -> None:
    names = ("Ring", "Up", "ANSWER", "Newchannel", "Uniqueid", "Client 1")
    raw = stream(
        *((*CALL[:4], f"CallerIDName: {name}", "ChannelStateDesc: Ring", "DialStatus: ANSWER") for name in names)
    )
    _, left = scrub(raw, company)
    invented = [f"Client {number}" for number in (2, 3, 4, 5, 6, 7)]
    assert re.findall(r"CallerIDName: (.*)\r", left.decode()) == invented
    assert left.count(b"ChannelStateDesc: Ring\r\nDialStatus: ANSWER") == len(names)
    assert left.count(b"Event: Newchannel\r\n") == len(names)


def test_text_that_is_not_utf_8(company: ConfiguredCompany) -> None:
    name = "Клиент".encode("cp1251")
    raw = b"CallerIDNum: 79031234509\r\nCallerIDName: " + name + b"\r\nOther: \xff " + name + b"\r\n\r\n"
    _, left = scrub(raw, company)
    assert left == b"CallerIDNum: 79031000001\r\nCallerIDName: Client 1\r\nOther: \xff Client 1\r\n\r\n"


def test_a_capture_that_is_cut_short(company: ConfiguredCompany) -> None:
    raw = stream(CALL) + b"Event: Hangup\r\nCallerIDNum: 79067654321\r\nConnectedLineNum: 7903123"
    _, left = scrub(raw, company)
    assert left.endswith(b"Event: Hangup\r\nCallerIDNum: 79067000002\r\nConnectedLineNum: 7000003")


def test_a_packet_over_the_limit_is_left_out(company: ConfiguredCompany) -> None:
    raw = stream(("CallerIDNum: 79067654321", "X: " + "x" * (1 << 20)), CALL)
    assert b"79067" not in scrub(raw, company)[1]


def test_a_busy_day(company: ConfiguredCompany) -> None:
    numbers = {f"790{number:08}": None for number in range(30_000_000, 30_003_000)}
    substitution = Substitution(Clients(numbers, {}), company)
    assert len({substitution.text(number) for number in numbers}) == len(numbers)
    assert not numbers.keys() & {substitution.text(number) for number in numbers}


def test_more_clients_than_digits(company: ConfiguredCompany) -> None:
    numbers = dict.fromkeys(f"3{number:04}" for number in range(1, 10_000))
    with pytest.raises(ValueError, match="more clients"):
        Substitution(Clients(numbers, {}), company)


# Any number at all.

NATIONAL = st.from_regex(r"\A9[0-9]{9}\Z")
PREFIXES = st.sampled_from(["+7", "7", "8", "", "98", "007"])
AROUND = st.sampled_from(["{}", "x{}y", "sip:{}@host", "in-{}-1795290990.28.wav", "134-{}-20261121", '"A" <{}>', "{}#"])


@settings(deadline=None)
@given(st.lists(st.tuples(NATIONAL, PREFIXES, AROUND), min_size=1, max_size=8))
def test_nothing_of_any_number_is_left(company: ConfiguredCompany, calls: list[tuple[str, str, str]]) -> None:
    packets = []
    for national, prefix, around in calls:
        number = prefix + national
        packets.append((f"CallerIDNum: {number}", f"Value: {around.format(number)}"))
    substitution, left = scrub(stream(*packets), company)
    assert scrub(stream(*packets), company)[1] == left
    text = left.decode()
    for national, prefix, _ in calls:
        if company.owns(prefix + national):
            continue
        assert national not in digits(text)
        new = substitution.text(prefix + national)
        assert new[: -len("123456")] == (prefix + national)[: -len("123456")]
        assert text.count(new) >= 2
        assert (company.e164(new) is None) == (company.e164(prefix + national) is None)
    reals = {substitution.text("7" + national) for national, _, _ in calls}
    assert len(reals) == len({national for national, _, _ in calls})
