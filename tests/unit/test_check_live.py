"""`amibridge check --live`: what the PBX and the CRMs say, in words for an admin, and nothing is changed in them."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from amibridge.ami.manager_conf import taken_away
from amibridge.demo.portal import Portal
from amibridge.store import Store
from tests.chaos.pbx import Pbx, playing
from tests.unit.office import office
from tests.unit.webhook_receiver import Delivered, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONFIG = """
pbx: [{{name: lab, host: 127.0.0.1, port: {pbx}, username: bridge, secret: lab-bridge}}]
crm:
  - {{name: sales, kind: bitrix24, url: "{portal}"}}
  - {{name: hook, kind: webhook, url: "{hook}", secret: "{secret}"}}
store: {{path: {folder}/amibridge.db}}
extensions: extensions.yaml
"""


EVERYTHING = {"AST_CONFIG(manager.conf,bridge,read)": "system,call,agent"}


def tells(pbx: Pbx, variables: Mapping[str, str]) -> None:
    """What it answers to `Getvar`; of others it says that they are empty, as Asterisk does."""
    pbx.answers["Getvar"] = lambda link, asked: link.answer(
        asked, "Response: Success", f"Value: {variables.get(asked['Variable'], '')}"
    )


async def checked(folder: Path, pbx: int, portal: Portal, hook: str) -> tuple[int, list[str]]:
    """The exit status, and what was said of each peer."""
    text = CONFIG.format(pbx=pbx, portal=portal.webhook_url, hook=hook, secret=SECRET, folder=folder)
    return await looked(written(folder, text))


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
        tells(pbx, EVERYTHING)
        status, said = await checked(tmp_path, pbx.port, portal, receiver.url)
    assert said == ["PBX lab: fine by manager.conf; only a call proves it", "CRM sales: fine", "CRM hook: fine"]
    assert status == 0
    assert portal.calls == {}
    (ping,) = receiver.delivered
    assert ping.body == {"type": "ping", "timestamp": ping.body["timestamp"], "data": {"key": ping.id}}
    assert ping.id.startswith("ping/")
    assert ping.signed_with(SECRET)


async def test_each_trouble_has_its_remedy(tmp_path: Path) -> None:
    async with playing() as pbx, office(scopes=("crm", "user")) as portal:
        pbx.answers["Login"] = pbx.refuse
        status, said = await checked(tmp_path, pbx.port, portal, "http://127.0.0.1:9/hook?token=s3cret")
    of_pbx, of_portal, of_hook = said
    assert "refuses the login of 'bridge'" in of_pbx
    assert "manager.conf" in of_pbx
    assert "telephony.externalCall.register: insufficient_scope" in of_portal
    assert "tick telephony, crm and user" in of_portal
    assert (
        of_hook
        == "CRM hook: no connection to 127.0.0.1:9: Connection refused; is the receiver at work, and its address right?"
    )
    assert status == 1


async def test_beside_a_daemon_no_token_is_used_up(tmp_path: Path) -> None:
    """A refreshed token locked the daemon out until it was started again."""
    async with playing() as pbx, office() as portal, receiving() as receiver:
        tells(pbx, EVERYTHING)
        access, first = portal.access, portal.access.pair
        crm = (
            f'{{name: sales, kind: bitrix24, url: "{portal.oauth_url}", oauth: {{client_id: {access.client_id},'
            f" client_secret: {access.client_secret}, refresh_token: {first.refresh},"
            f' token_url: "{portal.token_url}"}}}}'
        )
        text = CONFIG.format(pbx=pbx.port, portal="PORTAL", hook=receiver.url, secret=SECRET, folder=tmp_path)
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


FEW = {"AST_CONFIG(manager.conf,bridge,read)": "system"}
NO_BRIDGES = {
    "AST_CONFIG(manager.conf,bridge,read)": "all",
    "AST_CONFIG(manager.conf,bridge,eventfilter,0)": "!^Event: (Cdr|CEL)",
    "AST_CONFIG(manager.conf,bridge,eventfilter,1)": "!^Event: Bridge(Enter|Leave)",
}


@pytest.mark.parametrize(
    ("variables", "said", "status"),
    [
        (FEW, "read = system in manager.conf keeps the classes call, agent from it; write read = system,call,agent", 1),
        (NO_BRIDGES, "eventfilter = !^Event: Bridge(Enter|Leave) in manager.conf keeps BridgeEnter, BridgeLeave", 1),
        ({}, "which events it tells is unproven", 0),
    ],
)
async def test_an_account_that_hears_too_little(
    tmp_path: Path, variables: dict[str, str], said: str, status: int
) -> None:
    async with playing() as pbx, office() as portal, receiving() as receiver:
        tells(pbx, variables)
        result, (of_pbx, *_) = await checked(tmp_path, pbx.port, portal, receiver.url)
    assert said in of_pbx
    assert result == status


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (404, "HTTP 404; is the path of the address right?"),
        (401, "HTTP 401; is `secret` the receiver's"),
        (302, "HTTP 302; redirects are not followed"),
        (400, "HTTP 400; let it answer success to types that it does not know"),
        (500, "HTTP 500; what does its own log say?"),
    ],
)
async def test_a_webhook_that_takes_no_ping(tmp_path: Path, status: int, remedy: str) -> None:
    def refuse(delivered: Delivered) -> web.Response:
        return web.Response(status=status)

    async with playing() as pbx, office() as portal, receiving(refuse) as receiver:
        tells(pbx, EVERYTHING)
        result, (*_, of_hook) = await checked(tmp_path, pbx.port, portal, receiver.url)
    assert of_hook.startswith("CRM hook: 127.0.0.1:")
    assert f"answers a ping with {remedy}" in of_hook
    assert "token" not in of_hook
    assert result == 1


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        (["!^Event: (Newexten|Cdr)"], []),
        (["!BridgeEnter", "!Hang"], [("!BridgeEnter", ["BridgeEnter"]), ("!Hang", ["Hangup"])]),
        (["^Event: (BridgeEnter|Hangup)"], []),
        (["^Event: Hangup", "^Event: Newchannel"], [("^Event: Hangup", ["BridgeEnter"])]),
        (["^Event:", "!^Event: Bridge"], [("!^Event: Bridge", ["BridgeEnter"])]),
        (["!Channel: Local/", "!("], []),
    ],
)
def test_what_filters_take_away(filters: list[str], taken: list[tuple[str, list[str]]]) -> None:
    assert list(taken_away(filters, ["BridgeEnter", "Hangup"])) == taken
