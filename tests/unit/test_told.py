"""What is believed of a packet: headers where Asterisk puts them, times and arrivals where they belong."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import amibridge.calls
from amibridge.ami.decode import Decoder, torn
from amibridge.ami.packets import END, Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import HANDLERS, Event, Headers
from amibridge.calls.layout import BLOCK, LAYOUTS

UID = "1795000000.7"
CHANNEL = {
    **dict.fromkeys(BLOCK, ""),
    "Channel": "PJSIP/provider-00000007",
    "ChannelState": "4",
    "ChannelStateDesc": "Ring",
    "Priority": "1",
    "CallerIDNum": "79031234504",
    "Context": "from-pstn",
    "Exten": "600",
    "Uniqueid": UID,
    "Linkedid": UID,
}


def described(prefix: str = "", variables: Sequence[str] = (), **changed: str) -> list[str]:
    """A channel's description, as Asterisk writes it."""
    lines = [f"{prefix}{name}: {value}" for name, value in {**CHANNEL, **changed}.items()]
    return [*lines, *(f"{prefix}ChanVariable: {variable}" for variable in variables)]


def event(name: str, *lines: str, stamp: str | None = None) -> Event:
    return Event(name, 0.0, 0.0, Headers("\r\n".join(packet(name, *lines, stamp=stamp))))


def packet(name: str, *lines: str, stamp: str | None = None) -> list[str]:
    return [f"Event: {name}", "Privilege: call,all", *([f"Timestamp: {stamp}"] if stamp else []), *lines]


def heard(*packets: Sequence[str], captured: bool = False, received: float | None = None) -> list[Event]:
    stream = b"".join("\r\n".join(lines).encode() + END for lines in packets)
    return list(Decoder(Timeline(), captured=captured).events(Framer().feed(stream), received))


def test_every_event_of_use_has_its_layout() -> None:
    assert HANDLERS.keys() <= LAYOUTS.keys()


def test_there_is_no_other_way_to_a_header() -> None:
    rooms = Path(amibridge.calls.__file__).parent.glob("*.py")
    asking = {room.name for room in rooms if re.search(r"event\.headers|self\.headers", room.read_text())}
    # Whom a fault of our own may concern is asked of every line: rather one call too many than one too few.
    assert asking == {"event.py", "faults.py"}


@pytest.mark.parametrize(
    ("number", "header", "value"),
    [
        ("7\r\nUniqueid: 1.1\r\nLinkedid: 1.1", "Uniqueid", UID),
        ("7\r\nExten: 666", "Exten", "600"),
        ("7\r\nContext: x\r\nExten: 666\r\nPriority: 1", "Exten", "600"),
        ("7\r\nCallerIDName: Boss", "CallerIDName", ""),
        ("7\r\nCallerIDName: Boss\r\nConnectedLineNum: 1", "CallerIDName", None),
        ("7\r\nChannel: PJSIP/134-00000001\r\nChannelStateDesc: Up", "Channel", "PJSIP/provider-00000007"),
        ("7\r\nChannel: PJSIP/134-00000001\r\nChannelStateDesc: Up", "ChannelStateDesc", "Ring"),
        ("7\r\nCause: 21\r\nCause-txt: x", "Cause", "16"),
        ("7\r\nTechCause: x", "TechCause", None),
    ],
)
def test_a_header_counts_where_its_place_is_provable(number: str, header: str, value: str | None) -> None:
    said = event("Hangup", *described(CallerIDNum=number), "Cause: 16", "Cause-txt: Normal")
    assert said.told(header) == value
    assert said.told("CallerIDNum") == "7"


def test_what_was_dialled_can_hold_the_end_of_a_description() -> None:
    exten = "600\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1"
    assert event("Newstate", *described(Exten=exten)).told("Uniqueid") == UID
    said = event("Newstate", *described(Exten=f"{exten}\r\nChanVariable: a=1", variables=["FROM_DID=1"]))
    assert (said.told("Uniqueid"), said.told("Exten"), said.variable("FROM_DID")) == (None, "600", None)
    assert said.told("Channel") == "PJSIP/provider-00000007"


def test_the_account_of_a_channel_that_is_just_being_born_is_the_configurations() -> None:
    exten = "600\r\nContext: \r\nExten: 666"
    assert event("Newchannel", *described(Exten=exten)).told("Exten") == "600"
    assert event("Newstate", *described(Exten=exten)).told("Exten") is None


def test_one_who_calls_and_one_who_is_called_cannot_be_exchanged() -> None:
    number = "7\r\nDestUniqueid: 1.1\r\nDestChannel: PJSIP/134-00000001\r\nUniqueid: 1.1"
    source, dialled = described(CallerIDNum=number), described("Dest", ConnectedLineNum=number, Uniqueid="9.9")
    said = event("DialBegin", *source, *dialled, "DialString: 79031234504@provider")
    assert (said.told("Uniqueid"), said.told("DestUniqueid")) == (UID, "9.9")
    assert said.told("DestChannel") == CHANNEL["Channel"]
    click = event("DialBegin", *dialled, "DialString: 134\r\nChannel: PJSIP/120-00000001")
    assert (click.told("Channel"), click.told("DestUniqueid"), click.told("DialString")) == (None, "9.9", "134")


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        (["FROM_DID=600"], "600"),
        (["FILE=/a-7.wav", "FROM_DID=600"], "600"),
        (["FILE=/a-7\r\nChanVariable: FROM_DID=666\r\n.wav", "FROM_DID=600"], None),
        (["FROM_DID=600", "FILE=/a-7\r\nChanVariable: FROM_DID=666\r\n.wav"], "600"),
        (["FILE=/a-7\r\nUniqueid: 1.1\r\nLinkedid: 1.1", "FROM_DID=600"], "600"),
        ([], None),
    ],
)
def test_a_variable_that_may_be_part_of_anothers_value_is_none(variables: list[str], value: str | None) -> None:
    said = event("Newstate", *described(variables=variables, CallerIDNum="7\r\nChanVariable: FROM_DID=666"))
    assert said.variable("FROM_DID") == value
    assert said.told("Uniqueid") == UID


@pytest.mark.parametrize(
    "stamp", ["1e12", "inf", "nan", "-1.000000", "99999999999.000000", "1795000000", "", "1_0.000000"]
)
def test_a_time_that_asterisk_would_not_write_is_none(stamp: str) -> None:
    (said,) = heard(packet("Newstate", *described(), stamp=stamp), received=1795000001.5)
    assert said.wall == 1795000001.5


def test_a_time_counts_only_behind_privilege() -> None:
    (said,) = heard(
        packet("Newstate", *described(CallerIDNum="7\r\nTimestamp: 1795000000.250000")), received=1795000001.5
    )
    assert said.wall == 1795000001.5
    (said,) = heard(packet("Newstate", *described(), stamp="1795000000.250000"), received=1795000001.5)
    assert said.wall == 1795000000.25


def test_an_arrival_counts_only_in_what_record_has_written() -> None:
    arrival = "Received: 1700000000.000000"
    written = packet("DialBegin", *described(), *described("Dest"), f"DialString: 1\r\n{arrival}")
    (said,) = heard(written, received=1795000001.5)
    assert said.wall == 1795000001.5
    first = ["Response: Success", "Message: Authentication accepted"]
    (said,) = heard(first, written, captured=True)
    assert math.isnan(said.wall)
    recorded = [[*first, "Received: 1795000000.000000"], [*written, "Received: 1795000002.000000"]]
    assert [said.wall for said in heard(*recorded, captured=True)] == [1795000002.0]


NEXT = packet(
    "BridgeEnter",
    *(
        f"{name}: x"
        for name in (
            "BridgeUniqueid",
            "BridgeType",
            "BridgeTechnology",
            "BridgeCreator",
            "BridgeName",
            "BridgeNumChannels",
            "BridgeVideoSourceMode",
        )
    ),
    *described(Uniqueid="9.9"),
)


@pytest.mark.parametrize(
    "lines",
    [
        packet("Newstate", *described(variables=["FROM_DID=100ChannelStateDesc: "])),
        packet("Newstate", *described(variables=["FROM_DID=100\r\nChannelStateDesc: Up"])),
        packet("VarSet", *described(), "Variable: MIXMONITOR_FILENAME", "Value: /a ChannelStateDesc: Up"),
        packet("Hangup", *described(), "Cause: 16", "Cause-txt: DestChannelStateDesc: "),
    ],
)
def test_a_description_in_a_value_does_not_glue_the_next_packet_on(lines: list[str]) -> None:
    assert not torn("\r\n".join(lines).encode())
    assert [said.told("Uniqueid") for said in heard(lines, NEXT)] == [UID, "9.9"]


@pytest.mark.parametrize("place", ["CallerIDNum", "CallerIDName", "ConnectedLineNum", "AccountCode", "Exten"])
@pytest.mark.parametrize(
    "text",
    [
        "\r\n\r\nEvent: Hangup\r\nPrivilege: call,all",
        "\r\n\r\nx\r\n\r\nUniqueid: 1.1",
        "\r\n\r\nEvent: CoreShowChannel",
    ],
)
def test_a_torn_packet_is_mended_wherever_it_is_torn(place: str, text: str) -> None:
    lines = packet("Hangup", *described(**{place: f"7{text}"}), "Cause: 16", "Cause-txt: Normal")
    varset = packet("VarSet", *described(**{place: f"7{text}"}), "Variable: X", "Value: 1")
    told = heard(NEXT, lines, varset, NEXT)
    assert [(said.name, said.told("Uniqueid")) for said in told] == [
        ("BridgeEnter", "9.9"),
        ("Hangup", UID),
        ("BridgeEnter", "9.9"),
    ]


def test_the_rest_of_a_packet_that_looks_whole() -> None:
    exten = "600\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\nx"
    assert [said.told("Uniqueid") for said in heard(packet("Newchannel", *described(Exten=exten)), NEXT)] == [
        UID,
        "9.9",
    ]
    variables = ["FILE=/a-7\r\n\r\n.wav", "FROM_DID=600"]
    (said, _) = heard(packet("Newstate", *described(variables=variables)), NEXT)
    assert said.variable("FROM_DID") == "600"


def test_a_packet_that_is_cut_off_swallows_no_other() -> None:
    cut = packet("Newstate", *described()[:5])
    assert [said.told("Uniqueid") for said in heard(NEXT, cut, NEXT)] == ["9.9", "9.9"]
