"""`amibridge outbox`: the dead letters and what waits, retried and dropped by hand, beside a daemon or without one."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from amibridge.daemon.nudge import NUDGE, nudge
from tests.unit.durable import CALL, finished, opens, started
from tests.unit.operators import DONE, REFUSED, Operator, configuration, fill


@pytest.fixture
def operator(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Operator:
    """1 call.started: refused by sales; 2 card.open: refused by sales; 3 call.finished: waits. bus has had nothing."""
    fill(tmp_path, [started()], answers=[("sales", REFUSED)])
    fill(tmp_path, [opens(), finished()], answers=[("sales", REFUSED)])
    return Operator(configuration(tmp_path), capsysbinary)


def shown(operator: Operator) -> list[str]:
    """The lines of the table: number, CRM, state."""
    return [" ".join(line.split()[:3]) for line in operator.lines[1:]]


def listed(operator: Operator, *arguments: str) -> list[str]:
    assert operator.types("outbox", "list", *arguments) == 0
    return shown(operator)


CARD = "; nobody wants the card of a call that is over: cards are not retried"
WAITING = ["1 bus pending", "1 sales refused", "2 bus pending", "2 sales refused", "3 bus pending", "3 sales pending"]


def test_list_shows_what_waits_and_what_is_dead(operator: Operator) -> None:
    assert listed(operator) == WAITING
    assert operator.lines[0].split("  ")[0] == "seq"
    assert operator.lines[2].split()[-3:] == [f"{CALL}/call.started", "HTTP", "410"]


def test_list_by_crm_and_state(operator: Operator) -> None:
    assert listed(operator, "--crm", "sales") == ["1 sales refused", "2 sales refused", "3 sales pending"]
    assert listed(operator, "--state", "refused") == ["1 sales refused", "2 sales refused"]
    assert listed(operator, "--state", "done", "--state", "pending", "--crm", "sales") == ["3 sales pending"]


def test_list_says_when_it_is_cut_short(operator: Operator) -> None:
    assert listed(operator, "--limit", "2") == WAITING[:2]
    assert operator.err == "not more than 2 are shown; --limit shows more\n"


def test_show_tells_all_of_a_command(operator: Operator) -> None:
    assert operator.types("outbox", "show", "1") == 0
    assert operator.lines[0] == f"{CALL}/call.started, call.started"
    assert '      "client": "+79031234504",' in operator.lines
    assert operator.lines[-1].startswith("  refused by sales at ")
    assert operator.types("outbox", "show", "9") == 1
    assert "there is no command 9; `amibridge outbox list` shows" in operator.err


def test_retry_lets_a_dead_letter_be_tried_again(operator: Operator) -> None:
    assert operator.types("outbox", "retry", "1", "--crm", "sales") == 0
    assert operator.out == "1: to be tried again at 1 CRM\n"
    assert operator.err == "no daemon is running: it is tried when one starts\n"
    assert listed(operator, "--crm", "sales") == ["1 sales pending", "2 sales refused", "3 sales pending"]


def test_retry_leaves_cards_alone_and_says_so(operator: Operator) -> None:
    assert operator.types("outbox", "retry", "1", "2", "9") == 1
    assert operator.out == "1: to be tried again at 2 CRMs\n"
    cards, nothing, _ = operator.err.splitlines()
    assert cards == (f"2: {CALL}/134/card.open is left as it is: pending at bus, refused at sales{CARD}")
    assert nothing == "9: there is no such command; `amibridge outbox list` shows which there are"


def test_drop_gives_up(operator: Operator) -> None:
    assert operator.types("outbox", "drop", "2", "3") == 0
    assert operator.out == "2: dropped at 2 CRMs\n3: dropped at 2 CRMs\n"
    assert listed(operator) == WAITING[:2]
    assert operator.types("outbox", "drop", "2") == 1
    assert operator.err == f"2: {CALL}/134/card.open is left as it is: superseded at bus, superseded at sales{CARD}\n"


def test_drop_all_of_a_crm_that_is_old_enough(operator: Operator) -> None:
    assert operator.types("outbox", "drop", "--crm", "sales", "--older", "1d") == 0
    assert operator.out == "sales: 0 dropped\n"
    assert operator.types("outbox", "drop", "--crm", "sales", "--older", "0m") == 0
    assert operator.out == "sales: 3 dropped (1 pending, 2 refused)\n"
    assert listed(operator) == ["1 bus pending", "2 bus pending", "3 bus pending"]


@pytest.mark.parametrize(
    "arguments", [[], ["--crm", "sales"], ["--older", "0m"], ["1", "--crm", "bus", "--older", "0m"]]
)
def test_drop_takes_nothing_that_was_not_named(operator: Operator, arguments: list[str]) -> None:
    assert operator.types("outbox", "drop", *arguments) == 2
    assert operator.err == "name commands by their numbers, or take all of a CRM: --crm NAME --older 5d\n"
    assert listed(operator) == WAITING


def test_drop_of_many_goes_in_pieces(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amibridge.store.by_hand.AT_ONCE", 3)
    fill(tmp_path, [started(f"office:{number}") for number in range(10)])
    operator = Operator(configuration(tmp_path), capsysbinary)
    assert operator.types("outbox", "drop", "--crm", "bus", "--older", "0m") == 0
    assert operator.out == "bus: 10 dropped (10 pending)\n"
    assert len(listed(operator)) == 10


def test_what_is_done_is_left_alone(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [started()], answers=[("sales", DONE)])
    operator = Operator(configuration(tmp_path), capsysbinary)
    for action in ("retry", "drop"):
        assert operator.types("outbox", action, "1", "--crm", "sales") == 1
        assert operator.err == f"1: {CALL}/call.started is left as it is: done at sales\n"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has not taken the nudge: as a daemon in its first moments."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_nudge_ends_nobody(bystander: subprocess.Popen[bytes]) -> None:
    assert nudge(bystander.pid)
    bystander.communicate(b"\n", timeout=10)
    assert bystander.returncode == 0
    assert NUDGE is signal.SIGURG


def test_a_nudge_to_a_process_that_has_ended(bystander: subprocess.Popen[bytes]) -> None:
    bystander.communicate(b"\n", timeout=10)
    assert not nudge(bystander.pid)
    assert bystander.pid != os.getpid()
