"""What receivers are told of every real call is what the schema says, and what the page shows."""

import json

import pytest

from amibridge.crm.webhook import body
from tests.contract import wrong
from tests.replay.examples import PAGE, with_examples
from tests.replay.playing import Capture, captures, commands, listed, play


@pytest.mark.parametrize("one", [pytest.param(one, id=one.name) for one in captures() + listed()])
def test_every_message_is_as_the_schema_says(one: Capture) -> None:
    for command in commands(play(one.events, one.directory)):
        assert wrong(json.loads(body(command))) == []


def test_the_page_shows_one_real_message_of_each_type() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_examples(page), "python -m tests.replay.examples writes them anew"
