"""`amibridge check --live`: what the PBX and the CRMs say, in words for an admin, and nothing is changed in them."""

import asyncio
import subprocess
import sys
from pathlib import Path

from amibridge.demo.portal import Portal
from amibridge.store import Store
from tests.chaos.pbx import playing
from tests.unit.office import office
from tests.unit.webhook_receiver import receiving

CONFIG = """
pbx: [{{name: lab, host: 127.0.0.1, port: {pbx}, username: bridge, secret: lab-bridge}}]
crm:
  - {{name: sales, kind: bitrix24, url: "{portal}"}}
  - {{name: hook, kind: webhook, url: "{hook}"}}
store: {{path: {folder}/amibridge.db}}
extensions: extensions.yaml
"""


async def checked(folder: Path, pbx: int, portal: Portal, hook: str) -> tuple[int, list[str]]:
    """The exit status, and what was said of each peer."""
    return await looked(written(folder, CONFIG.format(pbx=pbx, portal=portal.webhook_url, hook=hook, folder=folder)))


def written(folder: Path, text: str) -> Path:
    config = folder / "amibridge.yaml"
    config.write_text(text)
    config.chmod(0o600)
    (folder / "extensions.yaml").write_text('extensions: {"134": {}}\ntrunks: [PJSIP/provider]\n')
    return config


async def looked(config: Path) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "amibridge", "check", "--live", "--config", str(config)]
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr == ""
    return run.returncode, [line for line in run.stdout.splitlines() if line.startswith(("PBX ", "CRM "))]


async def test_all_is_well(tmp_path: Path) -> None:
    async with playing() as pbx, office() as portal, receiving() as receiver:
        status, said = await checked(tmp_path, pbx.port, portal, receiver.url)
    assert said == ["PBX lab: fine", "CRM sales: fine", "CRM hook: fine"]
    assert status == 0
    assert portal.calls == {}
    assert receiver.delivered == []


async def test_each_trouble_has_its_remedy(tmp_path: Path) -> None:
    async with playing() as pbx, office(scopes=("crm", "user")) as portal:
        pbx.answers["Login"] = pbx.refuse
        status, said = await checked(tmp_path, pbx.port, portal, "http://127.0.0.1:9/hook?token=s3cret")
    of_pbx, of_portal, of_hook = said
    assert "refuses the login of 'bridge'" in of_pbx
    assert "manager.conf" in of_pbx
    assert "telephony.externalCall.register: insufficient_scope" in of_portal
    assert "tick telephony, crm and user" in of_portal
    assert of_hook == "CRM hook: no connection to 127.0.0.1:9: ConnectionRefusedError; is the address right?"
    assert status == 1


async def test_beside_a_daemon_no_token_is_used_up(tmp_path: Path) -> None:
    """A refreshed token locked the daemon out until it was started again."""
    async with playing() as pbx, office() as portal, receiving() as receiver:
        first = portal.access.pair
        access = portal.access
        crm = (
            f'{{name: sales, kind: bitrix24, url: "{portal.oauth_url}", oauth: {{client_id: {access.client_id},'
            f" client_secret: {access.client_secret}, refresh_token: {first.refresh},"
            f' token_url: "{portal.token_url}"}}}}'
        )
        text = CONFIG.format(pbx=pbx.port, portal="PORTAL", hook=receiver.url, folder=tmp_path)
        config = written(tmp_path, text.replace('{name: sales, kind: bitrix24, url: "PORTAL"}', crm))
        store = await Store.open(tmp_path / "amibridge.db")
        try:
            status, said = await looked(config)
            assert portal.access.pair == first
            assert status == 1
            assert "only the daemon that runs may renew it: nothing could be proved here" in said[1]
        finally:
            await store.close()
        status, said = await looked(config)
        assert said[1] == "CRM sales: fine"
        assert status == 0
        store = await Store.open(tmp_path / "amibridge.db")
        try:
            pair = portal.access.pair
            status, said = await looked(config)
            assert said[1] == "CRM sales: fine", "the token on the disk is still good"
            assert portal.access.pair == pair != first
        finally:
            await store.close()
