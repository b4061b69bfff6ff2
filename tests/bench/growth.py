"""`python -m tests.bench.growth [CALLS …]`: cost per event and memory as the number of concurrent calls grows.

The costs are printed as ratios against the smallest number of calls in the same run.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Sequence
from itertools import chain

from amibridge.ami.decode import events
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls
from tests.bench.stream import concurrent
from tests.replay.playing import CAPTURES, directory

LEAST = 20_000
"""Calls played at each number, so that the small ones take long enough to measure."""


def cost(calls: int) -> float:
    """Seconds an event, with so many calls at once."""
    spent, count = 0.0, 0
    for _ in range(max(1, LEAST // calls)):
        core, timeline = Calls("lab", directory(CAPTURES / "lab.yaml")), Timeline()
        for _, packets in concurrent(calls):
            began = time.perf_counter()
            for event in events(packets, timeline):
                core.apply(event)
            spent += time.perf_counter() - began
            count += len(packets)
    return spent / count


def memory(calls: int) -> tuple[int, int]:
    """Bytes held while so many calls talk, and after they and one more call, an hour later, have ended."""
    core, timeline = Calls("lab", directory(CAPTURES / "lab.yaml")), Timeline()
    gc.collect()
    tracemalloc.start()
    held = []
    for _, packets in chain(concurrent(calls), concurrent(1, later=3600)):
        for event in events(packets, timeline):
            core.apply(event)
        del event
        packets.clear()  # the generator holds them too
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    _, talking, *_, ended = held
    return talking, ended


def main(numbers: Sequence[int]) -> None:
    first = 0.0
    for calls in numbers:
        each = cost(calls)
        first = first or each
        talking, ended = memory(calls)
        print(
            f"{calls:>6,} calls at once: {each * 1e6:.1f} µs an event ({each / first:.2f} of the first),"
            f" {talking / calls / 1024:.1f} KiB a call while they talk, {ended / 1024:,.0f} KiB in all after they ended"
        )


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or [10, 100, 1_000, 10_000])
