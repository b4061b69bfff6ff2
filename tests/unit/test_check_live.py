"""`amibridge check --live`: what the PBX and the CRMs say, in words for an admin, and nothing is changed in them."""

import asyncio
import subprocess
import sys
from pathlib import Path

from amibridge.demo.portal import Portal
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
    config = folder / "amibridge.yaml"
    config.write_text(CONFIG.format(pbx=pbx, portal=portal.webhook_url, hook=hook, folder=folder))
    config.chmod(0o600)
    (folder / "extensions.yaml").write_text('extensions: {"134": {}}\ntrunks: [PJSIP/provider]\n')
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
