"""A poisoned command is a dead letter with its reason, and nobody else's trouble; so it is at its commit."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from amibridge.calls import Anchored, Command, Fact, Output
from amibridge.crm.interface import Answer, Done, Memory, Refused
from amibridge.daemon.listener import Listener
from amibridge.daemon.retention import forget_daily
from amibridge.daemon.rights import look_for_rights
from amibridge.store import Archive, Store
from amibridge.store.link import Link, links
from tests.unit.durable import (
    CALL,
    PATIENCE,
    SAFE,
    UNSAFE,
    Crm,
    anchored,
    closes,
    delivering,
    ended,
    finished,
    opens,
    started,
    verdict,
)
from tests.unit.event_tables import Story, answers, client_calls, office, rings

BYTES = b"\xce\xeb\xfc\xe3\xe0".decode("utf-8", "surrogateescape")
"""A name in cp1251, as an event's text holds it: lone surrogates."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


def raises(error: BaseException, call: str = CALL) -> Callable[[Command, int], Answer]:
    """An adapter that cannot stand one call."""

    def answer(command: Command, time: int) -> Answer:
        if command.call_id == call:
            raise error
        return Done()

    return answer


def said(logs: Sequence[Any]) -> list[str]:
    return [entry["event"] for entry in logs if entry["log_level"] in ("warning", "error")]


async def test_what_an_adapter_raises_over_is_refused_and_the_crm_is_not_down(path: Path) -> None:
    crm = Crm(answers=raises(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "secret-token")))
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            for extension in ("134", "120", "121", "136"):
                await world.tell(opens(extension))
            await world.tell(started("office:2.2"), opens("134", "office:2.2"))
            await world.rest_until_quiet()
            assert world.delivery.status[0].up
            deliveries = await world.deliveries()
    of_bad = [line for line in deliveries if line.key.startswith(CALL)]
    assert [line.state for line in of_bad] == ["refused"] * 4
    assert all("a fault of the adapter: UnicodeEncodeError at test_delivery_poi" in str(line.error) for line in of_bad)
    assert [line.state for line in deliveries if line not in of_bad] == ["done"] * 2
    assert set(said(logs)) == {"delivery.refused"}
    assert "secret-token" not in repr(logs)


async def test_what_is_unsafe_to_repeat_is_unclear_when_the_adapter_raises(path: Path) -> None:
    crm = Crm(answers=raises(RuntimeError()), capabilities=UNSAFE)
    async with delivering(path, crm) as world:
        await world.tell(started())
        await world.rest_until_quiet()
        assert await world.states() == {"call.started": "unclear"}


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncio.CancelledError()], ids=["network", "broken off"])
async def test_what_may_be_the_network_s_is_tried_again(path: Path, error: BaseException) -> None:
    def first_time(command: Command, time: int) -> Answer:
        if time == 0:
            raise error
        return Done()

    crm = Crm(answers=first_time)
    async with delivering(path, crm) as world:
        await world.tell(started())
        assert len(await world.rest()) == 1, "it has a rest before it is tried again"
        assert await world.states() == {"call.started": "pending"}
        await world.rest_until_quiet()
        assert await world.states() == {"call.started": "done"}
    assert len(crm.sent) == 2


@pytest.mark.parametrize("poison", [2**70, object(), {1: 2}, {object()}, [[[b"\xff"]]]], ids=repr)
async def test_data_that_json_cannot_hold_is_a_dead_letter(path: Path, poison: object) -> None:
    crm = Crm()
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            bad: list[Output] = [
                started(),
                opens("120", what=poison),
                opens("134"),
                replace(ended(), record={"call_id": poison}),
            ]
            await world.tell(*bad, finished())
            await world.tell(started("office:2.2"))
            await world.rest_until_quiet()
            states, deliveries = await world.states(), await world.deliveries()
            async with Archive.opened(path) as archive:
                story = await archive.call(CALL)
                shown = await archive.delivery(next(one.seq for one in deliveries if one.state == "refused"))
    assert states.pop("120/card.open") == "refused"
    assert set(states.values()) <= {"done", "expired"}, "134's card of a call that is over in the same read expires"
    (letter,) = (line for line in deliveries if line.state == "refused")
    assert str(letter.error).startswith("its data cannot be written: ")
    assert shown[0].data == {"key": f"{CALL}/120/card.open"}
    assert story is not None
    assert story.line.ended is not None, "without its record"
    assert [fact.text for fact in story.trail] == ["79031234504 calls", "PJSIP/134 rings"]
    assert said(logs) == ["store.unwritable", "store.unwritable"]


async def test_bytes_that_are_no_text_in_every_text_that_comes_from_outside(path: Path) -> None:
    crm = Crm(answers=lambda command, time: Done({BYTES: BYTES}) if time else Refused(BYTES))
    outputs: list[Output] = [
        Anchored(f"office:{BYTES}", BYTES, BYTES, BYTES, False, 1.0, 1.0),
        replace(started(f"office:{BYTES}", **{BYTES: [BYTES, {BYTES: (BYTES,)}]}), key=BYTES, extension=BYTES),
        replace(opens(BYTES, f"office:{BYTES}")),
        verdict(BYTES, because=BYTES, call=f"office:{BYTES}"),
        closes(BYTES, f"office:{BYTES}"),
        finished(f"office:{BYTES}", record={BYTES: BYTES}),
        replace(
            ended(f"office:{BYTES}", client=BYTES, client_raw=BYTES, did=BYTES, **{BYTES: BYTES}),
            trail=(Fact(1.0, BYTES, BYTES),),
        ),
    ]
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            await world.tell(*outputs)
            world.store.note_link(Link("office", False, 1.0, BYTES, BYTES))
            await world.rest_until_quiet()
            assert world.store.waiting == 0
            lines = await world.deliveries()
    assert {line.state for line in lines} <= {"refused", "expired", "superseded"}
    assert set(said(logs)) <= {"delivery.refused", "delivery.expired"}
    assert (await links(path))[0].why == "\N{REPLACEMENT CHARACTER}" * 5


async def test_times_that_are_no_numbers_reach_the_crm_as_null(path: Path) -> None:
    heard: list[Any] = []
    crm = Crm(answers=lambda command, time: heard.append(command.data["of"]) or Done())  # type: ignore[func-returns-value]
    async with delivering(path, crm) as world:
        await world.tell(started(of=[float("nan"), float("inf"), -1.5]))
        await world.rest()
    assert heard == [[None, None, -1.5]]


@pytest.mark.parametrize(
    "damage",
    ["UPDATE command SET payload = '{' WHERE call_id = 'office:1.1'", "UPDATE command SET type = 'x' WHERE seq = 1"],
)
async def test_a_row_that_cannot_be_read_is_a_dead_letter(path: Path, damage: str) -> None:
    store = await Store.open(path, ["crm"])
    await store.commit([started("office:1.1"), started("office:2.2")], "office")
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute(damage)
    database.close()
    crm = Crm()
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            await world.rest_until_quiet()
            states = {line.key: line.state.value for line in await world.deliveries()}
    assert states == {"office:1.1/call.started": "refused", "office:2.2/call.started": "done"}
    assert said(logs) == ["outbox.unreadable"]


async def test_a_courier_survives_an_exception_of_its_own_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = Crm()
    with capture_logs() as logs:
        async with delivering(path, crm) as world:
            await world.rest()
            deadlines = world.store.outbox.deadlines

            async def broken(*arguments: Any) -> Any:
                monkeypatch.setattr(world.store.outbox, "deadlines", deadlines)
                raise ZeroDivisionError

            monkeypatch.setattr(world.store.outbox, "deadlines", broken)
            await world.tell(started())
            await world.rest_until_quiet()
            await world.tell(finished())
            await world.rest_until_quiet()
            assert set((await world.states()).values()) == {"done"}
    assert said(logs) == ["delivery.fault"]


# What else the daemon does beside the calls.


class Failing(Crm):
    """A CRM whose adapter cannot even be asked."""

    capabilities = replace(SAFE, has_rights=True)

    def __init__(self, name: str) -> None:
        super().__init__(name, capabilities=self.capabilities)

    async def probe(self) -> Sequence[str]:
        raise KeyError("https://portal.example/secret")

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        raise NotImplementedError


async def test_a_crm_that_cannot_be_probed_is_named() -> None:
    with capture_logs() as logs:
        await look_for_rights([Failing("one"), Failing("two")])
    assert [(entry["event"], entry["crm"]) for entry in logs] == [("crm.not_probed", "one"), ("crm.not_probed", "two")]
    assert "secret" not in repr(logs)


async def test_the_daily_forgetting_survives_any_exception() -> None:
    class Broken:
        async def forget(self, before: float) -> int:
            raise ZeroDivisionError

        async def give_up(self, crms: Collection[str], before: float) -> Mapping[str, int]:
            return {}

    days = iter([None, None])

    async def sleep(seconds: float) -> None:
        if next(days, 0) == 0:
            raise asyncio.CancelledError

    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await forget_daily(Broken(), 30, [], now=lambda: 0.0, sleep=sleep)
    assert [entry["event"] for entry in logs] == ["retention.fault"] * 2


async def test_the_time_of_a_pbx_is_kept_whatever_a_deadline_or_a_commit_raises(path: Path) -> None:
    """An exception there ended the daemon, at every start."""
    one = Story(office(cards={"min_talk_seconds": 3}))
    now, committed = 0.0, asyncio.Event()

    class Poisoned:
        async def commit(self, outputs: Sequence[Output], pbx: str) -> None:
            committed.set()
            raise ValueError("it cannot be written")

    listener = Listener("office", one.calls, Poisoned(), lambda: now, lambda outputs: None)  # type: ignore[arg-type]
    one.play(client_calls(0), rings(0, "134"), answers(0, "134"))
    now = 3.0
    with capture_logs() as logs:
        async with asyncio.timeout(PATIENCE):
            keeping = asyncio.create_task(listener.keep_time())
            await committed.wait()
            committed.clear()
            one.calls._state.at_deadline(4.0, lambda: 1 // 0)  # type: ignore[arg-type]
            one.calls._state.at_deadline(4.0, lambda: one.calls._state.out.append(anchored()))
            now = 5.0
            with pytest.raises(ValueError, match="cannot be written"):
                await listener.events(one.events("3.5 Newchannel second Ring"))
            committed.clear()
            await committed.wait()
            assert not keeping.done()
            keeping.cancel()
            await asyncio.wait([keeping])
    assert said(logs) == ["deadlines.failed"] * 3


async def test_what_happened_at_no_time_is_kept_with_the_host_s(path: Path) -> None:
    nan = float("nan")
    outputs: list[Output] = [replace(anchored(), began_wall=nan), *(replace(o, wall=nan) for o in (started(), ended()))]
    async with delivering(path, Crm()) as world:
        await world.tell(*outputs, replace(verdict("134"), wall=nan))
        async with Archive.opened(path) as archive:
            story = await archive.call(CALL)
    assert story is not None
    assert story.line.ended == world.clock.now()
