"""Real calls through the core, the store and the delivery: what was decided is found again, and arrives once."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from amibridge.calls import Calls, Command, Ended
from amibridge.delivery import would_send
from amibridge.store import Archive, Store
from tests.replay.playing import Capture, captures
from tests.unit.durable import Crm, delivering

SOME = captures()[::15]


@pytest.mark.parametrize("capture", SOME, ids=lambda capture: capture.name)
async def test_what_the_core_decides_is_kept_and_told(capture: Capture, tmp_path: Path) -> None:
    path, crm = tmp_path / "amibridge.db", Crm()
    core = Calls("office", capture.directory)
    said: list[str] = []
    over: dict[str, Ended] = {}
    async with delivering(path, crm) as world:
        for event in capture.events:
            outputs = core.apply(event)
            await world.tell(*outputs)
            said += [output.key for output in outputs if isinstance(output, Command)]
            over |= {output.call_id: output for output in outputs if isinstance(output, Ended)}
        await world.rest_until_quiet()
    assert set(crm.sent) <= set(said)
    assert sorted(key for key in crm.sent if "/call." in key) == sorted(key for key in said if "/call." in key)
    async with Archive.opened(path) as archive:
        for call_id, ended in over.items():
            story = await archive.call(call_id)
            assert story is not None
            assert story.line.record == ended.record
            assert story.trail == list(ended.trail)
            assert [card.extension for card in story.cards] == [card["extension"] for card in ended.record["cards"]]


async def test_in_shadow_mode_everything_is_decided_and_nothing_can_be_sent(tmp_path: Path) -> None:
    path = tmp_path / "amibridge.db"
    core = Calls("office", SOME[0].directory)
    store = await Store.open(path)
    with capture_logs() as logs:
        for event in SOME[0].events:
            outputs = core.apply(event)
            would_send(outputs, ["sales"])
            await store.commit(outputs, "office")
    await store.close()
    crm = Crm("sales")
    async with delivering(path, crm) as world:
        await world.rest_until_quiet()
        assert await world.deliveries() == []
    assert crm.sent == []
    told = [entry["key"].rpartition("/")[2] for entry in logs if entry["event"] == "delivery.shadow"]
    assert told[0] == "call.started"
    assert "card.open" in told
    async with Archive.opened(path) as archive:
        calls = await archive.calls()
        assert calls
        assert all(line.record is not None for line in calls)
