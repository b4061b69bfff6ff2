"""An exception of the core's own costs one event: what was decided before it stands, and everything else goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from amibridge.calls import HANDLERS, Calls, Ended, Event, Fault, Headers, Known, Patience, cards, ending, lifecycle
from amibridge.calls.call import Call, Part
from amibridge.calls.explain import told
from amibridge.calls.faults import place
from amibridge.calls.state import State
from amibridge.cli import main
from amibridge.daemon.decision_log import DecisionLog
from amibridge.daemon.listener import Listener
from amibridge.store import Archive, Store
from tests.replay.playing import capture
from tests.unit.event_tables import CLIENT, Story, answers, client_calls, leaves, office, rings

CALL = "office:1800000000.1"


class Faulty(Story):
    """A story whose core tells of its faults instead of raising them."""

    def __init__(self, known: tuple[Known, ...] = (), patience: Patience | None = None, **settings: Any) -> None:
        super().__init__()
        self.faults: list[Fault] = []
        self.calls = Calls("office", office(**settings), patience, known, self.faults.append)

    @property
    def said(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(fault.what, fault.calls) for fault in self.faults]


def broken(patch: pytest.MonkeyPatch, name: str, when: Callable[[Event], bool] = lambda event: True) -> None:
    """From now on an event of this name is taken in, and then something raises."""
    handler = HANDLERS[name]

    def raising(state: State, event: Event) -> None:
        handler(state, event)
        if when(event):
            raise KeyError(CLIENT)

    patch.setitem(HANDLERS, name, raising)


def test_a_fault_costs_one_event_and_marks_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "BridgeEnter")
    one = Faulty()
    one.play(client_calls(0), rings(1, "134"), answers(2, "134"), leaves(5, "134", "client"))
    # The card is of the very event that raised in the end; its close, and the record, are of later ones.
    assert one.commands == ["0 call.started", "2 card.open 134", "5 card.close 134", "5 call.finished"]
    assert one.said == [("BridgeEnter", (CALL,))] * 2
    assert one.record["fault"].startswith("BridgeEnter: KeyError at test_calls_faults.py:")
    (ended,) = [output for output in one.out if isinstance(output, Ended)]
    lines = list(told(ended))
    assert lines[1].startswith("  Note: amibridge failed at BridgeEnter: KeyError at test_calls_faults.py:")
    assert any("amibridge failed at BridgeEnter" in line for line in lines[2:]), "the evidence has its time"
    assert CLIENT not in place(one.faults[0].error)


def test_a_fault_leaves_other_calls_unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "Hangup", lambda event: "provider-00000001" in event.headers.get("Channel", ""))
    one = Faulty()
    one.play(client_calls(0), client_calls(0, "second"), "1 Hangup client", "1 Hangup second")
    assert ["fault" in record for record in one.records] == [False, False], "its record had gone out before"
    assert one.said == [("Hangup", ())]
    broken(monkeypatch, "HangupRequest")
    one = Faulty()
    one.play(client_calls(0), client_calls(0, "second"), "1 HangupRequest second")
    one.play("1 Hangup client", "1 Hangup second")
    assert ["fault" in record for record in one.records] == [False, True]


def test_a_core_whose_maker_does_not_want_to_be_told_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "Newchannel")
    with pytest.raises(KeyError):
        Story().play(client_calls(0))


def test_of_several_deadlines_that_are_due_one_that_raises_loses_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opens = cards._open

    def raising(state: State, call: Call, part: Part, why: str) -> None:
        if part.extension == "120":
            raise RuntimeError
        opens(state, call, part, why)

    monkeypatch.setattr(cards, "_open", raising)
    one = Faulty(cards={"min_talk_seconds": 3})
    one.play(client_calls(0), rings(1, "120", "134", "121"))
    one.play("2 Newstate client Up", *(f"2 Newstate {phone} Up" for phone in ("120", "134", "121")))
    one.play(*(f"2 BridgeEnter {channel} room softmix" for channel in ("120", "134", "121", "client")))
    one.wait(10)
    assert one.cards == ["5 card.open 134", "5 card.open 121"]
    assert one.said == [("a card's deadline", (CALL,))]


def test_a_deadline_of_nobody_s_that_raises_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    one, fired = Faulty(), []
    one.calls._state.at_deadline(1.0, lambda: fired.append(1 // 0))
    one.calls._state.at_deadline(1.0, lambda: fired.append(1))
    one.play(client_calls(2))
    assert fired == [1]
    assert one.said == [("a deadline", ())]
    assert one.commands == ["2 call.started"]


def test_a_row_of_a_listing_that_raises_keeps_no_other_from_being_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    answers_ = lifecycle.answers

    def raising(state: State, channel: Any) -> None:
        if "120" in channel.name:
            raise IndexError
        answers_(state, channel)

    monkeypatch.setattr("amibridge.calls.resync.answers", raising)
    one = Faulty()
    one.present(1, "120 Up Dial -", f"client Up Dial b1 num={CLIENT}", "134 Up AppDial b1 linked=client")
    assert one.cards == ["1 card.open 134"]
    assert one.said == [("a listing", ())]


def test_a_call_that_vanishes_with_a_fault_keeps_no_other_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    _break_ending_of(monkeypatch, "office:1800000000.1")
    known = tuple(Known(f"office:1800000000.{n}", f"1800000000.{n}", began_wall=1_800_000_000.0) for n in (1, 2))
    one = Faulty(known=known)
    one.present(1)
    assert one.commands == ["1 call.finished"]
    two = Faulty()
    two.play(client_calls(0), client_calls(0, "second")).present(1)
    assert two.keys[2:] == ["1800000000.2/call.finished"]
    assert {*one.said, *two.said} == {("a listing", (CALL,))}


def test_what_cannot_be_forgotten_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    _break_ending_of(monkeypatch, "office:1800000000.1")
    one = Faulty(patience=Patience(forget_after=100))
    one.play(client_calls(0), client_calls(0, "second"))
    one.wait(1000)
    assert one.keys[2:] == ["1800000000.2/call.finished"]
    assert ("forgetting it", (CALL,)) in one.said
    assert one.left == {}
    assert one.calls.deadline is None


@pytest.mark.parametrize("at", [0.1, 0.3, 1_795_290_969.123456])
@pytest.mark.parametrize("hours", [12, 0.0123])
def test_the_look_for_what_is_silent_comes_once_for_each(at: float, hours: float) -> None:
    """0.1 + 43,200 - 43,200 is less than 0.1: a look that counts so finds nothing silent, and comes again at once."""
    one = Story(patience=Patience(forget_after=hours * 3600)).play(client_calls(at))
    assert one.wait(at + 2 * hours * 3600).left == {}


def test_a_capture_that_ends_with_a_fault_tells_of_its_other_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = ending.judged

    def raising(state: State, call: Call) -> dict[str, object]:
        if call.call_id == CALL:
            raise ValueError
        return judged(state, call)

    monkeypatch.setattr(ending, "judged", raising)
    one = Faulty()
    one.play(client_calls(0), client_calls(0, "second")).end()
    assert [record["call_id"] for record in one.records] == ["office:1800000000.2"]


def test_replay_says_what_it_failed_at(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    one = capture("asterisk-22/ringgroup_134_answers")
    arguments = ["replay", "--json", "--config", str(one.config), str(one.path)]
    broken(monkeypatch, "DialEnd")
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert '"fault":"DialEnd: KeyError at ' in shown.out
    assert "amibridge failed at DialEnd of lab:1795290969.6; this is a defect of amibridge" in shown.err
    assert "Traceback" in shown.err


def test_the_log_names_the_call_and_the_event_and_masks_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "Newstate")
    one = Story()
    one.calls = Calls("office", office(), tell_fault=DecisionLog(mask=True).tell_fault)
    with capture_logs() as logs:
        one.play(client_calls(0), rings(0, "134"))
    (line,) = logs
    assert (line["event"], line["log_level"], line["at"], line["call"]) == ("core.fault", "error", "Newstate", (CALL,))
    assert "please report it" in line["remedy"]
    assert "test_calls_faults.py" in line["exception"]
    assert CLIENT not in line["exception"]
    assert "7903" in line["exception"]


async def test_what_came_before_a_fault_and_after_it_in_one_read_is_settled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken(monkeypatch, "DialBegin")
    one = Faulty()
    group = one.events(client_calls(0), rings(1, "134"), answers(2, "134"))
    store = await Store.open(tmp_path / "a.db", ["crm"])
    await Listener("office", one.calls, store, lambda: 0.0, lambda outputs: None).events(group)
    await store.close()
    async with Archive.opened(tmp_path / "a.db") as archive:
        assert [line.type for line in await archive.outbox()] == ["call.started", "card.open"]
    assert [what for what, _ in one.said] == ["DialBegin"]


async def test_who_cannot_tell_of_a_decision_keeps_it_from_nobody(tmp_path: Path) -> None:
    def tell(outputs: object) -> None:
        raise BrokenPipeError

    one = Story()
    store = await Store.open(tmp_path / "a.db", ["crm"])
    listener = Listener("office", one.calls, store, lambda: 0.0, tell)
    with capture_logs() as logs:
        await listener.events(one.events(client_calls(0)))
    await store.close()
    async with Archive.opened(tmp_path / "a.db") as archive:
        assert [line.type for line in await archive.outbox()] == ["call.started"]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["decisions.not_told"]


def _break_ending_of(patch: pytest.MonkeyPatch, call_id: str) -> None:
    end = ending.end

    def raising(state: State, call: Call, *how: Any) -> None:
        if call.call_id == call_id:
            raise ZeroDivisionError
        end(state, call, *how)

    patch.setattr(ending, "end", raising)


def test_headers_that_name_nobody_concern_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "Newchannel")
    one = Faulty()
    one.calls.apply(Event("Newchannel", 1.0, 1.0, Headers("")))
    assert one.said == [("Newchannel", ())]
