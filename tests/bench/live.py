"""`python -m tests.bench.live [22|16] [AT_ONCE ...]`: calls of a real Asterisk, the daemon beside it, on these cores.

sipp (Debian's sip-tester) plays both sides in real SIP, without media: clients behind the trunk and the phones of 134,
120 and 135. A call rings for a second and is talked in for ten. For each number of calls at once: how many calls and
manager events a second, the time from Asterisk's own stamp on the `BridgeEnter` that made the talk to the arrival of
the card's webhook, and what the processes used. Asterisk, sipp, the daemon and the receiver share the cores.
"""

import asyncio
import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from amibridge.ami.packets import Framer
from tests.bench.proc import Proc
from tests.chaos.configured import SECRET, written
from tests.chaos.daemon import daemon
from tests.live.asterisk import HOST, Asterisk
from tests.live.folders import asterisk_folder
from tests.live.lab import OFFICE, PROVIDER
from tests.unit.webhook_receiver import Delivered, ok, receiving

AT_ONCE = (50, 200, 400, 800)
RINGING, TALK, LONG = 1.0, 10.0, 30.0
"""Seconds: of a call's ringing, of its talk, and of a level."""
SETTLING = 30.0
"""Seconds in which the last records have to come."""
DIDS = {"74950000001": "134", "74950000012": "120", "74950000035": "135"}
"""The numbers of the lab that lead to one phone each."""
PHONES_PORT, RTP_PORTS = 45000, 8000
SIPP = Path(__file__).with_name("sipp")


@dataclass
class Seen:
    """What the receiver and a second manager session have seen of the calls."""

    events: int = 0
    stamps: dict[str, float] = field(default_factory=dict)
    """When the newest BridgeEnter of a linkedid was, by Asterisk's clock."""
    cards: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each client's card was opened for whom."""
    due: dict[str, str] = field(default_factory=dict)
    """Who is to talk to which client."""
    arrived: dict[str, float] = field(default_factory=dict)
    """When the card of a linkedid came first."""
    records: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, delivered: Delivered) -> web.Response:
        now, body = time.time(), delivered.body
        if body["type"] == "card.open":
            call = body["data"]["call"]
            self.cards[call["client"], body["data"]["extension"]] += 1
            self.arrived.setdefault(call["id"].partition(":")[2], now)
        self.records += body["type"] == "call.finished"
        self.news.set()
        return ok(delivered)

    def packet(self, packet: bytes) -> None:
        self.events += packet.startswith(b"Event: ")
        if packet.startswith(b"Event: BridgeEnter\r\n"):
            headers = dict(line.split(b": ", 1) for line in packet.split(b"\r\n") if b": " in line)
            self.stamps[headers[b"Linkedid"].decode()] = float(headers[b"Timestamp"])


@asynccontextmanager
async def listening(port: int, seen: Seen) -> AsyncIterator[None]:
    """A manager session with the daemon's own rights; it counts, and remembers when each talk began."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"Action: Login\r\nUsername: bridge\r\nSecret: {SECRET}\r\n\r\n".encode())

    async def read() -> None:
        framer = Framer()
        while chunk := await reader.read(1 << 16):
            for packet in framer.feed(chunk):
                seen.packet(packet)

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        writer.close()


def sipp(scenario: str, sip: int, bind: str, *more: str) -> list[str]:
    """The command line of one sipp."""
    return ["sipp", f"{HOST}:{sip}", "-sf", str(SIPP / f"{scenario}.xml"), "-i", bind, "-nostdin", *more]


def injected(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """A file with the fields of so many calls."""
    with path.open("w", newline="") as file:
        file.write("SEQUENTIAL\n")
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    return path


@contextmanager
def phones(sip: int, folder: Path) -> Iterator[Proc]:
    """Registers the phones and has them answer for the length of the block."""
    place = ("-p", str(PHONES_PORT))
    who = injected(folder / "phones.csv", [[extension] for extension in DIDS.values()])
    register = sipp("register", sip, OFFICE, *place, "-inf", str(who), "-m", str(len(DIDS)))
    subprocess.run(register, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with (folder / "phones.log").open("wb") as log:
        answering = subprocess.Popen(sipp("phone", sip, OFFICE, *place), stdout=log, stderr=log)
        try:
            yield Proc(answering.pid)
        finally:
            answering.kill()
            answering.wait()


async def level(at_once: int, sip: int, seen: Seen, processes: dict[str, Proc], folder: Path) -> None:
    """One row of the table."""
    rate = at_once / (RINGING + TALK)
    first, calls = len(seen.due), round(rate * LONG)
    dids = list(DIDS)
    rows = [[f"7903{first + n:07}", dids[n % len(dids)]] for n in range(calls)]
    mine = {f"+{client}": DIDS[did] for client, did in rows}
    seen.due |= mine
    seen.arrived.clear()
    events, records = seen.events, seen.records
    used = {name: process.cpu for name, process in processes.items()}
    began = time.monotonic()
    clients = await asyncio.create_subprocess_exec(
        *sipp("client", sip, PROVIDER, "-inf", str(injected(folder / "clients.csv", rows))),
        *("-r", f"{rate:.3f}", "-m", str(calls), "-d", str(round(TALK * 1000))),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    status = await clients.wait()
    seconds = time.monotonic() - began
    cores = {name: (process.cpu - used[name]) / seconds for name, process in processes.items()}
    try:
        async with asyncio.timeout(SETTLING):
            while seen.records - records < calls:
                seen.news.clear()
                await seen.news.wait()
    except TimeoutError:
        print(f"  of {calls} calls {seen.records - records} were recorded (sipp ended with {status})")
    # Only now: the session that took the stamps may have been behind the webhook.
    delays = [at - seen.stamps[linkedid] for linkedid, at in seen.arrived.items()]
    cuts = statistics.quantiles(delays, n=100)
    opened = {client: who for client, who in seen.cards if client in mine}
    wrong = sum(opened[client] != mine[client] for client in opened)
    twice = sum(times > 1 for (client, _), times in seen.cards.items() if client in mine)
    print(
        f"{at_once:7} {calls / seconds:7.1f} {(seen.events - events) / seconds:8.0f}   "
        f"{cuts[49] * 1e3:6.1f} {cuts[94] * 1e3:6.1f} {cuts[98] * 1e3:6.1f}   "
        f"{len(opened)}/{calls}, {wrong} wrong, {twice} twice   "
        + ", ".join(f"{name} {cores[name]:.2f}" for name in processes)
        + f"   {processes['daemon'].rss:.0f} MiB",
        flush=True,
    )


async def measure(version: str, levels: Sequence[int], folder: Path) -> None:
    seen = Seen()
    with (
        Asterisk(version, asterisk_folder(version), RTP_PORTS) as asterisk,
        phones(asterisk.ports.sip, folder) as answering,
    ):
        async with listening(asterisk.ports.ami, seen), receiving(seen.take) as receiver:
            config = written(folder, {"lab": asterisk.ports.ami}, {"hook": receiver.url})
            async with daemon(config) as bridge:
                await bridge.said("ami.live")
                processes = {"daemon": Proc(bridge.process.pid), "Asterisk": Proc(asterisk.pid), "phones": answering}
                print(f"Asterisk {version}, {LONG:.0f} s each; cores used by each process, of the machine's")
                print("at once calls/s events/s   p50, p95, p99 ms       cards                      cores used")
                for at_once in levels:
                    await level(at_once, asterisk.ports.sip, seen, processes, folder)
                print(f"warnings and errors in the log: {bridge.troubles}")


def main(version: str, levels: Sequence[int]) -> None:
    if shutil.which("sipp") is None:
        sys.exit("sipp is missing: as root, apt-get install sip-tester")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(version, levels, Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "22", [int(one) for one in sys.argv[2:]] or AT_ONCE)
