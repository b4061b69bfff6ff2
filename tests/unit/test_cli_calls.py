"""`amibridge calls` and `amibridge explain` of the store: what people read when they ask what happened."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from amibridge.calls import Finding, Output
from amibridge.calls.readable import visible
from amibridge.cli.moment import moment
from amibridge.store import Result, State
from tests.unit.durable import CALL, WALL, anchored, closes, ended, finished, opens, started, verdict
from tests.unit.event_tables import Story, answers, client_calls, office, rings
from tests.unit.operators import DONE, REFUSED, Operator, configuration, fill
from tests.unit.test_imports import LIGHT_HELP, loaded_by

LIVE = "office:1795290990.9"
RECORD: dict[str, Any] = {
    "line": None,
    "queue": None,
    "initiator": None,
    "answered_at": "2026-11-21T19:56:12.250Z",
    "ended_at": "2026-11-21T19:56:15.250Z",
    "answered": True,
    "outcome": "answered",
    "participants": [{"extension": "134", "talk_seconds": 3.0}],
    "rang": ["120", "134"],
    "consulted": [],
    "transfers": [],
    "cards": [{"extension": "134", "opened_at": "2026-11-21T19:56:12.250Z", "closed_at": "2026-11-21T19:56:15.250Z"}],
    "verdicts": {
        "120": {"verdict": "answered elsewhere", "because": "PJSIP/120 rang; 134 took the call"},
        "134": {"verdict": "participant", "because": "in conversation with the client"},
    },
    "partial": False,
}
OVER: list[Output] = [
    *(anchored(), started(), opens(), verdict("134"), closes()),
    *(finished(), verdict("120", Finding.ANSWERED_ELSEWHERE), ended(**RECORD)),
]
RUNNING: list[Output] = [anchored(LIVE, "1795290990.9"), started(LIVE), opens("134", LIVE), verdict("134", call=LIVE)]


@pytest.fixture
def operator(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Operator:
    fill(tmp_path, OVER, RUNNING)
    return Operator(configuration(tmp_path), capsysbinary)


def shown(operator: Operator) -> list[str]:
    """The calls of the table."""
    column = operator.lines[0].index("call  ") if operator.lines[1:] else 0
    return [line[column:].split()[0] for line in operator.lines[1:]]


def test_calls_are_a_table_the_latest_first(operator: Operator) -> None:
    assert operator.types("calls") == 0
    head, live, over = (re.split(r"  +", line) for line in operator.lines)
    assert head == ["began (UTC)", "direction", "client", "did", "outcome", "talked", "cards", "call", "notes"]
    client = ["2026-11-21 19:56:11", "inbound", "+79031234504", "74950000002"]
    assert live == [*client, "live", "134", "134", LIVE, "134: waits for bus, waits for sales"]
    never = "not needed by {} any more (closed before it was shown)"
    both = f"134: {never.format('bus')}, {never.format('sales')}"
    assert over == [*client, "answered", "134:3.0s", "134", CALL, both]


def test_live_calls_only(operator: Operator) -> None:
    assert operator.types("calls", "--live") == 0
    assert shown(operator) == [LIVE]


@pytest.mark.parametrize("number", ["8 (903) 123-45-04", "+79031234504", "79031234504"])
@pytest.mark.parametrize("live", [(), ("--live",)])
def test_a_client_is_found_however_the_number_is_written(operator: Operator, number: str, live: list[str]) -> None:
    operator.types("calls", "--client", number, *live)
    assert shown(operator) == [LIVE] if live else [LIVE, CALL]
    operator.types("calls", "--client", "+79030000000", *live)
    assert shown(operator) == []


def test_calls_of_an_extension(operator: Operator) -> None:
    operator.types("calls", "--extension", "120")
    assert shown(operator) == [CALL]
    operator.types("calls", "--extension", "120", "--live")
    assert shown(operator) == []


def test_who_calls_in_with_a_number_of_the_companys_is_found_by_it(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    mobile, own = "79161112233", "74950000002"
    story = Story(office(numbers={"own": [f"+{own}"]})).play(
        f"0 Newchannel one Ring CallerIDNum={mobile} Exten={own}\n1 Newstate one Up\n2 Hangup one",
        f"3 Newchannel two Ring CallerIDNum={own} Exten={own}\n4 Hangup two",
    )
    called_in, not_believed = (record["call_id"] for record in story.records)
    fill(tmp_path, story.out)
    operator = Operator(configuration(tmp_path), capsysbinary)
    for asked, found in ((mobile, called_in), (f"+{mobile}", called_in), (own, not_believed)):
        operator.types("calls", "--client", asked)
        assert shown(operator) == [found]
    operator.types("calls", "--extension", "134")
    assert shown(operator) == [called_in]
    assert operator.types("explain", mobile, "134") == 0
    assert "unverified, a number can be forged" in operator.out
    assert operator.types("explain", own) == 0
    assert "a caller who shows it is not believed" in operator.out


def test_calls_since(operator: Operator) -> None:
    operator.types("calls", "--since", "2026-11-21T19:56:11")
    assert shown(operator) == [LIVE, CALL]
    operator.types("calls", "--since", "2026-11-21T19:56:11+02:00")
    assert shown(operator) == [LIVE, CALL]
    operator.types("calls", "--since", "2026-11-21T19:56:12")
    assert shown(operator) == []


def test_moments_ago_are_counted_from_now() -> None:
    before = time.time()
    assert before - 7200 <= moment("2h") <= time.time() - 7200


def test_a_moment_that_is_none(operator: Operator, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with pytest.raises(SystemExit) as exit_:
        operator.types("calls", "--since", "yesterday")
    assert exit_.value.code == 2
    assert b"`yesterday` is no time; write 30m, 2h," in capsysbinary.readouterr().err


def test_who_is_cut_short_is_told(operator: Operator) -> None:
    operator.types("calls", "--limit", "1")
    assert shown(operator) == [LIVE]
    assert operator.err == "not more than 1 are shown; --limit shows more\n"


def test_json_is_the_output_contract(operator: Operator) -> None:
    operator.types("calls", "--json")
    live, over = map(json.loads, operator.lines)
    assert over["call_id"] == CALL
    assert over["participants"] == RECORD["participants"]
    assert live["call_id"] == LIVE
    assert (live["ended_at"], live["outcome"], live["answered"]) == (None, None, True)
    (card,) = live["cards"]
    assert card.pop("not_shown") == ["waits for bus", "waits for sales"]
    assert card == {"extension": "134", "opened_at": "2026-11-21T19:56:11.250Z", "closed_at": None}
    assert over.keys() <= live.keys()


def test_a_callers_name_steers_no_terminal(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, [anchored(), ended(**RECORD | {"client": None, "client_raw": "\x1b[2J\udcef\x9b1m"})])
    operator = Operator(configuration(tmp_path), capsysbinary)
    operator.types("calls")
    assert "\\u001b[2J" in operator.out
    operator.types("calls", "--json")
    assert not set("\x1b\x9b") & set(operator.out)
    assert json.loads(operator.out)["client_raw"] == "\x1b[2J\N{REPLACEMENT CHARACTER}\x9b1m"


def test_explain_tells_a_call_of_the_store(operator: Operator) -> None:
    assert operator.types("explain", CALL) == 0
    assert operator.lines[0].startswith(f"Call {CALL}: +79031234504 called 74950000002, 2026-11-21 from 19:56:11.250")
    assert "  120: answered elsewhere. No card." in operator.lines
    assert "  134: participant. Card from 19:56:12.250 to 19:56:15.250." in operator.lines
    assert "  19:56:12.250     134  PJSIP/134 rings" in operator.lines


def test_explain_tells_what_became_of_each_command(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    answers = [("sales", DONE), ("sales", DONE), ("bus", REFUSED)]
    fill(tmp_path, RUNNING, answers=answers)
    operator = Operator(configuration(tmp_path), capsysbinary)
    operator.types("explain", LIVE)
    told = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME", line) for line in operator.lines]
    place = told.index("  What the CRMs were told (times are UTC, by this host's clock):")
    assert told[place + 1 :] == [
        "  call.started: refused by bus at TIME, 1 attempt (HTTP 410)",
        "  call.started: delivered to sales at TIME, 1 attempt",
        "  134/card.open: waits for bus since TIME, 0 attempts",
        "  134/card.open: delivered to sales at TIME, 1 attempt",
    ]


NEVER_SEEN = [
    (Result(State.EXPIRED), "too late for sales"),
    (REFUSED, "refused by sales (HTTP 410)"),
    (Result(State.SUPERSEDED, "dropped by hand"), "not needed by sales any more (dropped by hand)"),
    (None, "waits for sales"),
]


@pytest.mark.parametrize(("result", "why"), NEVER_SEEN)
def test_a_card_that_was_never_seen_says_so(
    result: Result | None, why: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    answers = [("sales", DONE), *([("sales", result)] if result else [])]
    fill(tmp_path, RUNNING, answers=answers)
    operator = Operator(configuration(tmp_path, crm="[{name: sales, kind: mqtt}]"), capsysbinary)
    operator.types("calls")
    assert operator.lines[1].endswith(f"{LIVE}  134: waits for bus, which is not configured any more, {why}")
    operator.types("calls", "--json")
    (card,) = json.loads(operator.out)["cards"]
    assert why in card["not_shown"]
    operator.types("explain", LIVE, "134")
    below = operator.lines[operator.lines.index("  134: participant. Card from 19:56:11.250, still open.") :]
    lost = [line for line in below if line.startswith("      The card was not shown: ")]
    assert len(lost) == 2
    assert "waits for bus since" in lost[0]
    assert lost[0].endswith("0 attempts, which is not configured any more")
    assert why.partition(" (")[0] in lost[1]


def test_a_card_that_was_seen_once_says_nothing(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    fill(tmp_path, RUNNING, answers=[(crm, DONE) for crm in ("sales", "bus") for _ in range(2)])
    fill(tmp_path, [closes(call=LIVE), opens("134", LIVE, 2)], answers=[("sales", DONE), ("sales", REFUSED)])
    operator = Operator(configuration(tmp_path), capsysbinary)
    operator.types("calls")
    assert operator.lines[1].endswith(LIVE)
    operator.types("explain", LIVE)
    assert "not shown" not in operator.out


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"crm": "[]"}, "no CRM is configured"),
        ({}, "no CRM was told: none was configured, or it was in shadow mode"),
        ({"more": ("shadow: true",)}, "no CRM was told (shadow: true)"),
    ],
)
def test_a_card_that_nobody_was_told_of_says_so(
    config: dict[str, Any], why: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    fill(tmp_path, RUNNING, crms=())
    operator = Operator(configuration(tmp_path, *config.pop("more", ()), **config), capsysbinary)
    operator.types("calls")
    assert operator.lines[1].endswith(f"{LIVE}  134: {why}")
    operator.types("explain", LIVE)
    assert f"      The card was not shown: {why}" in operator.lines


def test_why_a_live_call_has_no_card_so_far(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    patient = Story(office(cards={"min_talk_seconds": 60})).play(client_calls(), rings(0.1, "134"), answers(1, "134"))
    fill(tmp_path, patient.out)
    operator = Operator(configuration(tmp_path), capsysbinary)
    why = "min_talk_seconds asks for 60 s of talk"
    operator.types("calls")
    assert operator.lines[1].endswith(f"134: no card, {why}")
    operator.types("explain", patient.out[0].call_id, "134")
    assert f"  134: participant. No card: {why}." in operator.lines
    patient.play("70 Hold 134")
    fill(tmp_path, patient.out)
    operator.types("calls", "--json")
    (record,) = map(json.loads, operator.lines)
    assert [card["extension"] for card in record["cards"]] == ["134"]
    assert "no_card" not in record["verdicts"]["134"]


def test_explain_a_live_call(operator: Operator) -> None:
    operator.types("explain", LIVE)
    assert "  Note: it has not ended: what follows is what is known so far." in operator.lines
    assert "  Outcome: none yet." in operator.lines
    assert "  134: participant. Card from 19:56:11.250, still open." in operator.lines


def test_of_a_live_call_nothing_is_claimed_that_is_not_decided(operator: Operator) -> None:
    operator.types("explain", LIVE, "120")
    assert "  120: not decided yet. No card." in operator.lines
    assert "134" not in operator.out.replace(LIVE, "").replace("+79031234504", "")


def test_explain_one_extension(operator: Operator) -> None:
    operator.types("explain", CALL, "120")
    assert "  120: answered elsewhere. No card." in operator.lines
    assert not [line for line in operator.lines if "134/card.open" in line or line.startswith("  134:")]
    assert [line for line in operator.lines if line.startswith("  call.finished: ")]


@pytest.mark.parametrize("name", ["1795290990.9", "+79031234504", "89031234504"])
def test_explain_finds_a_call_by_the_end_of_its_id_and_the_latest_by_number(operator: Operator, name: str) -> None:
    assert operator.types("explain", name) == 0
    assert operator.out.startswith(f"Call {LIVE}: ")
    assert ("the latest of several calls" in operator.err) == ("." not in name)


def test_a_call_that_the_store_does_not_know(operator: Operator) -> None:
    assert operator.types("explain", "office:1.1") == 1
    assert operator.err.endswith("calls.db: no call office:1.1; `amibridge calls` lists them\n")


def test_a_capture_is_told_by_its_spelling(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(CALL).write_bytes(b"")
    assert operator.types("explain", CALL) == 0, "a file of a call's name changes nothing"
    Path("heard").write_bytes(b"")
    assert operator.types("explain", "heard") == 1
    assert operator.err.endswith("to play the capture of this name, write ./heard\n")
    for capture in ("./heard", "heard.ami"):
        assert operator.types("explain", capture, "office:1.1") == 1
        assert operator.err.startswith(capture)
    assert operator.types("explain", "./heard") == 2
    assert operator.types("explain", CALL, "134", "120") == 2


def test_without_a_store(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    operator = Operator(configuration(tmp_path), capsysbinary)
    for command in (["calls"], ["explain", CALL], ["outbox", "list"], ["backup", str(tmp_path / "copy")]):
        assert operator.types(*command) == 1
        assert operator.out == ""
        assert operator.err == (
            f"there is no database {tmp_path}/calls.db; start the daemon once and it makes it,"
            " or name another configuration with --config\n"
        )


def test_with_a_broken_configuration(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    operator = Operator(configuration(tmp_path, "shadwo: true"), capsysbinary)
    assert operator.types("calls") == 1
    assert operator.err == f"{operator.config}:4:1: shadwo: unknown key; did you mean `shadow`?\n"


def test_a_terminal_that_knows_no_cyrillic(operator: Operator) -> None:
    command = [sys.executable, "-m", "amibridge", "explain", CALL, "--config", str(operator.config)]
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PATH": ""}
    run = subprocess.run(command, capture_output=True, env=env, check=True)
    assert run.stdout.startswith(f"Call {CALL}".encode())


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    calls: list[Output] = []
    for number in range(3000):
        calls += [anchored(f"office:{number}.1", f"{number}.1"), ended(f"office:{number}.1", **RECORD)]
    fill(tmp_path, calls)
    config = configuration(tmp_path)
    command = [sys.executable, "-m", "amibridge", "calls", "--limit", "3000", "--json", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["started_at"].startswith(time.strftime("%Y", time.gmtime(WALL)))
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode != 0


@pytest.mark.parametrize("command", ["calls", "explain", "status", "outbox", "backup", "restore"])
def test_the_help_stays_light(command: str) -> None:
    assert not loaded_by(command, "--help") & {*LIGHT_HELP, "aiosqlite"}


@pytest.mark.parametrize("command", [["explain", "\udcff"], ["outbox", "list", "--crm", "\udcff"]])
def test_what_is_typed_and_is_no_text_is_said(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], command: list[str]
) -> None:
    fill(tmp_path)
    operator = Operator(configuration(tmp_path), capfdbinary)
    assert operator.types(*command) == 1
    assert "is no UTF-8 text" in operator.err


@pytest.mark.parametrize("sign", ["\u200b", "\ufeff", "\u00ad", "\u2060", "\u200d", "\U000e0041"])
def test_what_has_no_width_is_shown(sign: str) -> None:
    assert visible(f"13{sign}4") == json.dumps(f"13{sign}4")[1:-1]
