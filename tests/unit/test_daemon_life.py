"""The daemon's life as systemd sees it: it says when it is ready, reloads, stops in time, and ends with a status that
says whether another start would help. Each daemon is a real process; the PBX is played."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from amibridge.calls import Headers
from tests.unit.daemon_process import Daemon, Systemd, daemon, listening
from tests.unit.manager_server import Link, ManagerServer, event, served
from tests.unit.office import office
from tests.unit.operators import Operator, configuration
from tests.unit.webhook_receiver import Receiver, receiving


@pytest.fixture
async def pbx() -> AsyncIterator[ManagerServer]:
    async with served() as server:
        yield server


@pytest.fixture
async def systemd(tmp_path: Path) -> AsyncIterator[Systemd]:
    async with listening(tmp_path / "notify") as socket:
        yield socket


@pytest.fixture
def notified(tmp_path: Path) -> dict[str, str]:
    """The environment that systemd starts a `Type=notify` service with."""
    return {"NOTIFY_SOCKET": str(tmp_path / "notify")}


CLIENT = ("PJSIP/provider-00000001", "1800000000.1")
PHONE = ("PJSIP/reception-00000002", "1800000000.2")


def described(
    channel: tuple[str, str],
    state: str,
    prefix: str = "",
    *,
    linked: str = CLIENT[1],
    number: str = "",
    exten: str = "",
) -> dict[str, str]:
    """A channel's headers in an event, in the PBX's order: what stands behind `Priority` no caller can write."""
    name, uid = channel
    headers = {"Channel": name, "ChannelStateDesc": state, "CallerIDNum": number, "Exten": exten, "Priority": "1"}
    return {prefix + key: value for key, value in {**headers, "Uniqueid": uid, "Linkedid": linked}.items()}


def calls_in(number: int) -> bytes:
    """The beginning of one more client's call."""
    uid = f"1800000000.{number}"
    client = (f"PJSIP/provider-{number:08x}", uid)
    return event("Newchannel", **described(client, "Ring", linked=uid, number=f"7903{number:07d}", exten="74950000002"))


def enters(channel: tuple[str, str]) -> bytes:
    bridge = {"BridgeUniqueid": "b1", "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}
    return event("BridgeEnter", **bridge, **described(channel, "Up"))


CALL = (
    event("Newchannel", **described(CLIENT, "Ring", number="79031234504", exten="74950000002")),
    event("Newchannel", **described(PHONE, "Down")),
    event("DialBegin", **described(CLIENT, "Ring"), **described(PHONE, "Down", "Dest")),
    event("Newstate", **described(PHONE, "Ringing")),
    event("Newstate", **described(PHONE, "Up")),
    event("Newstate", **described(CLIENT, "Up")),
    enters(CLIENT),
    enters(PHONE),
)
"""A client calls and talks to somebody at the device PJSIP/reception, who is 134 by the map alone."""


async def connected(pbx: ManagerServer, running: Daemon) -> None:
    """Waits until the daemon hears the PBX."""
    await pbx.asked("BridgeList")
    await running.says("event=ami.live")


async def test_ready_then_stopping(
    tmp_path: Path, pbx: ManagerServer, systemd: Systemd, notified: dict[str, str]
) -> None:
    async with daemon(configuration(tmp_path, port=pbx.port, crm="[]"), notified) as running:
        assert await systemd.hears("READY=1") == ["READY=1"]
        assert await running.stops() == 0
        assert await systemd.hears("STOPPING=1") == ["STOPPING=1"]
        assert "event=stopped" in running.log[-1]


async def test_ready_without_a_pbx(tmp_path: Path, systemd: Systemd, notified: dict[str, str]) -> None:
    async with served() as gone:
        port = gone.port
    async with daemon(configuration(tmp_path, port=port, crm="[]"), notified) as running:
        await systemd.hears("READY=1")
        assert await running.stops() == 0


async def test_an_abstract_socket(tmp_path: Path, pbx: ManagerServer) -> None:
    name = f"amibridge-test-{tmp_path}"
    async with listening(Path(f"\0{name}")) as systemd:
        config = configuration(tmp_path, port=pbx.port, crm="[]")
        async with daemon(config, {"NOTIFY_SOCKET": f"@{name}"}) as running:
            await systemd.hears("READY=1")
            assert await running.stops() == 0


async def test_the_watchdog_is_fed(
    tmp_path: Path, pbx: ManagerServer, systemd: Systemd, notified: dict[str, str]
) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config, {**notified, "WATCHDOG_USEC": "200000"}) as running:
        for _ in range(3):
            await systemd.hears("WATCHDOG=1")
        assert await running.stops() == 0


async def test_systemd_that_does_not_listen_stops_nobody(tmp_path: Path, pbx: ManagerServer) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}) as running:
        await running.says("event=systemd.not_told", 'what="READY=1"')
        await connected(pbx, running)
        assert await running.stops() == 0


async def test_a_reload_says_when(
    tmp_path: Path, pbx: ManagerServer, systemd: Systemd, notified: dict[str, str]
) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config, notified) as running:
        await systemd.hears("READY=1")
        before = time.monotonic_ns() // 1000
        running.signal(signal.SIGHUP)
        _, told = await systemd.hears("RELOADING=1")
        name, _, moment = told.partition("=")
        assert name == "MONOTONIC_USEC"
        assert before <= int(moment) <= time.monotonic_ns() // 1000
        await systemd.hears("READY=1")
        await running.says("event=configuration.reloaded", "extensions=1")
        assert await running.stops() == 0


async def test_a_broken_file_is_named_and_the_last_good_one_stays_in_force(
    tmp_path: Path, pbx: ManagerServer, systemd: Systemd, notified: dict[str, str]
) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config, notified) as running:
        await systemd.hears("READY=1")
        await connected(pbx, running)
        (tmp_path / "extensions.yaml").write_text('extensions:\n  "134": {device: [PJSIP/reception]}\n')
        running.signal(signal.SIGHUP)
        refused = await running.says("event=configuration.refused")
        assert f"{tmp_path}/extensions.yaml:2:11: extensions.134.device: unknown key" in refused
        await running.says("event=configuration.kept")
        await systemd.hears("READY=1")
        pbx.links[-1].send(*CALL)
        await running.says("event=card.open", "extension=134")
        assert await running.stops() == 0


async def test_a_good_file_is_in_force_for_the_next_call(tmp_path: Path, pbx: ManagerServer) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config) as running:
        await connected(pbx, running)
        (tmp_path / "extensions.yaml").write_text(
            'extensions: {"120": {devices: [PJSIP/reception]}}\ntrunks: [PJSIP/provider]\n'
        )
        running.signal(signal.SIGHUP)
        await running.says("event=configuration.reloaded")
        pbx.links[-1].send(*CALL)
        await running.says("event=card.open", "extension=120")
        assert await running.stops() == 0


async def test_it_stops_in_time_although_the_pbx_says_nothing(tmp_path: Path, pbx: ManagerServer) -> None:
    pbx.answers["Login"] = lambda link, asked: None
    async with daemon(configuration(tmp_path, port=pbx.port, crm="[]")) as running:
        await pbx.asked("Login")
        assert await running.stops() == 0


async def test_it_stops_in_time_although_a_crm_never_answers(tmp_path: Path, pbx: ManagerServer) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        asked.set()
        await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", never)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    crm = f"[{{name: sales, kind: webhook, url: '{url}'}}]"
    try:
        async with daemon(configuration(tmp_path, port=pbx.port, crm=crm)) as running:
            await connected(pbx, running)
            pbx.links[-1].send(*CALL)
            await asyncio.wait_for(asked.wait(), 10)
            assert await running.stops() == 0
    finally:
        over.set()
        await runner.cleanup()


async def test_it_stops_in_time_although_the_disk_refuses_everything(tmp_path: Path, pbx: ManagerServer) -> None:
    """More waits in memory than may, and reading has stopped: nobody waits for room that never comes."""
    async with daemon(configuration(tmp_path, port=pbx.port, crm="[]")) as running:
        await connected(pbx, running)
        other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            pbx.links[-1].send(*map(calls_in, range(12_000)))
            await running.says("event=store.full")
            assert await running.stops() == 0
            assert "event=store.lost" in running.log[-2]
        finally:
            other.close()


async def test_what_is_retried_by_hand_is_sent_at_once(
    tmp_path: Path, pbx: ManagerServer, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The daemon learns of the change although nothing else happens."""
    async with receiving() as receiver:
        receiver.answer = lambda delivered: web.Response(status=422 if len(receiver.delivered) == 1 else 204)
        crm = f"[{{name: sales, kind: webhook, url: '{receiver.url}'}}]"
        config = configuration(tmp_path, port=pbx.port, crm=crm)
        async with daemon(config) as running:
            await connected(pbx, running)
            pbx.links[-1].send(CALL[0])
            await running.says("event=delivery.refused", "call.started")
            operator = Operator(config, capsysbinary)
            assert await asyncio.to_thread(operator.types, "outbox", "retry", "1") == 0
            assert operator.err == ""
            await running.says("event=delivery.done", "call.started")
            assert await running.stops() == 0
    assert ids(receiver) == 2 * ["office:1800000000.1/call.started"]


def ids(receiver: Receiver) -> list[str]:
    return [delivered.id for delivered in receiver.delivered]


async def test_a_right_that_is_missing_is_said_at_the_start(tmp_path: Path, pbx: ManagerServer) -> None:
    async with office(scopes=("telephony", "crm")) as portal:
        crm = f"[{{name: sales, kind: bitrix24, url: '{portal.webhook_url}'}}]"
        async with daemon(configuration(tmp_path, port=pbx.port, crm=crm)) as running:
            line = await running.says("crm.not_ready", "crm=sales", "user.get")
            await running.stops()
    assert "tick telephony, crm and user" in line


async def test_a_broken_configuration_ends_with_2(tmp_path: Path) -> None:
    config = configuration(tmp_path, "shadwo: true")
    async with daemon(config) as running:
        assert await running.ends() == 2
        assert running.log == [f"{config}:4:1: shadwo: unknown key; did you mean `shadow`?"]


async def test_a_secret_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    config.write_text(config.read_text().replace("hidden", "{file: none}"))
    async with daemon(config) as running:
        assert await running.ends() == 2
        assert f"secret file {tmp_path}/none cannot be read: " in running.log[-1]


async def test_a_second_daemon_ends_with_3(tmp_path: Path, pbx: ManagerServer) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config) as running:
        await running.says("event=started")
        async with daemon(config) as second:
            assert await second.ends() == 3
            assert second.log[-1] == f"amibridge: process {running.pid} is already using {tmp_path}/calls.db"
        assert await running.stops() == 0


async def test_a_newer_database_ends_with_4_and_is_not_touched(tmp_path: Path, pbx: ManagerServer) -> None:
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    async with daemon(config) as running:
        await running.says("event=started")
        assert await running.stops() == 0
    with sqlite3.connect(tmp_path / "calls.db") as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = (tmp_path / "calls.db").read_bytes()
    async with daemon(config) as newer:
        assert await newer.ends() == 4
        assert "written by a newer amibridge (version 99" in newer.log[-1]
    assert (tmp_path / "calls.db").read_bytes() == before


def with_files(config: Path, folder: Path) -> tuple[Path, Path]:
    """Takes the secrets out of the configuration, into files. Returns the manager's and the webhook's."""
    of_pbx, of_hook = folder / "ami.secret", folder / "webhook.secret"
    of_pbx.write_text("wrong\n")
    of_hook.write_text("whsec_c2VjcmV0\n")
    config.write_text(config.read_text().replace("secret: hidden", f"secret: {{file: {of_pbx}}}"))
    return of_pbx, of_hook


async def test_a_secret_that_was_mended_is_taken_at_a_reload(tmp_path: Path, pbx: ManagerServer) -> None:
    """Its file is not the configuration: the reload was fine, and the old one was refused again and again."""
    secrets: list[str] = []

    def look(link: Link, asked: Headers) -> None:
        secrets.append(asked["Secret"])
        (pbx.accept if secrets[-1] == "right" else pbx.refuse)(link, asked)

    pbx.answers["Login"] = look
    config = configuration(tmp_path, port=pbx.port, crm="[]")
    of_pbx, _ = with_files(config, tmp_path)
    async with daemon(config) as running:
        await running.says("event=ami.login_refused")
        of_pbx.write_text("right\n")
        running.signal(signal.SIGHUP)
        await running.says("event=secret.renewed", "key=pbx[0].secret")
        await running.says("event=ami.live")
        assert await running.stops() == 0
    assert secrets == ["wrong", "right"]


async def test_a_reload_tells_what_became_of_the_other_secrets(tmp_path: Path, pbx: ManagerServer) -> None:
    hook = f"{{name: hook, kind: webhook, url: 'http://127.0.0.1:9/', secret: {{file: {tmp_path}/webhook.secret}}}}"
    config = configuration(tmp_path, port=pbx.port, crm=f"[{hook}]")
    of_pbx, of_hook = with_files(config, tmp_path)
    async with daemon(config) as running:
        await connected(pbx, running)
        of_hook.write_text("whsec_b3RoZXI=\n")
        of_pbx.unlink()
        running.signal(signal.SIGHUP)
        gone = await running.says("event=secret.not_read", "key=pbx[0].secret")
        assert "No such file" in gone
        await running.says("event=configuration.needs_restart", "key=crm[0].secret")
        pbx.links[-1].send(*CALL)
        await running.says("event=card.open", "extension=134")
        assert await running.stops() == 0
