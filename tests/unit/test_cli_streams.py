"""What commands say, and where it goes: whatever comes from outside is visible, output that cannot be written is one
line and an exit status. Each command is a process of its own with a real device, pipe or closed descriptor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amibridge.cli import main
from tests.unit.durable import anchored, ended, started, verdict
from tests.unit.operators import configuration, fill
from tests.unit.test_cli_calls import OVER, RECORD

CAPTURES = Path(__file__).parents[1] / "replay/captures"
LAB = str(CAPTURES / "lab.yaml")
CAPTURE = str(CAPTURES / "asterisk-22/ringgroup_134_answers.ami.xz")
SCRUBBED = ["--scrub", "--from", CAPTURE, "--config", LAB, "-"]
HOSTILE = "\x1b]0;gone\x07\x9b31m\u202e4321\u2066\u200f\u061c\u2028\r\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A configuration with a store that holds a call and what a CRM would not take."""
    fill(tmp_path, OVER)
    return configuration(tmp_path)


def commands(config: str) -> list[list[str]]:
    of_store = [["calls"], ["calls", "--json"], ["explain", "+79031234504"], ["status"]]
    of_store += [["outbox", "list"], ["outbox", "show", "1"], ["outbox", "drop", "1"], ["check"]]
    of_capture = [["replay", CAPTURE], ["replay", "--json", CAPTURE], ["explain", CAPTURE, "+79031234504"]]
    return [
        *([*words, "--config", config] for words in of_store),
        *([*words, "--config", LAB] for words in of_capture),
        ["record", *SCRUBBED],
        *(["--help"], ["--version"], ["demo", "--fast"]),
    ]


def typed(words: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell starts it, with a redirection."""
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {redirection}', "bash", sys.executable, "-m", "amibridge", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_cannot_be_written_is_one_line(store: Path) -> None:
    for words in commands(str(store)):
        ended = typed(words, ">/dev/full")
        assert ended.returncode == 1, words
        *before, last = ended.stderr.splitlines()
        assert "cannot write the output: " in last, (words, ended.stderr)
        assert "No space left on device" in last
        assert not any("Traceback" in line or "Exception ignored" in line for line in before), ended.stderr


def test_a_reader_who_is_gone_is_no_trouble(store: Path) -> None:
    gone, writing = os.pipe()
    os.close(gone)
    for words in (["calls", "--config", str(store)], ["record", *SCRUBBED], ["--help"]):
        ended = subprocess.run(
            [sys.executable, "-m", "amibridge", *words], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
        )
        assert (ended.returncode, b"Error" in ended.stderr) == (141, False), (words, ended.stderr)
    os.close(writing)


def test_who_closes_standard_output_wants_the_exit_status_only(store: Path) -> None:
    for words in (["check"], ["calls"], ["outbox", "list"]):
        ended = typed([*words, "--config", str(store)], ">&-")
        assert ended.returncode == 0
        assert "Traceback" not in ended.stderr
    assert typed(["status", "--config", str(store)], ">&- 2>&-").returncode == 2


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_a_complaint_that_nobody_hears_changes_no_exit_status(tmp_path: Path, redirection: str) -> None:
    broken = configuration(tmp_path, "shadwo: true")
    assert typed(["run", "--config", str(broken)], redirection).returncode == 2
    assert typed(["check", "--config", str(broken)], redirection).returncode == 1


@pytest.mark.parametrize(
    "command", [["calls"], ["calls", "--json"], ["calls", "--extension", HOSTILE], ["explain", "office:1795290971.8"]]
)
def test_whatever_a_caller_writes_is_seen(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], command: list[str]
) -> None:
    record = RECORD | {"client": None, "client_raw": HOSTILE, "did": HOSTILE}
    fill(tmp_path, [anchored(), started(), verdict(HOSTILE), ended(**record)])
    assert main([*command, "--config", str(configuration(tmp_path))]) == 0
    shown = capsysbinary.readouterr().out.decode()
    assert not [sign for sign in shown.replace("\n", "") if not sign.isprintable()]
    assert "\\u202e4321" in shown


def test_whatever_a_file_says_is_seen(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Complaints too: they quote what stands in a file."""
    assert main(["check", "--config", str(configuration(tmp_path, r'"\e[2J\u202e": 1'))]) == 1
    assert b"\\u001b[2J\\u202e: unknown key" in capsysbinary.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["calls", "--limit", "-3"],
        ["calls", "--limit", "0"],
        ["calls", "--limit", "12345678901234567890"],
        ["calls", "--client", "abc"],
        ["calls", "--since", "9" * 400 + "w"],
        ["outbox", "list", "--limit", "-3"],
        ["outbox", "show", "-1"],
        ["outbox", "drop", "12345678901234567890"],
        ["outbox", "retry", "1", "x"],
        ["status", "--late", "nan"],
        ["status", "--late", "-5"],
        ["record", "out.ami", "--seconds", "inf"],
    ],
)
def test_nonsense_is_refused(words: list[str], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    *_, said = capsysbinary.readouterr().err.decode().splitlines()
    assert f"`{words[-1]}`" in said
    assert "write" in said
