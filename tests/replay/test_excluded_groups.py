"""`exclude.groups` on dialplans of others: a ring group is excluded by the number that stands in `route`."""

import pytest

from amibridge.calls import CommandType
from tests.replay.playing import capture, commands, directory_with, play, records

CALLS = [
    ("freepbx-16-asterisk-16/ivr_group", "600", ["120"]),
    ("freepbx-16-asterisk-16-channelvars/group_recorded", "602", ["120"]),
    ("freepbx-17-asterisk-22/group_134", "600", ["134"]),
    ("freepbx-17-asterisk-22/confirm_mobile", "603", ["134"]),
    ("mikopbx-asterisk-22/m_queue", "2200100", ["134"]),
    ("mikopbx-asterisk-22/m2_fw_queue", "2200101", ["120"]),
]
"""A capture, the group that the client was sent to, and who talked. MikoPBX makes its groups of queues."""


@pytest.mark.parametrize(("name", "group", "talked"), CALLS)
def test_nobody_of_an_excluded_group_gets_a_card(name: str, group: str, talked: list[str]) -> None:
    one = capture(name)
    opened = [said for said in commands(play(one.events, one.directory)) if said.type is CommandType.CARD_OPEN]
    assert {said.extension for said in opened} == set(talked)
    assert all(group in said.data["call"]["route"] for said in opened)
    out = play(one.events, directory_with(one, exclude={"groups": [group]}))
    assert [said for said in commands(out) if said.type is CommandType.CARD_OPEN] == []
    assert [part["extension"] for record in records(out) for part in record["participants"]] == talked
    out = play(one.events, directory_with(one, exclude={"groups": ["699"]}))
    assert {said.extension for said in commands(out) if said.type is CommandType.CARD_OPEN} == set(talked)
