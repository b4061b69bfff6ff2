"""Callers who show a number of the company's, or a colleague's: each of them leaves a record."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amibridge.calls import Ended, Known
from amibridge.calls.explain import told as explained
from amibridge.directory.map_directory import MapDirectory
from tests.unit.event_tables import CLIENT, DID, MOBILE, Story, answers, client_calls, dials_out, leaves, office, rings

OWN = "74950000002"
COMPANY: dict[str, Any] = {"numbers": {"own": [f"+{OWN}"]}}
NOT_BELIEVED = f"{OWN} is one of the company's own numbers: a caller who shows it is not believed"


def of_134(told: Story) -> dict[str, Any]:
    (record,) = told.records
    (part,) = [part for part in record["participants"] if part["extension"] == "134"]
    return dict(part)


# An own number


@pytest.mark.parametrize("shown", [OWN, f"+{OWN}", f"8{OWN[1:]}"])
def test_a_caller_who_shows_an_own_number_is_a_client_whose_number_is_not_believed(shown: str) -> None:
    told = Story(office(**COMPANY)).play(
        client_calls(number=shown), rings(0.1, "134"), answers(2, "134"), leaves(9, "134", "client")
    )
    assert (told.record["client"], told.record["client_raw"]) == (None, shown)
    assert told.participants == ["134"]
    assert told.commands == ["0 call.started", "2 card.open 134", "9 card.close 134", "9 call.finished"]
    assert told.command("134/card.open").data["call"]["client"] is None
    assert NOT_BELIEVED.replace(OWN, shown, 1) in told.trail
    (ended,) = [output for output in told.out if isinstance(output, Ended)]
    assert NOT_BELIEVED.replace(OWN, shown, 1) in "\n".join(explained(ended))


def test_an_own_number_that_comes_late_is_not_believed_either() -> None:
    told = Story(office(**COMPANY)).play(
        client_calls(number=""), f"0.5 NewCallerid client CallerIDNum={OWN}", "1 Hangup client"
    )
    assert (told.record["client"], told.record["client_raw"]) == (None, OWN)
    assert NOT_BELIEVED in told.trail


def test_an_own_number_is_not_believed_after_a_restart() -> None:
    known = Known(call_id="office:1.8", channel=Story().uid("client"), client_raw=OWN, did=DID)
    story = Story(office(**COMPANY), known=[known]).present(5, f"client Up Dial - num={OWN}").play("9 Hangup client")
    assert (story.record["client"], story.record["client_raw"]) == (None, OWN)
    gone = Story(office(**COMPANY), known=[known]).present(5)
    assert (gone.record["client"], gone.record["client_raw"]) == (None, OWN)


def test_an_own_number_that_is_dialled_stays_no_client() -> None:
    told = Story(office(**COMPANY)).play(
        dials_out(0, "134", "line", OWN), answers(2, "line", source="134"), leaves(9, "134", "line")
    )
    assert (told.commands, told.clients) == ([], [])


# A colleague's mobile


def mobile_calls(line: str = "mobile") -> str:
    return f"0 Newchannel {line} Ring CallerIDNum={MOBILE} Exten={DID}\n"


def test_a_mobile_that_calls_in_and_talks_to_a_colleague() -> None:
    told = Story().play(
        mobile_calls(),
        rings(0.1, "120", source="mobile"),
        answers(2, "120", source="mobile"),
        leaves(9, "120", "mobile"),
    )
    assert told.commands == []
    (record,) = told.records
    assert (record["direction"], record["initiator"], record["client"]) == ("internal", "134", None)
    assert [part["extension"] for part in record["participants"]] == ["134", "120"]
    assert [part["unverified"] for part in record["participants"]] == [True, False]
    assert of_134(told)["via_mobile"] is True
    assert "unverified" in record["verdicts"]["134"]["because"]
    assert f"shows {MOBILE}, a mobile of 134: unverified" in told.trail


@pytest.mark.parametrize(
    ("happens", "outcome"),
    [
        ("5 Hangup mobile", "missed"),
        ("1 Newstate mobile Up\n5 Hangup mobile", "machine"),  # an IVR, voicemail
        (rings(0.1, "120", source="mobile") + "5 Hangup 120\n5 Hangup mobile", "missed"),
    ],
)
def test_a_mobile_that_calls_in_and_reaches_nobody_leaves_a_record(happens: str, outcome: str) -> None:
    told = Story().play(mobile_calls(), happens)
    assert told.commands == []
    (record,) = told.records
    assert (record["direction"], record["initiator"], record["outcome"]) == ("internal", "134", outcome)
    assert (record["answered"], record["participants"], record["cards"]) == (False, [], [])
    assert record["client_raw"] == MOBILE
    assert "unverified" in record["verdicts"]["134"]["because"]
    (ended,) = [output for output in told.out if isinstance(output, Ended)]
    assert f"between colleagues, begun by 134 at {MOBILE} (unverified)" in "\n".join(explained(ended))


def test_a_mobile_that_is_in_the_ivr_when_the_daemon_starts_leaves_a_record() -> None:
    told = Story().present(5, f"mobile Up BackGround - num={MOBILE}").play("9 Hangup mobile")
    (record,) = told.records
    assert (record["direction"], record["initiator"], record["partial"]) == ("internal", "134", True)


def test_a_mobile_that_calls_in_and_dials_out_calls_its_extensions_client() -> None:
    told = Story().play(
        mobile_calls(),
        f"""
        1    Newchannel   client Down
        1    DialBegin    mobile > client {CLIENT}@provider
        2    Newstate     client Up
        2    Newstate     mobile Up
        2    BridgeEnter  client b1
        2    BridgeEnter  mobile b1
        """,
        leaves(9, "client", "mobile"),
    )
    assert (told.record["direction"], told.record["initiator"]) == ("outbound", "134")
    assert told.record["client_raw"] == CLIENT
    assert of_134(told)["unverified"] is True
    assert told.cards == ["2 card.open 134", "9 card.close 134"]


def test_who_talks_at_the_desk_too_is_verified() -> None:
    told = Story().play(
        mobile_calls(),
        rings(0.1, "120", source="mobile"),
        answers(2, "120", source="mobile"),
        "3 Newchannel 134 Ring CallerIDNum=134\n3 Newstate 134 Up\n3 BridgeEnter 134 b1",
        leaves(9, "120", "134", "mobile"),
    )
    assert of_134(told)["unverified"] is False


def test_a_mobile_that_is_called_is_verified() -> None:
    told = Story().play(
        client_calls(),
        f"0.1 Newchannel mobile Down\n0.1 DialBegin client > mobile {MOBILE}@provider\n",
        answers(2, "mobile"),
        leaves(9, "mobile", "client"),
    )
    assert (of_134(told)["via_mobile"], of_134(told)["unverified"]) == (True, False)


def untrusted() -> MapDirectory:
    return office(map_={"trunks": [{"device": "PJSIP/provider", "trust_caller_id": False}]})


@pytest.mark.parametrize("directory", [office(mobiles={"calls_in": "client"}), untrusted()], ids=["setting", "trunk"])
def test_a_mobile_that_calls_in_as_a_client(directory: MapDirectory) -> None:
    told = Story(directory).play(
        mobile_calls(),
        rings(0.1, "120", source="mobile"),
        answers(2, "120", source="mobile"),
        leaves(9, "120", "mobile"),
    )
    assert (told.record["direction"], told.record["client"]) == ("inbound", f"+{MOBILE}")
    assert told.participants == ["120"]
    assert told.commands == ["0 call.started", "2 card.open 120", "9 card.close 120", "9 call.finished"]
    assert f"{MOBILE} is a mobile of 134, and whoever shows it counts as a client here" in told.trail


# Nobody is invisible


NUMBERS = st.sampled_from(
    ["", "anonymous", "134", "120", "s", "112", MOBILE, f"+{MOBILE}", OWN, f"8{OWN[1:]}", CLIENT, "<unknown>", "x" * 79]
)


@given(
    number=NUMBERS,
    did=st.sampled_from(["s", DID, OWN, "account77", "", "134"]),
    up=st.booleans(),
    reaches=st.sampled_from(["nobody", "a phone", "somebody"]),
    calls_in=st.sampled_from(["colleague", "client"]),
    trust=st.booleans(),
)
def test_every_call_that_comes_over_a_public_trunk_leaves_one_record(
    number: str, did: str, up: bool, reaches: str, calls_in: str, trust: bool
) -> None:
    trunks = [{"device": "PJSIP/provider", "trust_caller_id": trust}]
    story = Story(office(map_={"trunks": trunks}, mobiles={"calls_in": calls_in}, **COMPANY))
    story.play(client_calls(number=number or "<unknown>", did=did))
    story.play("0.1 Newstate client Up" if up else "")
    story.play(rings(1, "120") if reaches != "nobody" else "", answers(2, "120") if reaches == "somebody" else "")
    story.play("8 Hangup 120\n" if reaches != "nobody" else "", "9 Hangup client")
    (record,) = story.records
    talked = [part["extension"] for part in record["participants"]]
    if reaches == "somebody":
        assert "120" in talked
    assert record["answered"] is (reaches == "somebody")
    assert record["direction"] == "internal" or set(talked) <= {"120"}
    assert story.left == {}
