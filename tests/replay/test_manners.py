"""Captures of dialplans in the manner of FreePBX and MikoPBX: what their shape shows of queues, routes, DIDs and
recordings, and who calls in."""

from collections.abc import Iterator

import pytest

from amibridge.calls import CommandType
from tests.replay.playing import Capture, captures, commands, play, records

MANNERS = ("freepbx-", "mikopbx-")
"""Folders of captures made on dialplans that the two projects' own generators wrote."""
STORIES = ("gr_", "lo_")
"""Captures of the laboratory's dialplans in the two manners."""


def of_a_manner(one: Capture) -> bool:
    return one.path.parent.name.startswith(MANNERS) or one.path.name.startswith(STORIES)


def each(*names: str) -> list[Capture]:
    """The captures of these names in every folder: each Asterisk, with and without channelvars and times."""
    found = [one for one in captures() if one.name.partition("/")[2] in names]
    if missing := set(names) - {one.name.partition("/")[2] for one in found}:
        raise LookupError(f"no capture is called {missing}")
    return found


def shown(value: Capture | str) -> str:
    """For the tests' names."""
    return value if isinstance(value, str) else value.name


def routes(one: Capture) -> Iterator[list[str]]:
    """What cards say of the way that the client's call came."""
    for command in commands(play(one.events, one.directory)):
        if command.type is CommandType.CARD_OPEN:
            yield command.data["call"]["route"]


def test_a_third_of_the_captures_is_of_other_peoples_dialplans() -> None:
    all_ = captures()
    assert 3 * sum(map(of_a_manner, all_)) >= len(all_)
    untimed = [one for one in all_ if b"\r\nTimestamp: " not in one.raw]
    with_variables = [one for one in all_ if b"\r\nChanVariable: FROM_DID=" in one.raw]
    assert untimed
    assert with_variables


@pytest.mark.parametrize("one", each("lo_queue_134", "lo_ivr_queue", "lo_attended_out_of_the_queue"), ids=shown)
def test_a_queue_behind_a_local_half_is_the_clients(one: Capture) -> None:
    (record,) = [record for record in records(play(one.events, one.directory)) if record["direction"] == "inbound"]
    assert record["queue"] == "QUEUE-7D2F0200"
    assert next(routes(one)) == ["QUEUE-7D2F0200", "2200200"]


@pytest.mark.parametrize("one", each("lo_consults_the_queue"), ids=shown)
def test_a_queue_that_a_colleague_asks_is_not_the_clients(one: Capture) -> None:
    assert {record["queue"] for record in records(play(one.events, one.directory))} == {None}


GROUPS = {"gr_group_recorded": "622", "gr_group_macro": "623", "any_did": "600", "call_back": "600"}


@pytest.mark.parametrize(
    ("one", "group"), [(one, group) for name, group in GROUPS.items() for one in each(name)], ids=shown
)
def test_rung_phones_tell_the_group(one: Capture, group: str) -> None:
    assert all(group in route for route in routes(one))
    assert list(routes(one))


@pytest.mark.parametrize("one", each("gr_did_account"), ids=shown)
def test_the_dialplan_knows_the_number_behind_an_accounts_name(one: Capture) -> None:
    (record,) = records(play(one.events, one.directory))
    has_variables = b"\r\nChanVariable: FROM_DID=" in one.raw
    assert record["did"] == ("74950000052" if has_variables else "account77")


@pytest.mark.parametrize(
    "one",
    each("gr_confirm_desk", "gr_confirm_silent", "confirm_desk", "confirm_mobile_late", "confirm_mobile_silent")
    + each("followme_silent"),
    ids=shown,
)
def test_the_forced_recording_of_a_prompt_is_not_the_talks(one: Capture) -> None:
    assert b"MIXMONITOR_FILENAME" in one.raw
    (record,) = records(play(one.events, one.directory))
    assert record["recordings"] == []


@pytest.mark.parametrize(
    "one", each("gr_confirm_mobile", "gr_followme_mobile", "confirm_mobile", "cf_mobile"), ids=shown
)
def test_the_mobile_that_takes_the_call_is_recorded(one: Capture) -> None:
    (record,) = records(play(one.events, one.directory))
    assert len(record["recordings"]) == 1


@pytest.mark.parametrize("one", each("lo_ivr_extension", "m_ivr_ext"), ids=shown)
def test_a_recording_has_the_name_that_the_dialplan_keeps_it_by_and_the_menus_is_left_out(one: Capture) -> None:
    (record,) = records(play(one.events, one.directory))
    (file,) = record["recordings"]
    assert file.endswith(".webm")
    assert "menu" not in file


@pytest.mark.parametrize("one", each("gr_own_number_shown", "gr_own_number_missed"), ids=shown)
def test_an_own_number_is_not_believed_and_not_invisible(one: Capture) -> None:
    (record,) = records(play(one.events, one.directory))
    assert (record["direction"], record["client"], record["client_raw"]) == ("inbound", None, "74957777777")


@pytest.mark.parametrize("one", each("gr_mobile_in_the_menu"), ids=shown)
def test_a_mobile_that_calls_in_and_reaches_a_machine_leaves_a_record(one: Capture) -> None:
    out = play(one.events, one.directory)
    (record,) = records(out)
    assert (record["direction"], record["initiator"], record["outcome"]) == ("internal", "134", "machine")
    assert commands(out) == []


@pytest.mark.parametrize("one", each("mobile_calls_in"), ids=shown)
def test_a_mobile_that_calls_in_and_talks_is_unverified(one: Capture) -> None:
    (record,) = records(play(one.events, one.directory))
    said = [(part["extension"], part["via_mobile"], part["unverified"]) for part in record["participants"]]
    assert said == [("134", True, True), ("120", False, False)]
