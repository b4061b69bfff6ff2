"""The log: its form beside a journal and without one, and what becomes of lines that nobody can or will take. Pipes,
sockets and devices are real; so is the daemon, whose calls go on in any case."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from amibridge.daemon.log_stream import WAITING, LogStream
from tests.unit.daemon_process import PATIENCE, daemon
from tests.unit.manager_server import ManagerServer, served
from tests.unit.operators import configuration
from tests.unit.test_daemon_life import calls_in
from tests.unit.webhook_receiver import Receiver, receiving

TOLD = """
import sys, structlog, logging
from amibridge.daemon.logs import configure
from amibridge.directory.settings import Log
configure(Log(format=sys.argv[1]))
log = structlog.get_logger()
log.info("call.started", client="\\x1b[2J\\x9b1m\\u202e4321\\u2028\\u061c", seen=["\\u2066", None], none=None)
log.warning("second", call="a\\nb")
try:
    raise ValueError("\\x1b[31m\\u202e")
except ValueError:
    log.exception("third")
logging.getLogger("asyncio").error("Task %s", "\\x07")
"""


def told(form: str, environment: dict[str, str] | None = None) -> list[str]:
    """The lines of a log, written to a socket as systemd connects one to the journal."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if environment is None:
            made = os.fstat(theirs.fileno())
            environment = {"JOURNAL_STREAM": f"{made.st_dev}:{made.st_ino}"}
        command = [sys.executable, "-c", TOLD, form]
        subprocess.run(command, stderr=theirs.fileno(), env={**os.environ, **environment}, check=True, timeout=60)
        theirs.close()
        return b"".join(iter(lambda: ours.recv(1 << 16), b"")).decode().removesuffix("\n").split("\n")


def test_beside_a_journal_a_line_has_its_priority_and_no_time() -> None:
    lines = told("text")
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<3>", "<3>"]
    assert lines[1] == '<4>level=warning event=second call="a b"'
    assert lines[3] == '<3>level=error event=library library=asyncio what="Task \\\\u0007"'


@pytest.mark.parametrize("stream", [{"JOURNAL_STREAM": "1:2"}, {"JOURNAL_STREAM": "nonsense"}, {"JOURNAL_STREAM": ""}])
def test_elsewhere_it_has_its_time(stream: dict[str, str]) -> None:
    """The variable may be inherited by what writes somewhere else."""
    assert all(
        re.match(r"timestamp=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=\w+ event=", line)
        for line in told("text", stream)
    )


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("stream", [None, {}])
def test_nothing_in_a_line_is_invisible(form: str, stream: dict[str, str] | None) -> None:
    lines = told(form, stream)
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert "\\u001b[2J" in lines[0]
    assert "\\u202e4321" in lines[0]
    assert "Traceback" in lines[2]
    if form == "json":
        assert [json.loads(line[line.index("{") :])["level"] for line in lines] == ["info", "warning", "error", "error"]


def lost(lines: int, why: str) -> str:
    return f"lost {lines}: {why}"


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    yield os.pipe()


@contextmanager
def stream_socket() -> Iterator[tuple[int, int]]:
    ours, theirs = socket.socketpair()
    yield ours.detach(), theirs.detach()


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    yield os.openpty()


@pytest.mark.parametrize("kind", [pipe, stream_socket, terminal])
def test_a_reader_who_has_stopped_reading_keeps_nobody(kind: Callable[[], Iterator[tuple[int, int]]]) -> None:
    """More than may wait for it: what is read afterwards is in order, and the gap is told in its place."""
    with kind() as (reading, writing):  # type: ignore[attr-defined]
        stream = LogStream(writing, lost)
        for number in range(30_000):
            stream.info(f"{number:07d} " + 291 * "x")
        read = b""
        while b"lost" not in read:
            read += os.read(reading, 1 << 16)
        stream.finish(PATIENCE)
        stream.info("afterwards")
        while b"afterwards" not in read:
            read += os.read(reading, 1 << 16)
        lines = read.decode().splitlines()
        kept = [line for line in lines if line.endswith("x")]
        assert [int(line.split()[0]) for line in kept] == list(range(len(kept)))
        assert len(kept) * 300 > WAITING
        assert lines[len(kept) :] == [f"lost {30_000 - len(kept)}: nobody reads it", "afterwards"]
        os.close(reading)
        os.close(writing)


def test_what_a_full_disk_did_not_take_is_counted_and_told(tmp_path: Path) -> None:
    """A limit of the file's size stands for the disk: the line that it cuts is cut, and the next one is whole."""
    code = """
import os, resource, sys
from amibridge.daemon.log_stream import LogStream
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
stream = LogStream(file, lambda lines, why: f"lost {lines}: {why}")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))
for number in range(10):
    stream.info(f"line {number} ....")
    stream.finish(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
stream.info("after")
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "log")], check=True, timeout=60)
    assert (tmp_path / "log").read_text().splitlines() == [
        "line 0 ....",
        "line 1 ....",
        "l",
        "lost 8: File too large",
        "after",
    ]


def test_a_reader_who_comes_back_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    first = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    stream = LogStream(os.open(tmp_path / "fifo", os.O_WRONLY), lost)
    stream.info("one")
    os.close(first)
    stream.info("two")
    stream.info("three")
    second = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    stream.info("four")
    assert os.read(second, 1 << 16) == b"one\nlost 2: Broken pipe\nfour\n"


@pytest.fixture
async def pbx() -> AsyncIterator[ManagerServer]:
    async with served() as server:
        yield server


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def gone() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def blocked() -> int:
    """A pipe that is full, and whose reader reads nothing."""
    _, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (1 << 16, 1):
        while True:
            try:
                os.write(writing, b"x" * size)
            except BlockingIOError:
                break
    os.set_blocking(writing, True)
    return writing


@pytest.mark.parametrize("stderr", [full, gone, blocked])
async def test_a_log_that_cannot_be_written_costs_no_call(
    tmp_path: Path, pbx: ManagerServer, receiver: Receiver, stderr: Callable[[], int]
) -> None:
    crm = f"[{{name: sales, kind: webhook, url: '{receiver.url}'}}]"
    writing = stderr()
    async with daemon(configuration(tmp_path, port=pbx.port, crm=crm), stderr=writing) as running:
        os.close(writing)
        await pbx.asked("BridgeList")
        for number in range(39):
            pbx.links[-1].send(calls_in(number))
        async with asyncio.timeout(3 * PATIENCE):
            while len(receiver.opened) < 39:
                receiver.news.clear()
                await receiver.news.wait()
        running.signal(signal.SIGHUP)
        assert await running.stops() == 0


def standard_streams_of(pid: int) -> set[Path]:
    return {Path(f"/proc/{pid}/fd/{number}").readlink() for number in range(3)}


async def test_a_closed_log_costs_no_call_and_no_file(tmp_path: Path, pbx: ManagerServer, receiver: Receiver) -> None:
    """Its number is not given to the next file or socket that is opened, which the log would then be written to."""
    config = configuration(tmp_path, port=pbx.port, crm=f"[{{name: sales, kind: webhook, url: '{receiver.url}'}}]")
    command = [sys.executable, "-m", "amibridge", "run", "--config", str(config)]
    process = await asyncio.create_subprocess_exec("bash", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "bash", *command)
    try:
        await pbx.asked("BridgeList")
        pbx.links[-1].send(calls_in(1))
        async with asyncio.timeout(PATIENCE):
            await receiver.news.wait()
        assert standard_streams_of(process.pid) == {Path("/dev/null")}
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_signals_that_mean_nothing_do_nothing(tmp_path: Path, pbx: ManagerServer) -> None:
    async with daemon(configuration(tmp_path, port=pbx.port, crm="[]")) as running:
        await running.says("event=started")
        for name in ("USR1", "USR2", "PIPE", "ALRM", "VTALRM", "PROF", "IO", "PWR", "RTMIN", "RTMAX"):
            running.signal(getattr(signal, f"SIG{name}"))
        running.signal(signal.SIGHUP)
        await running.says("event=configuration.reloaded")
        assert await running.stops() == 0
