"""A running daemon whose PBX keeps its bridges to itself: said once in the log, and in `status` until it is mended."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from amibridge.calls import Output
from amibridge.daemon.completeness import SELDOM, Completeness
from amibridge.store import Store
from amibridge.store.link import Link, links
from tests.replay.playing import capture, joined
from tests.replay.test_lacking import filtered
from tests.unit.daemon_process import PATIENCE, daemon
from tests.unit.durable import ended, verdict
from tests.unit.manager_server import served
from tests.unit.operators import Operator, configuration
from tests.unit.test_daemon_links import status

GROUP = capture("asterisk-22/ringgroup_134_answers")
LATER = capture("asterisk-22/direct_answered")
BLIND: list[Output] = [ended(lacks_events=True)]


async def test_a_pbx_that_keeps_its_bridges_to_itself(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    async with served() as pbx:
        config = configuration(tmp_path, port=pbx.port, crm="[]")
        operator = Operator(config, capsysbinary)
        async with daemon(config) as running:
            await running.says("event=ami.live")
            assert await status(operator, "pbx office: connected since 20") == 0
            pbx.links[-1].send(joined(filtered(GROUP)))
            line = await running.says("event=stream.lacks_events")
            assert "eventfilter" in line
            assert await status(operator, "trouble: office: the stream lacks events: an eventfilter?") == 2
            assert "pbx office: connected since 20" in operator.out
            pbx.links[-1].send(joined(LATER.packets))
            await running.says("event=stream.whole_again")
            async with asyncio.timeout(PATIENCE):
                while await status(operator, "pbx office: connected since 20") != 0:
                    pass
            assert await running.stops() == 0


async def test_it_is_said_seldom_and_kept_all_the_while(tmp_path: Path) -> None:
    path, now = tmp_path / "calls.db", [1000.0]
    store = await Store.open(path)
    store.note_link(Link("office", True, 10.0))
    completeness = Completeness("office", store, lambda: now[0])
    with capture_logs() as lines:
        for _ in range(3):
            completeness.hear(BLIND)
        now[0] += SELDOM
        completeness.hear(BLIND)
        completeness.hear([ended()])
    assert [line["event"] for line in lines] == ["stream.lacks_events"] * 2
    await store.known_calls("office")
    (link,) = await links(path)
    assert link.up
    assert link.why == "the stream lacks events: an eventfilter?"
    completeness.hear([verdict("134")])
    await store.known_calls("office")
    assert await links(path) == [Link("office", True, 10.0)]
    completeness.hear(BLIND)
    store.note_link(Link("office", False, 20.0, "cut", "mend it"))
    completeness.hear(BLIND)
    store.note_link(Link("office", True, 30.0))
    await store.close()
    assert await links(path) == [Link("office", True, 30.0)], "another connection may have another filter"
