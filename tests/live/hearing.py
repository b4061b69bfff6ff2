"""Who heard whom: finds each person's tone in what the phones recorded."""

import math
import struct
from collections.abc import Mapping
from pathlib import Path

RATE = 8000
WINDOW = 800
"""Samples in a tenth of a second."""
QUIET, AUDIBLE = 400, 1000
MUSIC, ANNOUNCEMENT = 3000, 3300
"""The tones of the music on hold and of the PBX's announcement."""
TONES = range(700, 2900, 90)
"""The people's, away from what a PBX rings and is busy with (350 to 620 Hz)."""


def tone(frequency: int, seconds: float) -> bytes:
    """Signed 16 bit samples."""
    step = 2 * math.pi * frequency / RATE
    return b"".join(struct.pack("<h", int(8000 * math.sin(step * n))) for n in range(int(RATE * seconds)))


def everybody_heard(recordings: Path, voices: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Who heard whose voice for how many seconds. A recording is named LISTENER-PHONE-CALL-STRETCH.wav."""
    heard: dict[str, dict[str, float]] = {}
    for recording in sorted(recordings.glob("*.wav")):
        who = recording.name.split("-")[0]
        others = {voice: frequency for voice, frequency in voices.items() if voice != who}
        for voice, seconds in heard_in(recording, others).items():
            mine = heard.setdefault(who, {})
            mine[voice] = round(mine.get(voice, 0.0) + seconds, 1)
    return heard


def heard_in(recording: Path, voices: Mapping[str, int]) -> dict[str, float]:
    """Seconds for which each voice can be heard in the recording."""
    _, _, chunk = recording.read_bytes().partition(b"data")
    data = chunk[4:]
    seconds: dict[str, float] = {}
    for start in range(0, len(data) - 2 * WINDOW + 1, 2 * WINDOW):
        samples = struct.unpack(f"<{WINDOW}h", data[start : start + 2 * WINDOW])
        if max(samples) - min(samples) < QUIET:
            continue
        for who, frequency in voices.items():
            if _strength(samples, frequency) > AUDIBLE:
                seconds[who] = round(seconds.get(who, 0.0) + WINDOW / RATE, 1)
    return seconds


def _strength(samples: tuple[int, ...], frequency: int) -> float:
    """The amplitude of one tone in the window (Goertzel)."""
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    one = two = 0.0
    for sample in samples:
        one, two = sample + factor * one - two, one
    return 2 * math.sqrt(max(0.0, one * one + two * two - factor * one * two)) / len(samples)
