"""What is kept of calls: written once however often it is said, found again by people and by a core that restarts."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from amibridge.calls import End, Ended, Fact, Finding, Known, Output
from amibridge.store import Archive, Limits, Saved, State, Store
from amibridge.store.archive import CallStory
from amibridge.store.journal import ordinal
from amibridge.store.known import IDS_KEPT
from tests.unit.durable import CALL, PATIENCE, WALL, Clock, anchored, closes, ended, finished, opens, started, verdict


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amibridge.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path, ["sales", "bus"], limits=Limits(prompt=PATIENCE))
    yield store
    await store.close()


async def story(path: Path, call: str = CALL) -> CallStory:
    async with Archive.opened(path) as archive:
        found = await archive.call(call)
    assert found is not None
    return found


async def test_a_commit_is_durable_when_it_returns(store: Store, path: Path) -> None:
    assert await store.commit([started(), opens()], "office") is Saved.DURABLE
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT key FROM command ORDER BY seq").fetchall() == [
            (f"{CALL}/call.started",),
            (f"{CALL}/134/card.open",),
        ]
    other.close()


async def test_nothing_to_write_is_durable(store: Store) -> None:
    assert await store.commit([], "office") is Saved.DURABLE


async def test_a_command_goes_to_each_crm(store: Store, path: Path) -> None:
    await store.commit([opens()], "office")
    lines = (await story(path)).deliveries
    assert [(line.crm, line.state) for line in lines] == [("bus", State.PENDING), ("sales", State.PENDING)]


async def test_without_crms_cards_and_verdicts_are_kept_and_no_command_is(path: Path) -> None:
    store = await Store.open(path)
    await store.commit([started(), opens(), verdict("134"), closes(), finished(), ended()], "office")
    await store.close()
    told = await story(path)
    assert told.deliveries == []
    assert [card.extension for card in told.cards] == ["134"]
    assert [said.finding for said in told.verdicts] == [Finding.PARTICIPANT]


async def test_what_is_said_again_after_a_restart_changes_nothing(store: Store, path: Path) -> None:
    outputs: list[Output] = [anchored(), started(), opens(), verdict("134"), closes(), opens(time=2), closes(time=2)]
    outputs += [finished(), ended()]
    await store.commit(outputs, "office")
    before = await story(path)
    await store.commit(outputs, "office")
    for output in outputs:
        await store.commit([output], "office")
    assert await story(path) == before


async def test_there_is_at_most_one_card_for_a_call_and_an_extension(store: Store, path: Path) -> None:
    await store.commit([opens(), closes(), opens(time=2)], "office")
    (card,) = (await story(path)).cards
    assert (card.extension, card.openings, card.closings, card.opened_at, card.closed_at) == ("134", 2, 1, WALL, WALL)
    with sqlite3.connect(path) as other, pytest.raises(sqlite3.IntegrityError):
        other.execute("INSERT INTO card (call_id, extension) VALUES (?, '134')", (CALL,))
    other.close()


async def test_a_verdict_s_evidence_may_hold_any_words(store: Store, path: Path) -> None:
    """It quotes the names of channels, which are others'; why there is no card is ours."""
    told = [
        replace(verdict("134", because="SIP/a; no card: ha and SIP/134 hear each other"), no_card="open_on is never"),
        verdict("120", because="SIP/a; no card: ha and SIP/120 hear each other"),
    ]
    await store.commit(told, "office")
    assert [(said.because, said.no_card) for said in (await story(path)).verdicts] == [
        (said.because, said.no_card) for said in told
    ]


async def test_a_later_verdict_replaces_the_earlier_one(store: Store, path: Path) -> None:
    await store.commit([verdict("120", Finding.MISSED, "rang")], "office")
    await store.commit([verdict("120", Finding.PARTICIPANT, "talked")], "office")
    (said,) = (await story(path)).verdicts
    assert (said.finding, said.because) == (Finding.PARTICIPANT, "talked")


async def test_the_evidence_of_a_call_that_ended_is_found_again(store: Store, path: Path) -> None:
    await store.commit([started(), ended(participants=[{"extension": "134"}])], "office")
    told = await story(path)
    assert told.line.ended == WALL + 4
    assert told.line.how_ended == End.SEEN
    assert told.line.record is not None
    assert told.line.record["participants"] == [{"extension": "134"}]
    assert told.trail == [Fact(WALL, None, "79031234504 calls"), Fact(WALL + 1, "134", "PJSIP/134 rings")]


async def test_bytes_that_are_no_text_do_not_stop_a_commit(store: Store, path: Path) -> None:
    broken = b"\xce\xeb\xfc\xe3\xe0".decode("utf-8", "surrogateescape")
    fact = Fact(WALL, None, f"{broken} calls")
    whole = ended(client=None, client_raw=broken, did=broken, names=[broken, {"inner": (broken,)}])
    over = Ended(whole.call_id, End.SEEN, whole.at, whole.wall, whole.record, (fact,))
    await store.commit([started(client_name=broken), verdict("134", because=broken), over], "office")
    told = await story(path)
    instead = "\N{REPLACEMENT CHARACTER}" * 5
    assert told.trail[0].text == f"{instead} calls"
    assert told.line.client_raw == told.line.did == told.verdicts[0].because == instead
    assert told.line.record is not None
    assert told.line.record["names"] == [instead, {"inner": [instead]}]


@pytest.mark.parametrize(("key", "number"), [("a:1/134/card.open", 1), ("a:1/134/card.open/2", 2), ("a/0/x/12", 12)])
def test_a_key_tells_how_often_it_was_said(key: str, number: int) -> None:
    assert ordinal(key) == number


async def test_a_core_that_starts_again_is_told_of_the_live_calls(store: Store) -> None:
    await store.commit([anchored(), started(), verdict("134"), opens("134"), verdict("120"), opens("120")], "office")
    await store.commit([closes("134"), opens("134", time=2), verdict("134", because="talked again")], "office")
    await store.commit([verdict("121", Finding.MISSED)], "office")
    await store.commit([anchored("office:2.2", "2.3", outbound=True), opens("120", "office:2.2")], "office")
    await store.commit([closes("120", "office:2.2")], "office")
    await store.commit([anchored("branch:4.4", "4.4")], "branch")
    assert await store.known_calls("office") == [
        Known(
            call_id=CALL,
            channel="1795290971.8",
            client_raw="79031234504",
            did="74950000002",
            began_wall=WALL,
            openings={"134": 2, "120": 1},
            opened_at={"134": WALL, "120": WALL},
            open_cards=frozenset({"134", "120"}),
            participants={"134": WALL + 1, "120": WALL + 1},
        ),
        Known(
            call_id="office:2.2",
            channel="2.3",
            client_raw="79031234504",
            did="74950000002",
            outbound=True,
            began_wall=WALL,
            announced=False,
            openings={"120": 1},
            opened_at={"120": WALL},
        ),
    ]


async def test_participants_are_known_in_the_order_of_their_first_talk(store: Store) -> None:
    for extension in ("134", "120", "121"):
        await store.commit([anchored(), verdict(extension)], "office")
    await store.commit([verdict("134", because="talked again")], "office")
    (known,) = await store.known_calls("office")
    assert list(known.participants) == ["134", "120", "121"]


async def test_an_id_stays_taken_for_a_while_after_its_call(path: Path) -> None:
    clock = Clock(WALL)
    store = await Store.open(path, now=clock.now)
    await store.commit([anchored(), ended(), anchored("office:3.3", "3.3")], "office")
    assert [(known.call_id, known.ended) for known in await store.known_calls("office")] == [
        ("office:3.3", False),
        (CALL, True),
    ]
    clock.go_to(WALL + IDS_KEPT + 5)
    assert [known.call_id for known in await store.known_calls("office")] == ["office:3.3"]
    await store.close()


async def test_a_call_is_known_by_the_channel_that_stands_for_its_client_now(store: Store) -> None:
    for channel in ("1.1", "1.2", "1.1", "1.3", "1.2"):
        await store.commit([anchored(channel=channel)], "office")
    assert [known.channel for known in await store.known_calls("office")] == ["1.2"]


async def test_calls_are_listed_by_time_client_and_extension(store: Store, path: Path) -> None:
    for number in range(5):
        call = f"office:{number}.1"
        record = {"started_at": f"2026-11-21T20:0{number}:00Z", "client": f"+7903123450{number}"}
        await store.commit([verdict("134" if number % 2 else "120", call=call), ended(call, **record)], "office")
    async with Archive.opened(path) as archive:

        async def ids(**query: object) -> list[str]:
            return [line.call_id for line in await archive.calls(**query)]  # type: ignore[arg-type]

        assert await ids() == [f"office:{number}.1" for number in (4, 3, 2, 1, 0)]
        assert await ids(limit=2) == ["office:4.1", "office:3.1"]
        assert await ids(client="+79031234502") == ["office:2.1"]
        assert await ids(extension="134") == ["office:3.1", "office:1.1"]
        (third,) = await archive.calls(client="+79031234503")
        assert await ids(since=third.began) == ["office:4.1", "office:3.1"]
        assert await ids(until=third.began) == ["office:2.1", "office:1.1", "office:0.1"]
        assert await archive.call("office:9.9") is None


async def test_the_outbox_is_shown_with_what_a_command_says(store: Store, path: Path) -> None:
    await store.commit([opens("134", name="Ольга")], "office")
    async with Archive.opened(path) as archive:
        (line,) = await archive.outbox(crm="sales")
        assert (line.type, line.state, line.attempts) == ("card.open", State.PENDING, 0)
        shown = await archive.delivery(line.seq)
        assert [delivery.line.crm for delivery in shown] == ["bus", "sales"]
        assert shown[1].data["name"] == "Ольга"
        assert await archive.outbox(states=[State.DONE]) == []
        assert await archive.counts() == {("bus", State.PENDING): 1, ("sales", State.PENDING): 1}


async def test_what_waits_for_a_crm_that_is_gone_is_given_up_and_holds_its_call_no_longer(path: Path) -> None:
    clock = Clock()
    store = await Store.open(path, ["old"], now=clock.now)
    try:
        for number in range(450):
            call = f"office:{number}.1"
            await store.commit([opens(call=call), closes(call=call), finished(call), ended(call)], "office")
        clock.at += 100
        await store.commit([finished("office:late"), ended("office:late")], "office")
        assert await store.forget(before=WALL + 5) == 0
        assert await store.give_up(["old"], clock.at) == {}
        # The cards were superseded when they closed: nobody has seen them.
        assert await store.give_up(["sales"], clock.at - 50) == {"old": 900}
        assert await store.give_up(["sales"], clock.at - 50) == {}
        async with Archive.opened(path) as archive:
            assert await archive.counts() == {("old", State.REFUSED): 450, ("old", State.PENDING): 1}
        assert await store.forget(before=WALL + 5) == 450
    finally:
        await store.close()


async def test_calls_that_ended_long_ago_are_forgotten_with_all_that_belongs_to_them(path: Path) -> None:
    clock = Clock()
    store = await Store.open(path, ["sales"], now=clock.now)
    try:
        for number in range(450):
            call = f"office:{number}.1"
            await store.commit(
                [anchored(call, f"{number}.1"), opens(call=call), verdict("134", call=call), ended(call)], "office"
            )
        await store.commit([started("office:live"), anchored("office:live", "9.9")], "office")
        await store.commit([finished("office:0.1")], "office")
        assert await store.forget(before=WALL) == 0
        assert await store.forget(before=WALL + 5) == 449
    finally:
        await store.close()
    with sqlite3.connect(path) as other:
        left = {table: other.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    other.close()
    assert left == {"call": 2, "call_channel": 2, "card": 1, "verdict": 1, "command": 3, "delivery": 3, "memory": 0}


TABLES = ("call", "call_channel", "card", "verdict", "command", "delivery", "memory")


async def test_two_pbxs_commit_side_by_side(store: Store) -> None:
    await asyncio.gather(
        *(store.commit([anchored(f"{pbx}:{n}.1", f"{n}.1")], pbx) for n in range(50) for pbx in ("office", "branch"))
    )
    assert len(await store.known_calls("office")) == len(await store.known_calls("branch")) == 50
