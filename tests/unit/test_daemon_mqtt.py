"""A daemon beside a real broker: what it believes after its death, and what it says of another one on its topics."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.unit.daemon_process import daemon
from tests.unit.manager_server import ManagerServer, served
from tests.unit.mosquitto import broker, users
from tests.unit.operators import configuration
from tests.unit.test_daemon_life import CALL, connected
from tests.unit.test_mqtt import CARD, STATUS, put, retained, subscribed

OTHERS_CARD = "amibridge/office/extensions/120/card"


def with_broker(folder: Path, pbx: ManagerServer, url: str) -> Path:
    return configuration(folder, port=pbx.port, crm=f"[{{name: bus, kind: mqtt, url: '{url}'}}]")


async def test_after_its_death_a_daemon_believes_its_store_and_not_the_broker(tmp_path: Path) -> None:
    async with broker(tmp_path) as mosquitto, served() as pbx:
        config = with_broker(tmp_path, pbx, mosquitto.url)
        async with daemon(config) as running, subscribed(mosquitto.port, CARD) as subscriber:
            await connected(pbx, running)
            pbx.links[-1].send(*CALL)
            (shown,) = list(await subscriber.until(bool))
            await running.says("event=delivery.done", "134/card.open")
            running.signal(signal.SIGKILL)
            await running.ends()
        await put(mosquitto.port, OTHERS_CARD)
        await pbx.stop()
        async with daemon(config) as running:
            said = await running.says("event=mqtt.strange_cards")
            assert f"found=1 cleared=1 first={OTHERS_CARD}" in said
            (left,) = await retained(mosquitto.port, "amibridge/office/extensions/+/card")
            assert (left.topic, json.loads(left.text)) == (CARD, json.loads(shown.text))
            assert await running.stops() == 0


async def test_two_daemons_on_the_same_topics_are_said_in_log_and_status(tmp_path: Path) -> None:
    folders = tmp_path / "here", tmp_path / "there"
    async with broker(tmp_path) as mosquitto, served() as pbx:
        for folder in folders:
            folder.mkdir()
        config, other = (with_broker(folder, pbx, mosquitto.url) for folder in folders)

        async def status() -> list[str]:
            command = [sys.executable, "-m", "amibridge", "status", "--config", str(config)]
            run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
            return [line for line in run.stdout.splitlines() if line.startswith("trouble: bus: ")]

        async with daemon(config) as running:
            await connected(pbx, running)
            async with daemon(other) as second:
                await second.says("event=mqtt.shared", f"/{running.pid}/")
                await running.says("event=mqtt.shared", f"/{second.pid}/")
                (trouble,) = await status()
                assert "another daemon speaks on the topics of office: " in trouble
                assert f"/{second.pid}/" in trouble
                assert "end one of them, or give it another `prefix`" in trouble
                assert await second.stops() == 0
            await running.says("event=mqtt.other_gone", f"/{second.pid}/")
            assert await status() == []
            assert [said.text for said in await retained(mosquitto.port, STATUS)] == ["online"]
            assert await running.stops() == 0


async def test_check_says_which_lines_of_the_access_list_are_missing(tmp_path: Path) -> None:
    account = users(tmp_path, "user bridge", "topic write amibridge/office/calls/#", bridge="right")
    async with broker(tmp_path, *account) as mosquitto, served() as pbx:
        bus = f"{{name: bus, kind: mqtt, url: '{mosquitto.url}', username: bridge, password: right}}"
        config = configuration(tmp_path, port=pbx.port, crm=f"[{bus}]")
        command = [sys.executable, "-m", "amibridge", "check", "--live", "--config", str(config)]
        run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    (said,) = [line for line in run.stdout.splitlines() if line.startswith("CRM bus: ")]
    assert said == (
        "CRM bus: it may not write amibridge/office/extensions/amibridge-check/card; access list:"
        " topic write amibridge/office/extensions/+/card; it may not write amibridge/office/status; access list:"
        " topic write amibridge/office/status; whether it may read amibridge/office/extensions/+/card cannot be tried;"
        " whether it may read amibridge/office/status cannot be tried"
    )
    assert run.returncode == 1
