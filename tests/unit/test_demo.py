"""The demonstration: what a newcomer sees first. It says what happens, and fails when a card is not right."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
import structlog
from rich.console import Console

from amibridge.demo.pbx import open_for_calls
from amibridge.demo.performance import Manner, Performance
from amibridge.demo.portal.telephony import Telephony
from amibridge.demo.quiet import quiet
from amibridge.demo.stories import STORIES, Story
from amibridge.demo.telling import Teller
from amibridge.demo.words import WORDS, language_of
from tests.unit.manager_server import event

PLAIN = {"LANG": "C", "LC_ALL": "C", "TERM": "dumb", "PYTHONIOENCODING": "ascii"}


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "amibridge", "demo", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


async def test_the_story_of_134_and_120() -> None:
    run = await asyncio.to_thread(demo, "--lang", "en")
    assert (run.returncode, run.stderr) == (0, "")
    story = run.stdout.partition("2. ")[0]
    said = [line.split(maxsplit=1)[1] for line in story.splitlines() if line.startswith("   ")]
    expected = [
        "client 79031234504 calls 74950000002",
        "134 Ольга Смирнова rings",
        "134 Ольга Смирнова answers",
        "the client's card opens at 134 Ольга Смирнова",
        "134 Ольга Смирнова hangs up",
        "the card closes at 134 Ольга Смирнова",
        "record: 134 Ольга Смирнова, talked 2 s",
    ]
    assert [line for line in said if line in expected] == expected
    assert "120 Иван Петров rings" in said
    assert any(line.startswith("120 no card  answered elsewhere: ") for line in said)
    assert not any("card opens at 120" in line for line in said)
    assert "7 calls, 6 cards due, 6 opened, 0 wrong." in run.stdout


async def test_in_russian_and_without_any_terminal() -> None:
    run = await asyncio.to_thread(demo, "--fast", "--lang", "ru")
    assert (run.returncode, run.stderr) == (0, "")
    assert "карточка клиента открывается у 134 Ольга Смирнова" in run.stdout
    plain = await asyncio.to_thread(demo, **PLAIN)
    assert (plain.returncode, plain.stderr) == (0, "")


async def test_the_log_of_the_daemon_is_shown_when_asked_for() -> None:
    run = await asyncio.to_thread(demo, "--fast", "--log")
    assert run.returncode == 0
    assert "event=card.open" in run.stderr
    assert "Traceback" not in run.stderr


async def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "amibridge", "demo", "--fast"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    while b"2. " not in await process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 130
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


@pytest.fixture
def silence() -> Iterator[None]:
    """The log of this process is silent for one test."""
    quiet()
    yield
    structlog.reset_defaults()


async def performed(story: Story) -> Performance:
    performance = Performance(Manner(paced=False, language="en"), Console(file=io.StringIO()), [story])
    async with asyncio.timeout(60):
        assert await performance.run()
    return performance


@dataclass(frozen=True)
class Otherwise(Story):
    """The same events, and another truth."""

    @cached_property
    def talked(self) -> Sequence[str]:
        return ["120"]


@pytest.mark.usefixtures("silence")
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_every_story_is_right(story: Story) -> None:
    assert (await performed(story)).wrong == []


@pytest.mark.usefixtures("silence")
async def test_a_card_for_somebody_else_is_wrong() -> None:
    told = await performed(Otherwise(STORIES[0].name, STORIES[0].titles))
    assert told.wrong == [
        "a card opened for 134 Ольга Смирнова, who did not talk to the client",
        "120 Иван Петров talks to the client, and no card opened",
        "the call's records are 134, and should be 120",
    ]


@pytest.mark.usefixtures("silence")
async def test_a_portal_that_shows_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amibridge.demo.performance.PATIENCE", 1.0)
    monkeypatch.setattr(Telephony, "show", lambda portal, params: True)
    told = await performed(STORIES[0])
    assert told.wrong[0] == "134 Ольга Смирнова talks to the client, and no card opened"


@pytest.mark.parametrize(
    ("packets", "told"),
    [
        ([event("Newchannel", Channel="PJSIP/provider-1", ChannelStateDesc="Ring", Exten="7495")], ["calls"]),
        ([event("Newchannel", Channel="PJSIP/134-1", ChannelStateDesc="Ring", Exten="8903")], ["dials"]),
        ([event("Newchannel", Channel="Local/134@q-1;1", ChannelStateDesc="Ring")], []),
        ([event("Newstate", Channel="PJSIP/134-1", ChannelStateDesc="Ringing")] * 2, ["rings"]),
        (
            [
                event("Newstate", Channel="PJSIP/134-1", ChannelStateDesc="Ringing"),
                event("Newstate", Channel="PJSIP/134-1", ChannelStateDesc="Up"),
                event("Hangup", Channel="PJSIP/134-1"),
            ],
            ["rings", "answers", "hangs up"],
        ),
        (
            [
                event("Newstate", Channel="PJSIP/134-1", ChannelStateDesc="Ringing"),
                event("Hangup", Channel="PJSIP/134-1"),
            ],
            ["rings", "silent"],
        ),
        ([event("Newstate", Channel="PJSIP/provider-1", ChannelStateDesc="Up")], ["client answers"]),
        ([event("QueueCallerJoin", Channel="PJSIP/provider-1", Queue="700")], ["waits"]),
        ([event("BlindTransfer", TransfererChannel="PJSIP/134-1", Extension="120")], ["hands on"]),
        ([event("ChanSpyStart", SpyerChannel="PJSIP/136-1")], ["listens"]),
        ([event("Hangup", Channel="PJSIP/provider-1")], ["client gone"]),
    ],
)
def test_what_is_told_of_events(packets: list[bytes], told: list[str]) -> None:
    teller = Teller({"134": "Olga"})
    said = [sentence for packet in packets for sentence in teller.tell(packet.removesuffix(b"\r\n\r\n"))]
    assert [key for key, _ in said] == told
    for language in WORDS.values():
        for key, named in said:
            assert language[key].format(**named)


def test_both_languages_have_all_words() -> None:
    assert WORDS["en"].keys() == WORDS["ru"].keys()
    assert all(story.titles.keys() == WORDS.keys() for story in STORIES)


@pytest.mark.parametrize(("locale", "language"), [("ru_RU.UTF-8", "ru"), ("en_US", "en"), ("C", "en"), ("", "en")])
def test_the_language_of_a_locale(locale: str, language: str) -> None:
    assert language_of(locale) == language


async def test_the_pbx_refuses_what_it_does_not_know() -> None:
    async with open_for_calls() as pbx:
        reader, writer = await asyncio.open_connection("127.0.0.1", pbx.port)
        writer.write(b"Action: Originate\r\nActionID: 7\r\n\r\n")
        assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
        assert await reader.readuntil(b"\r\n\r\n") == b"Response: Error\r\nActionID: 7\r\n\r\n"
        writer.close()
