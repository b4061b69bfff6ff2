"""Framing and headers: the packets of a manager stream, whatever stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amibridge.ami.decode import Decoder, torn
from amibridge.ami.packets import LIMIT, Framer, headers
from amibridge.ami.timeline import Timeline
from amibridge.calls.channel import dialled_number, pair_name
from amibridge.calls.readable import readable

CHANNEL = b"Channel: PJSIP/provider-00000001\r\nChannelState: 4\r\nChannelStateDesc: Ring\r\nCallerIDNum: "
REST = b"CallerIDName: x\r\nContext: from-pstn\r\nExten: 600\r\nPriority: 1\r\nUniqueid: 7.1\r\nLinkedid: 7.1"


def newchannel(number: bytes) -> bytes:
    return b"Event: Newchannel\r\nPrivilege: call,all\r\n" + CHANNEL + number + b"\r\n" + REST


def test_the_banner_is_no_packet_and_hides_none() -> None:
    packets = Framer().feed(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: 1\r\n\r\n")
    assert [headers(packet).get("Response") for packet in packets] == ["Success"]


@given(st.lists(st.integers(1, 3 * LIMIT // 2), min_size=1, max_size=4), st.integers(1, LIMIT))
def test_packets_over_the_limit_are_dropped_and_counted_however_they_arrive(sizes: list[int], chunk: int) -> None:
    packets = [b"Event: X\r\nA: " + b"y" * size for size in sizes]
    stream = b"".join(packet + b"\r\n\r\n" for packet in packets)
    chunk = max(chunk, len(stream) // 50)
    framer = Framer()
    got = [packet for at in range(0, len(stream), chunk) for packet in framer.feed(stream[at : at + chunk])]
    assert got == [packet for packet in packets if len(packet) <= LIMIT]
    assert framer.dropped == len(packets) - len(got)
    assert framer.rest() == b""


def test_an_empty_line_too_many_belongs_to_no_packet() -> None:
    stream = b"Event: A\r\nB: 1\r\n\r\n\r\nEvent: C\r\nD: 2\r\n\r\n\r\n"
    for chunk in range(1, len(stream) + 1):
        framer = Framer()
        got = [packet for at in range(0, len(stream), chunk) for packet in framer.feed(stream[at : at + chunk])]
        assert got == [b"Event: A\r\nB: 1", b"Event: C\r\nD: 2"]


def test_headers_keep_repeated_values_empty_ones_and_colons() -> None:
    read = headers(b"Event: X\r\nVariable: a=1\r\nVariable: b=2\r\nEmpty: \r\nName: one: two")
    assert read["Event"] == "X"
    assert (read.get("Variable"), read.last("Variable"), read.all("Variable")) == ("a=1", "b=2", ["a=1", "b=2"])
    assert (read.get("Empty"), read.get("Name"), read.get("Absent")) == ("", "one: two", None)
    assert dict(read) == {"Event": "X", "Variable": "a=1", "Empty": "", "Name": "one: two"}


@given(st.binary(max_size=40).filter(lambda name: b"\r" not in name and b"\n" not in name))
def test_bytes_that_are_no_utf8_are_kept_without_loss(name: bytes) -> None:
    value = headers(b"Event: X\r\nCallerIDName: " + name).get("CallerIDName")
    assert value is not None
    assert value.encode("utf-8", "surrogateescape") == name
    readable(value).encode()


def test_names_in_cp1251_are_readable() -> None:
    raw = headers(b"Event: X\r\nCallerIDName: " + "Ольга".encode("cp1251"))["CallerIDName"]
    assert readable(raw) == "Ольга"


@pytest.mark.parametrize(
    ("name", "rest", "wanted"),
    [
        (b"Newchannel", b"Uniqueid: 1", True),
        (b"RTCPSent", b"Uniqueid: 1", False),
        (b"VarSet", b"Variable: FROM_DID\r\nValue: 1", False),
        (b"VarSet", b"Variable: MIXMONITOR_FILENAME\r\nValue: /a.wav", True),
        (b"VarSet", b"Variable: X\r\nValue: Variable: MIXMONITOR_FILENAME", False),
        (b"UserEvent", b"UserEvent: StartRecording\r\nrecordingfile: /a.webm", True),
        (b"UserEvent", b"UserEvent: CdrConnector\r\nAgiData: UserEvent: StartRecording", False),
    ],
)
def test_what_is_of_interest_is_known_by_the_name(name: bytes, rest: bytes, wanted: bool) -> None:
    packet = b"Event: " + name + b"\r\nPrivilege: call,all\r\n" + rest
    assert [event.name.encode() for event in Decoder(Timeline()).events([packet])] == ([name] if wanted else [])


def test_an_answer_that_speaks_of_an_event_is_none() -> None:
    assert list(Decoder(Timeline()).events([b"Response: Success\r\nEvent: Hangup\r\nPrivilege: call,all"])) == []


def test_an_event_without_privilege_is_none() -> None:
    """It is the rest of one that a caller tore apart, and he chose its name."""
    assert list(Decoder(Timeline()).events([b"Event: Hangup\r\n" + REST])) == []


@pytest.mark.parametrize("injected", [b"79031234504\r\n\r\nEvent: Hangup", b"7\r\nUniqueid: 1.1\r\n\r\nEvent: Hangup"])
def test_a_packet_torn_by_an_empty_line_in_the_number_is_mended(injected: bytes) -> None:
    stream = (
        newchannel(injected) + b"\r\n\r\n" + b"Event: Hangup\r\nPrivilege: call,all\r\n" + CHANNEL + b"1\r\n" + REST
    )
    packets = Framer().feed(stream + b"\r\n\r\n")
    assert torn(packets[0])
    events = list(Decoder(Timeline()).events(packets))
    assert [(event.name, event.headers.last("Uniqueid")) for event in events] == [
        ("Newchannel", "7.1"),
        ("Hangup", "7.1"),
    ]
    assert not any(torn(packet) for packet in Framer().feed(newchannel(b"79031234504") + b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("79031234504@provider", "79031234504"),
        ("provider/79031234504", "79031234504"),
        ("provider/sip:79031234504@10.0.0.1:5060", "79031234504"),
        ("provider/sips:+79031234504@host;user=phone", "+79031234504"),
        ("g1/79031234504", "79031234504"),
        ("134/sip:134@127.0.0.3:46640;ob", "134"),
        ("PJSIP/134", "134"),
        ("PJSIP/provider/sip:79031234504@host", "79031234504"),
        ("134", "134"),
        ("", None),
    ],
)
def test_the_dialled_number_stands_in_the_dial_string(dial_string: str, number: str | None) -> None:
    assert dialled_number(dial_string) == number


def test_halves_of_a_local_channel_find_each_other_by_name() -> None:
    assert pair_name("Local/134@from-queue-00000003;1") == "Local/134@from-queue-00000003;2"
    assert pair_name("Local/134@from-queue-00000003;2") == "Local/134@from-queue-00000003;1"
    assert pair_name("PJSIP/134-00000003;1") is None
