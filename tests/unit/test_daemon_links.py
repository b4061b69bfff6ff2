"""What `amibridge status` tells of the links to the PBXs, beside a real daemon; the PBX is played."""

import asyncio
import signal
from pathlib import Path

import pytest

from amibridge.cli.status import CRITICAL
from amibridge.store import Store
from amibridge.store.link import Link, links
from tests.unit.daemon_process import PATIENCE, daemon
from tests.unit.manager_server import served
from tests.unit.operators import Operator, configuration


async def status(operator: Operator, told: str) -> int:
    """Asks until a line begins like this: the daemon writes beside its log. Returns the exit status."""
    async with asyncio.timeout(PATIENCE):
        while True:
            exit_status = await asyncio.to_thread(operator.types, "status")
            if any(line.startswith(told) for line in operator.lines):
                return exit_status


async def test_the_link_in_the_status(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    async with served() as pbx:
        config = configuration(tmp_path, port=pbx.port, crm="[]")
        operator = Operator(config, capsysbinary)
        pbx.answers["Login"] = pbx.refuse
        async with daemon(config) as running:
            await running.says("event=ami.login_refused")
            assert await status(operator, "pbx office: not connected since 20") == CRITICAL
            trouble = operator.lines[-1]
            assert trouble.startswith("trouble: office: not connected since 20")
            assert " UTC: " in trouble
            assert "manager.conf" in trouble
            pbx.answers["Login"] = pbx.accept
            running.signal(signal.SIGHUP)
            await running.says("event=ami.live")
            assert await status(operator, "pbx office: connected since 20") == 0
            assert await running.stops() == 0
        await asyncio.to_thread(operator.types, "status")
        assert not any(line.startswith("pbx") for line in operator.lines), "without a daemon nobody knows"


async def test_a_link_is_down_since_it_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    store = await Store.open(path)
    for link in (
        Link("office", True, 10.0),
        Link("office", False, 20.0, "the connection was closed", "none"),
        Link("office", False, 30.0, "connection refused", "start it"),
        Link("branch", True, 40.0),
    ):
        store.note_link(link)
    await store.close()
    assert list(await links(path)) == [
        Link("branch", True, 40.0),
        Link("office", False, 20.0, "connection refused", "start it"),
    ]
    await (await Store.open(path)).close()
    assert list(await links(path)) == []
