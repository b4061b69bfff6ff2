"""`python -m tests.bench.throughput [EVENTS]`: events a second from bytes to verdicts, beside panoramisk's dispatch.

Both get the same bytes in the same run, in turns, so that a machine whose speed drifts does not favour one. panoramisk
only calls one callback for each event; amibridge does its whole job: packets, events, calls, verdicts and commands.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from amibridge.ami.decode import events
from amibridge.ami.packets import Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls, Ended
from tests.bench.stream import busy_hour, busy_hour_filtered, events_in, repeated
from tests.replay.playing import CAPTURES, directory

TURNS = 5


def amibridge(stream: Iterator[bytes]) -> int:
    """The whole job on a stream; how many calls were recorded."""
    framer, timeline, calls = Framer(), Timeline(), Calls("lab", directory(CAPTURES / "lab.yaml"))
    ended = 0
    for chunk in stream:
        for event in events(framer.feed(chunk), timeline):
            for output in calls.apply(event):
                ended += isinstance(output, Ended)
    return ended


def panoramisk(stream: Iterator[bytes]) -> int:
    """panoramisk's bare dispatch to one synchronous callback; how many events it got."""
    seen = 0

    def callback(_manager: Manager, _message: object) -> None:
        nonlocal seen
        seen += 1

    loop = asyncio.new_event_loop()
    manager = Manager(loop=loop)
    manager.register_event("*", callback)
    protocol = AMIProtocol()
    made: asyncio.Future[tuple[asyncio.Transport, AMIProtocol]] = loop.create_future()
    made.set_result((asyncio.Transport(), protocol))
    protocol.connection_made(asyncio.Transport())
    manager.connection_made(made)
    manager.pinger.cancel()
    for chunk in stream:
        protocol.data_received(chunk)
    for task in (left := asyncio.all_tasks(loop)):
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.close()
    return seen


def measured(work: Callable[[Iterator[bytes]], int], stream: bytes, times: int) -> float:
    """Events a second of processor time; the making of the bytes is not counted."""
    chunks = list(repeated(stream, times))
    began = time.process_time()
    work(iter(chunks))
    return events_in(stream) * times / (time.process_time() - began)


def main(wanted: int) -> None:
    for name, stream in (("raw stream", busy_hour()), ("filtered stream", busy_hour_filtered())):
        each = events_in(stream)
        times = max(1, wanted // each // TURNS)
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(measured(amibridge, stream, times))
            theirs.append(measured(panoramisk, stream, max(1, times // 5)))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(
            f"{name}: {each * times * TURNS:,} events; amibridge {statistics.median(ours):,.0f} events/s with the whole"
            f" job, panoramisk {statistics.median(theirs):,.0f} events/s of bare dispatch: {ratio:.1f} times"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
