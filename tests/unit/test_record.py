"""`amibridge record`: what it writes, when it stops, and what it says when it cannot."""

import argparse
import asyncio
import gzip
import io
import lzma
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from amibridge.ami.captures import chunks, read
from amibridge.ami.packets import Framer, headers
from amibridge.ami.recorder import Recorder, create
from amibridge.ami.timeline import Timeline
from amibridge.calls import Event, Headers
from amibridge.cli import record
from tests.unit.manager_server import PATIENCE, Link, ManagerServer, call, event, served

MAP = 'extensions: {"134": {name: Ольга}}\ntrunks: [PJSIP/provider]\n'
CLIENT = call("1795290990.28", CallerIDNum="79031234509", CallerIDName="Клиент Иванов", Timestamp="1795290990.607072")


def configuration(folder: Path, port: int = 5038) -> Path:
    (folder / "extensions.yaml").write_text(MAP)
    main = folder / "main.yaml"
    main.write_text(f"pbx: [{{name: lab, port: {port}, username: bridge, secret: hidden}}]\n")
    main.chmod(0o600)
    return main


def ran(config: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    record.add_arguments(parser)
    return record.run(parser.parse_args(["--config", str(config), *arguments]))


@asynccontextmanager
async def recording(config: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as people type it, beside the server in this process."""
    command = (sys.executable, "-m", "amibridge", "record", "--config", str(config), *arguments)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def recorded_events(out: Path) -> list[Event]:
    """What replay would see in this capture."""
    return [seen for seen in read(str(out), Timeline(), Framer()) if isinstance(seen, Event)]


async def said_until(process: asyncio.subprocess.Process, word: bytes) -> bytes:
    """What the command says, up to the line with this word."""
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(PATIENCE):
        while word not in said:
            line = await process.stderr.readline()
            assert line, said
            said += line
    return said


async def listed(pbx: ManagerServer) -> None:
    """The recording's session is live, or nearly."""
    await pbx.asked("BridgeList", len(pbx.links) or 1)


# The command.


@pytest.mark.parametrize("name", ["out.ami", "out.ami.gz", "out.ami.xz"])
async def test_until_it_is_told_to_stop(tmp_path: Path, name: str) -> None:
    out = tmp_path / name

    def busy(link: Link, asked: Headers) -> None:
        link.send(CLIENT, event("VarSet", "dialplan,all", Variable="X", Value="noise"))
        link.rows(asked, "BridgeListItem", "BridgeListComplete", [])

    async with served() as pbx:
        pbx.answers["BridgeList"] = busy
        async with recording(configuration(tmp_path, pbx.port), str(out)) as process:
            said = await said_until(process, b"ami.live")
            process.send_signal(signal.SIGINT if name == "out.ami" else signal.SIGTERM)
            said += (await process.communicate())[1]
    assert process.returncode == 0
    assert re.search(rb"recorded \d+ packets \(\d+ bytes\) in \d s from lab", said)
    assert b"hidden" not in said
    packets = [headers(packet) for packet in Framer().feed(b"".join(chunks(str(out))))]
    assert all(re.fullmatch(r"\d{10}\.\d{6}", packet["Received"]) for packet in packets)
    assert {"Newchannel", "VarSet", "FullyBooted"} <= {packet.get("Event") for packet in packets}
    [newchannel] = recorded_events(out)
    assert (newchannel.name, newchannel.wall) == ("Newchannel", 1795290990.607072)
    assert out.stat().st_mode & 0o777 == 0o600


async def test_across_a_lost_connection(tmp_path: Path) -> None:
    out = tmp_path / "out.ami"

    def busy(link: Link, asked: Headers) -> None:
        link.send(call(str(len(pbx.links))))
        link.rows(asked, "BridgeListItem", "BridgeListComplete", [])

    async with served() as pbx:
        pbx.answers["BridgeList"] = busy
        async with recording(configuration(tmp_path, pbx.port), str(out)) as process:
            await said_until(process, b"ami.live")
            pbx.links[0].close()
            said = await said_until(process, b"ami.live")
            process.terminate()
            await process.communicate()
    assert process.returncode == 0
    assert [event.headers["Uniqueid"] for event in recorded_events(out)] == ["1", "2"]
    assert b"ami.lost" in said


async def test_to_standard_output(tmp_path: Path) -> None:
    async with served() as pbx, recording(configuration(tmp_path, pbx.port), "--seconds", "0.3", "-") as process:
        await listed(pbx)
        pbx.links[0].send(CLIENT)
        written, said = await process.communicate()
    assert process.returncode == 0
    assert b"\r\nUniqueid: 1795290990.28\r\n" in written
    assert written.endswith(b"\r\n\r\n")
    assert b"recorded" in said


async def test_scrubbed_it_leaves_nothing_else_behind(tmp_path: Path) -> None:
    out = tmp_path / "captures" / "out.ami"
    out.parent.mkdir()
    async with served() as pbx:
        config = configuration(tmp_path, pbx.port)
        async with recording(config, "--scrub", "--seconds", "0.3", str(out)) as process:
            await listed(pbx)
            pbx.links[0].send(CLIENT)
            _, said = await process.communicate()
    assert process.returncode == 0
    assert f"{out}: 1 numbers, 1 names replaced\n".encode() in said
    assert list(out.parent.iterdir()) == [out]
    written = out.read_bytes().decode()
    assert "CallerIDNum: 79031000001\r\nCallerIDName: Client 1\r\n" in written
    assert "79031234509" not in written


async def test_a_refused_login(tmp_path: Path) -> None:
    async with served() as pbx:
        pbx.answers["Login"] = pbx.refuse
        async with recording(configuration(tmp_path, pbx.port), str(tmp_path / "out.ami")) as process:
            _, said = await process.communicate()
    assert process.returncode == 1
    assert b"refuses the login of 'bridge': Authentication failed; compare the secret" in said
    assert b"hidden" not in said
    assert not (tmp_path / "out.ami").exists()


def test_nobody_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(configuration(tmp_path, 1), str(tmp_path / "out.ami")) == 1
    assert "127.0.0.1:1 cannot be reached" in capsys.readouterr().err
    assert not (tmp_path / "out.ami").exists()


def test_a_capture_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.ami"
    out.write_text("dear")
    for more in ([], ["--scrub"], ["--scrub", "--from", str(out)]):
        assert ran(configuration(tmp_path, 1), *more, str(out)) == 1
        assert capsys.readouterr().err == f"{out} is there already; name a new file\n"
        assert out.read_text() == "dear"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pbx", "nowhere", "{}/out.ami"], "{}/main.yaml: no PBX is called nowhere; there is lab"),
        (["{}/no/out.ami"], "{}/no/out.ami cannot be written: No such file or directory"),
        (["--scrub", "{}/no/out.ami"], "{}/no: No such file or directory; name a folder"),
        (["--from", "{}/capture.ami", "{}/out.ami"], "--from takes a capture's file, and --scrub says what to do"),
        (["--from", "-", "--scrub", "{}/out.ami"], "--from takes a capture's file, and --scrub says what to do"),
        (["--from", "{}/capture.ami", "--scrub", "{}/out.ami"], "{}/capture.ami: No such file or directory"),
        (["--from", "{}/main.gz", "--scrub", "{}/out.ami"], "{}/main.gz is text, and no line of it begins an event"),
    ],
)
def test_says_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    config = configuration(tmp_path, 1)
    (tmp_path / "main.gz").write_text("no gzip")
    assert ran(config, *(argument.format(tmp_path) for argument in arguments)) == 1
    assert said.format(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "out.ami").exists()


def test_says_what_is_wrong_with_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(tmp_path)
    config.write_text(config.read_text().replace("secret: hidden", "secret: {env: NO_SUCH_VARIABLE}"))
    assert ran(config, str(tmp_path / "out.ami")) == 1
    assert "environment variable NO_SUCH_VARIABLE is not set" in capsys.readouterr().err
    config.write_text("pbx: []\n")
    assert ran(config, str(tmp_path / "out.ami")) == 1
    assert "pbx" in capsys.readouterr().err


def test_a_capture_that_was_recorded_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, capture = configuration(tmp_path), tmp_path / "capture.ami.xz"
    capture.write_bytes(lzma.compress(b"Asterisk Call Manager/11.0.0\r\n" + CLIENT))
    outs = [tmp_path / "one.ami.gz", tmp_path / "two" / "one.ami.gz"]
    outs[1].parent.mkdir()
    for out in outs:
        assert ran(config, "--scrub", "--from", str(capture), str(out)) == 0
        assert capsys.readouterr().err == f"{out}: 1 numbers, 1 names replaced\n"
    assert outs[0].read_bytes() == outs[1].read_bytes()
    left = gzip.decompress(outs[0].read_bytes())
    assert left.startswith(b"Asterisk Call Manager/11.0.0\r\nEvent: Newchannel\r\n")
    assert b"79031000001" in left


# The file.


def test_each_packet_says_when_it_arrived() -> None:
    file = io.BytesIO()
    recorder = Recorder(file, pytest.fail)
    recorder.take([b"Event: A\r\nX: 1", b"Event: B"], 1795290990.25)
    recorder.take([b"Response: Success"], 1795290990.5)
    assert file.getvalue().split(b"\r\n\r\n") == [
        b"Event: A\r\nX: 1\r\nReceived: 1795290990.250000",
        b"Event: B\r\nReceived: 1795290990.250000",
        b"Response: Success\r\nReceived: 1795290990.500000",
        b"",
    ]
    assert (recorder.packets, recorder.bytes) == (3, len(file.getvalue()))


def test_a_full_disk_ends_it() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    failures: list[str] = []
    recorder = Recorder(cast(BinaryIO, Full()), lambda: failures.append("failed"))
    recorder.take([b"Event: A"], 1.0)
    recorder.take([b"Event: B"], 2.0)
    assert failures == ["failed"]
    assert recorder.packets == 0
    assert recorder.failure is not None


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".ami"])
def test_a_file_is_made_once_and_for_its_owner(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with create(str(path)) as file:
        file.write(b"packets")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        create(str(path))
