"""The schema of what receivers are told: it is one, it is closed, and it names what the core can say."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from amibridge.calls import CommandType, Finding
from amibridge.calls.outputs import Outcome
from amibridge.cli import main
from amibridge.crm.contract import schema
from amibridge.crm.webhook import body
from tests.contract import SCHEMA, wrong
from tests.replay.playing import capture, commands, play

ONE = capture("asterisk-22/ringgroup_134_answers")
MESSAGES = {command.type: json.loads(body(command)) for command in commands(play(ONE.events, ONE.directory))}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it, itself first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def test_it_is_a_schema_and_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == schema()


@pytest.mark.parametrize("type_", CommandType)
def test_a_message_with_something_undeclared_in_it_is_wrong(type_: CommandType) -> None:
    places = len(list(objects(MESSAGES[type_])))
    assert wrong(MESSAGES[type_]) == []
    for place in range(places):
        message = copy.deepcopy(MESSAGES[type_])
        list(objects(message))[place]["unheard_of"] = 1
        assert wrong(message), f"at {place}"


@pytest.mark.parametrize("type_", CommandType)
def test_a_message_with_something_left_out_is_wrong(type_: CommandType) -> None:
    """All but what stands there only if it is so, and the verdicts, whose names are extensions."""
    for place, whole in enumerate(objects(MESSAGES[type_])):
        for name in whole if "134" not in whole else ():
            message = copy.deepcopy(MESSAGES[type_])
            del list(objects(message))[place][name]
            assert wrong(message), f"without {name}"


def test_every_type_says_which_call_it_is_about() -> None:
    assert set(MESSAGES) == set(CommandType)
    for message in MESSAGES.values():
        assert message["data"]["call"]["id"] == MESSAGES[CommandType.CALL_STARTED]["data"]["call"]["id"]


def test_the_closed_lists_are_the_cores() -> None:
    named = SCHEMA["$defs"]
    assert set(SCHEMA["properties"]["type"]["enum"]) == {*CommandType, "ping"}
    assert set(named["record"]["properties"]["outcome"]["enum"]) == set(Outcome)
    assert set(named["verdict"]["properties"]["verdict"]["enum"]) == set(Finding)


def test_what_is_told_only_where_it_is_so_is_declared() -> None:
    opens, finished = copy.deepcopy(MESSAGES[CommandType.CARD_OPEN]), copy.deepcopy(MESSAGES[CommandType.CALL_FINISHED])
    opens["data"] |= {"unproven": True, "shortened": True}
    finished["data"]["record"]["fault"] = "a deadline: KeyError at parking.py:17"
    assert wrong(opens) == wrong(finished) == []


def test_a_ping_has_a_key_and_nothing_else() -> None:
    ping = {"type": "ping", "timestamp": "2026-11-21T19:56:09.056Z", "data": {"key": "check/1"}}
    assert wrong(ping) == []
    assert wrong({**ping, "data": {"key": "check/1", "call": {}}})
    assert wrong({**ping, "type": "pong"})
