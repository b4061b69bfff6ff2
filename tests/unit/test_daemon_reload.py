"""SIGHUP: both files are read again by a process of its own, while the daemon hears its PBX and its signals."""

import asyncio
import gc
import os
import signal
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from amibridge.daemon.rereading import RereadingError, reread
from amibridge.directory.loading import load
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.problems import ConfigurationError
from amibridge.directory.reader import Refused, Reread
from tests.unit.daemon_process import daemon, listening
from tests.unit.manager_server import ManagerServer, served
from tests.unit.operators import configuration
from tests.unit.test_daemon_life import calls_in, connected


@pytest.fixture
async def pbx() -> AsyncIterator[ManagerServer]:
    async with served() as server:
        yield server


def many(folder: Path, number: int, **main: int) -> Path:
    """A configuration with so many extensions, each with what takes time to read."""
    config = configuration(folder, port=main.get("port", 5038), crm="[]")
    people = "".join(
        f'  "{extension}": {{name: Person {extension}, crm_user: {extension}, mobiles: ["+7916{extension:07d}"],'
        f" devices: [SIP/{extension}-a], open_on: {'never' if extension % 2 else 'answer'}}}\n"
        for extension in range(1000, 1000 + number)
    )
    trunks = ", ".join(f"SIP/trunk{n}" for n in range(100))
    (folder / "extensions.yaml").write_text(f"extensions:\n{people}trunks: [{trunks}]\n")
    return config


def answers(directory: MapDirectory, extension: int) -> list[object]:
    name = str(extension)
    return [
        directory.who(f"SIP/{name}-a-00000001", None),
        directory.who("SIP/trunk77-00000001", f"916{extension:07d}"),
        directory.person(name),
        directory.mobile_of(f"8916{extension:07d}"),
        directory.rule(name, None, None),
        directory.e164(name),
        directory.e164("8 903 123-45-04"),
        directory.is_own("1"),
        directory.line("SIP/trunk5-1", "1"),
        directory.excluded(client=None, client_raw="1", did="2", queue="3"),
    ]


async def test_what_another_process_has_read_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = many(tmp_path, 300)
    here = load(config)

    def never(path: Path) -> None:
        raise AssertionError("read in this process")

    monkeypatch.setattr("amibridge.directory.reader.load", never)
    read = await reread(config)
    assert isinstance(read, Reread)
    assert (read.settings, read.extensions) == (here.settings, 300)
    for extension in (1000, 1151, 1299, 1300):
        assert answers(read.directory, extension) == answers(here.directory, extension)


async def test_what_is_wrong_is_the_same(tmp_path: Path) -> None:
    config = many(tmp_path, 300)
    whole = (tmp_path / "extensions.yaml").read_text()
    (tmp_path / "extensions.yaml").write_text(whole.replace("crm_user", "user"))
    with pytest.raises(ConfigurationError) as caught:
        load(config)
    read = await reread(config)
    assert isinstance(read, Refused)
    assert read.problems == caught.value.problems
    assert len(read.problems) == 300


async def test_a_reader_that_dies_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(RereadingError, match="ended with status 1"):
        await reread(many(tmp_path, 1))


async def test_a_map_that_is_replaced_goes_at_once(tmp_path: Path) -> None:
    """Without a collection of garbage, which looks through all there is while the cards wait."""
    read = await reread(many(tmp_path, 300))
    assert isinstance(read, Reread)
    answers(read.directory, 1000)
    gone = weakref.ref(read.directory)
    gc.disable()
    try:
        del read
        assert gone() is None
    finally:
        gc.enable()


async def test_calls_go_on_while_it_is_read(tmp_path: Path, pbx: ManagerServer) -> None:
    config = many(tmp_path, 1, port=pbx.port)
    notified = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    async with listening(tmp_path / "notify") as systemd, daemon(config, notified) as running:
        await connected(pbx, running)
        many(tmp_path, 5000, port=pbx.port)
        running.signal(signal.SIGHUP)
        await systemd.hears("RELOADING=1")
        pbx.links[-1].send(calls_in(1))
        await running.says("event=call.started")
        assert not [line for line in running.log if "configuration.reloaded" in line]
        assert processes_about(config) == 2
        assert await running.stops() == 0
        assert processes_about(config) == 0


def processes_about(config: Path) -> int:
    """How many processes have this configuration on their command line."""
    number = 0
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            number += str(config).encode() in line.read_bytes()
    return number


async def test_nobody_waits_for_a_fifo(tmp_path: Path, pbx: ManagerServer) -> None:
    async with daemon(configuration(tmp_path, port=pbx.port, crm="[]")) as running:
        await connected(pbx, running)
        (tmp_path / "extensions.yaml").unlink()
        os.mkfifo(tmp_path / "extensions.yaml")
        running.signal(signal.SIGHUP)
        assert "is no regular file; put the text itself" in await running.says("event=configuration.refused")
        assert await running.stops() == 0


@pytest.mark.parametrize("kind", ["fifo", "huge"])
async def test_a_secret_that_is_no_text_ends_with_2(tmp_path: Path, kind: str) -> None:
    config = configuration(tmp_path, crm="[]")
    config.write_text(config.read_text().replace("hidden", "{file: secret}"))
    if kind == "fifo":
        os.mkfifo(tmp_path / "secret")
    else:
        with (tmp_path / "secret").open("wb") as file:
            file.truncate(1 << 30)
    async with daemon(config) as running:
        assert await asyncio.wait_for(running.ends(), 30) == 2
        assert f"secret file {tmp_path}/secret is " in running.log[-1]
