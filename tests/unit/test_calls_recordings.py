"""Which recordings are the call's: those of the talk, by the name that the file will have."""

import pytest

from tests.unit.event_tables import MOBILE, Story, answers, client_calls, dials_out, leaves, rings

FILE = "/spool/monitor/one.wav"


def records(at: float, channel: str, file: str = FILE) -> str:
    return f"{at} VarSet {channel} Variable=MIXMONITOR_FILENAME Value={file}\n{at} MixMonitorStart {channel}\n"


def to_a_mobile_behind_a_prompt(takes: str) -> str:
    """134's mobile is dialled through a Local pair that is recorded, and its callee hears a prompt."""
    pair = "Local/9161112233@out"
    return f"""
        0.1  Newchannel  {pair};1 Down
        0.1  Newchannel  {pair};2 Ring
        0.1  LocalBridge {pair};1 {pair};2
        0.1  DialBegin   client > {pair};1
        {records(0.2, f"{pair};2")}
        0.3  Newchannel  mobile Down
        0.3  DialBegin   {pair};2 > mobile {MOBILE}@provider
        1.0  Newstate    mobile Up
        {takes}
    """


def test_the_prompt_to_a_mobile_is_not_the_talks() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "120"),
        to_a_mobile_behind_a_prompt(""),
        answers(3, "120"),
        leaves(9, "120", "client"),
    )
    assert told.participants == ["120"]
    assert told.record["recordings"] == []


def test_the_mobile_that_takes_the_call_is_recorded_on_its_way() -> None:
    takes = """
        3  Newstate    client Up
        3  BridgeEnter Local/9161112233@out;2 b2
        3  BridgeEnter mobile b2
        3  BridgeEnter Local/9161112233@out;1 b1
        3  BridgeEnter client b1
    """
    told = Story().play(client_calls(), to_a_mobile_behind_a_prompt(takes), leaves(9, "mobile", "client"))
    assert told.participants == ["134"]
    assert told.record["recordings"] == [FILE]


def test_the_clients_own_channel_may_be_recorded_from_the_beginning() -> None:
    told = Story().play(client_calls(), records(0.1, "client"), "5 Hangup client")
    assert told.record["recordings"] == [FILE]


@pytest.mark.parametrize("at", [1.5, 4.0])
def test_a_phone_that_is_recorded_before_or_in_the_talk(at: float) -> None:
    early, late = (records(at, "134"), "") if at < 2 else ("", records(at, "134"))
    told = Story().play(client_calls(), rings(0.1, "134"), early, answers(2, "134"), late, leaves(9, "134", "client"))
    assert told.record["recordings"] == [FILE]


def test_a_phone_that_dials_out_is_recorded_once_the_client_has_answered() -> None:
    dials = dials_out(0, "134").replace("0 Newchannel client", f"{records(0, '134')}0 Newchannel client", 1)
    assert Story().play(dials, "9 Hangup client 17", "9 Hangup 134").record["recordings"] == []
    told = Story().play(dials, answers(2, "client", source="134"), leaves(9, "134", "client"))
    assert told.record["recordings"] == [FILE]


def test_a_recording_that_stopped_before_the_talk_is_not_the_talks() -> None:
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        records(0.5, "134"),
        "1 MixMonitorStop 134",
        answers(2, "134"),
        leaves(9, "134", "client"),
    )
    assert told.record["recordings"] == []


@pytest.mark.parametrize("at", [1.5, 4.0])
def test_the_dialplan_says_under_which_name_the_file_will_be_kept(at: float) -> None:
    renamed = f"{at} UserEvent 134 UserEvent=StartRecording recordingfile=/spool/monitor/one.webm\n"
    early, late = (renamed, "") if at < 2 else ("", renamed)
    told = Story().play(
        client_calls(),
        rings(0.1, "134"),
        records(1, "134"),
        early,
        answers(2, "134"),
        late,
        leaves(9, "134", "client"),
    )
    assert told.record["recordings"] == ["/spool/monitor/one.webm"]


def test_other_events_of_the_dialplan_say_nothing_of_recordings() -> None:
    told = Story().play(
        client_calls(), "0.1 UserEvent client UserEvent=CdrConnector recordingfile=/etc/passwd", "1 Hangup client"
    )
    assert told.record["recordings"] == []
