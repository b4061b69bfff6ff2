"""Who heard whom when: the times at which each tone can be heard in what the PBX sent to a phone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from operator import mul

from tests.live.chance.wire import Packet
from tests.live.hearing import RATE

WINDOW = 320
"""Samples: two packets, 40 ms, so that two tones 90 Hz apart are two."""
AUDIBLE = 3600
"""More than half the amplitude of a voice (6000 to 6800): it is to be in both packets."""
DROPOUT = 0.25
"""Seconds: a shorter silence is that of a digit being pressed (0.15 s), or of the machine's load; not of the talk."""
Spans = list[tuple[float, float]]
"""From and to, in seconds since the epoch, in order and apart."""


def heard(packets: Sequence[Packet], voices: Mapping[str, int]) -> dict[str, Spans]:
    """When each voice can be heard in what came to one phone, in order. voices: their tones."""
    found: dict[str, list[tuple[float, float]]] = {who: [] for who in voices}
    for before, packet in pairwise(packets):
        if packet.at - before.at > DROPOUT:
            continue
        window = _decoded(before.sound + packet.sound)
        if len(window) != WINDOW or max(window) - min(window) < AUDIBLE:
            continue
        for who, tone in voices.items():
            if _strength(window, tone) > AUDIBLE:
                found[who].append((before.at, packet.at))
    return {who: together(spans, DROPOUT) for who, spans in found.items() if spans}


def together(spans: Iterable[tuple[float, float]], apart: float = 0.0) -> Spans:
    """The times covered by any of them; shorter silences between than `apart` are covered too."""
    joined: Spans = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1] + apart:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def both(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> Spans:
    """The times covered by both."""
    met = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return together((begin, end) for begin, end in met if begin < end)


def without(spans: Iterable[tuple[float, float]], gaps: Sequence[tuple[float, float]]) -> Spans:
    """What is left of the times."""
    left: Spans = []
    for begin, end in spans:
        edges = [begin, *(edge for gap in together(gaps) for edge in gap if begin < edge < end), end]
        left += [(a, b) for a, b in pairwise(edges) if not any(c <= (a + b) / 2 <= d for c, d in gaps)]
    return left


def seconds(spans: Iterable[tuple[float, float]]) -> float:
    return sum(end - begin for begin, end in spans)


def _decoded(sound: bytes) -> list[int]:
    return [LINEAR[byte] for byte in sound]


def _strength(window: Sequence[int], tone: int) -> float:
    """The amplitude of one tone."""
    cosine, sine, whole = _waves(tone)
    return 2 * math.hypot(sum(map(mul, window, cosine)), sum(map(mul, window, sine))) / whole


@cache
def _waves(tone: int) -> tuple[list[float], list[float], float]:
    """A tone in a window that fades in and out (Hann's), so that its neighbours do not leak into it."""
    fade = [0.5 - 0.5 * math.cos(2 * math.pi * n / WINDOW) for n in range(WINDOW)]
    step = 2 * math.pi * tone / RATE
    cosine = [weight * math.cos(step * n) for n, weight in enumerate(fade)]
    return cosine, [weight * math.sin(step * n) for n, weight in enumerate(fade)], sum(fade)


def _linear(byte: int) -> int:
    """A sample of the µ-law (G.711)."""
    flipped = ~byte & 0xFF
    size = ((((flipped & 0x0F) << 3) + 0x84) << ((flipped & 0x70) >> 4)) - 0x84
    return -size if flipped & 0x80 else size


LINEAR = [_linear(byte) for byte in range(256)]
