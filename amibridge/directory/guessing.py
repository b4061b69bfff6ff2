"""Who is who in a capture that comes without a configuration: guessed by what its devices are called and dialled by."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from amibridge.calls import Event, Picture
from amibridge.calls.channel import dialled_number
from amibridge.directory.devices import PORTS, canonical, device_of
from amibridge.directory.extension_map import ExtensionMap
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.settings import IGNORED, Settings
from amibridge.directory.who_is_who import MACHINES_BY_NATURE

_SHORT = re.compile(r"\d{2,6}")
"""An extension's number; a client's is longer."""
_NAMED = re.compile(r"99(\d{3,4})|(\d{2,6})(?:-WS)?")
"""`PJSIP/134`, and the second phones of MikoPBX and FreePBX: `134-WS`, `99134`."""
_LINE_OF = re.compile(r"(\d{2,6})[-_]")
"""`SIP/9170-12`, a line of a phone with several."""
_NOBODYS = frozenset({"LOCAL", *MACHINES_BY_NATURE, *map(canonical, IGNORED), *map(str.upper, IGNORED)})
_SHOWN = 8
"""So many names stand in the line that tells what was guessed."""


@dataclass(slots=True)
class _Seen:
    """What was seen of a device. has_ports: its name is a port's: port 12 is not extension 12."""

    name: str
    has_ports: bool
    callers: set[str] = field(default_factory=set)
    """The numbers that it showed when it began calls."""
    dialled_by_name: bool = False
    """`Dial(PJSIP/olga)`: a phone."""
    dialled_with: set[str] = field(default_factory=set)
    """The numbers that it was given as well, as a trunk is: `79…@provider`, `provider/79…`."""


@dataclass(frozen=True, slots=True)
class Guess:
    """phones: devices by the extension that they are taken for. lines: the devices that count as outside lines."""

    phones: dict[str, list[str]]
    lines: list[str]

    def __str__(self) -> str:
        lines = _few(self.lines) or "none"
        return f"extensions {_few(sorted(self.phones)) or 'none'}; outside lines {lines}"

    def directory(self) -> MapDirectory:
        """As if these stood in the two files, and all else were as if not written."""
        extensions = {number: {"devices": devices} for number, devices in self.phones.items()}
        extension_map = ExtensionMap.model_validate({"extensions": extensions, "trunks": self.lines})
        settings = {"pbx": [{"name": "capture", "secret": "none"}]}
        return MapDirectory(Settings.model_validate(settings), extension_map)


def guess(heard: Iterable[Event | Picture]) -> Guess:
    """Of a capture's events and listings."""
    seen: dict[str, _Seen] = {}
    for one in heard:
        if isinstance(one, Picture):
            for row in one.channels:
                _device(seen, row.name)
        elif one.name == "Newchannel":
            device = _device(seen, one.told("Channel"))
            if device is not None and one.told("ChannelStateDesc") == "Ring":
                device.callers.add(one.told("CallerIDNum") or "")
        elif one.name == "DialBegin":
            device = _device(seen, one.told("DestChannel"))
            if device is not None:
                _dialled(device, one.told("DialString") or "")
    return _sorted_out(seen)


def _device(seen: dict[str, _Seen], channel: str | None) -> _Seen | None:
    """What was seen of a channel's device so far; None for those that are nobody's, as Local channels."""
    name = device_of(channel or "")
    technology, _, rest = name.partition("/")
    if not technology or not rest or technology in _NOBODYS or name in _NOBODYS:
        return None
    return seen.setdefault(name, _Seen(rest, has_ports=technology in PORTS))


def _dialled(device: _Seen, dial_string: str) -> None:
    number = (dialled_number(dial_string) or "").removeprefix("+")
    if number.isdecimal() and number != device.name:
        device.dialled_with.add(number)
    else:
        device.dialled_by_name = True


def _sorted_out(seen: dict[str, _Seen]) -> Guess:
    phones: dict[str, list[str]] = {}
    lines = []
    for name, device in seen.items():
        extension = None if device.has_ports else _extension(device)
        if extension is None:
            lines.append(name)
        else:
            phones.setdefault(extension, []).append(name)
    return Guess(phones, sorted(lines))


def _extension(device: _Seen) -> str | None:
    """The number that a phone is named like, else the short one that it shows, else its name where it is dialled."""
    inner = device.name
    if any(not _SHORT.fullmatch(number) for number in device.dialled_with):
        return None
    if named := _NAMED.fullmatch(inner):
        return named[1] or named[2]
    shown = {caller for caller in device.callers if caller}
    if (line := _LINE_OF.match(inner)) and all(map(_SHORT.fullmatch, shown)):
        return line[1]
    if len(shown) == 1 and _SHORT.fullmatch(number := next(iter(shown))):
        return number
    if device.dialled_with:
        return None
    return inner if device.dialled_by_name and not shown and re.fullmatch(r"[\w.+-]+", inner) else None


def _few(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
