"""Playing captures in the tests: the same way as `amibridge replay`, but in this process and packet by packet."""

import json
import lzma
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from amibridge.ami.decode import events
from amibridge.ami.packets import END, Framer
from amibridge.ami.timeline import Timeline
from amibridge.calls import Calls, Command, Ended, Event, Output
from amibridge.calls.who import Directory
from amibridge.directory.loading import load
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.settings import Settings

CAPTURES = Path(__file__).parent / "captures"


@dataclass(frozen=True)
class Capture:
    """A capture of a real Asterisk, with what really happened beside it."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name.removesuffix('.ami.xz')}"

    @property
    def config(self) -> Path:
        """Its own, its folder's or the laboratory's."""
        own = self.path.with_name(self.path.name.replace(".ami.xz", ".yaml"))
        ways = (own, self.path.with_name("config.yaml"), CAPTURES / "lab.yaml")
        return next(way for way in ways if way.exists())

    @property
    def directory(self) -> Directory:
        return directory(self.config)

    @property
    def truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = json.loads(self.path.with_name(self.path.name.replace(".ami.xz", ".json")).read_text())
        return truth

    @property
    def raw(self) -> bytes:
        return raw(self.path)

    @property
    def packets(self) -> list[bytes]:
        return Framer().feed(self.raw)

    @property
    def events(self) -> list[Event]:
        return list(events(self.packets, Timeline()))


@cache
def raw(path: Path) -> bytes:
    return lzma.decompress(path.read_bytes())


@cache
def directory(config: Path) -> Directory:
    return load(config).directory


def directory_with(one: "Capture", **settings: Any) -> Directory:
    """The capture's, with other settings in its main file: `exclude={"groups": ["600"]}`."""
    loaded = load(one.config)
    changed = {**loaded.settings.model_dump(include={"pbx", "numbers"}), **settings}
    return MapDirectory(Settings.model_validate(changed), loaded.extension_map)


def captures() -> list[Capture]:
    """All but those whose beginning only a listing tells of (`listed`)."""
    return [one for one in _all() if "and_asks" not in one.name]


def listed() -> list[Capture]:
    """Captures that begin in the middle of a call and hold what the PBX answered when it was asked for its channels."""
    return [one for one in _all() if "and_asks" in one.name]


def _all() -> list[Capture]:
    return [Capture(path) for path in sorted(CAPTURES.glob("*/*.ami.xz"))]


def capture(name: str) -> Capture:
    """The capture `asterisk-22/ringgroup_134_answers`."""
    return Capture(CAPTURES / f"{name}.ami.xz")


def play(played: Iterable[Event], whose: Directory, *, ends: bool = True) -> list[Output]:
    """All outputs of these events. ends: with the records of calls they end in the middle of, as of a capture's end."""
    calls = Calls("lab", whose)
    out: list[Output] = []
    at = 0.0
    for event in played:
        at = event.at
        out += calls.apply(event)
    return out + calls.end(at) if ends else out


def records(outputs: Iterable[Output]) -> list[dict[str, Any]]:
    """The records by the time of their calls' start, as `replay --json` prints them."""
    found = [dict(output.record) for output in outputs if isinstance(output, Ended)]
    return sorted(found, key=lambda record: (record["started_at"], record["call_id"]))


def commands(outputs: Iterable[Output]) -> list[Command]:
    return [output for output in outputs if isinstance(output, Command)]


def of_use(packet: bytes) -> bool:
    """Whether the core has a use for this packet."""
    return any(events([packet], Timeline()))


def joined(packets: Sequence[bytes]) -> bytes:
    """The stream that these packets make."""
    return END.join(packets) + END
