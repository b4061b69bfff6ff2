"""Who the clients in a capture are: the numbers and names in it that are not the company's own.

A number is a client's wherever it stands as a number (caller ids, what was dialled), and anywhere else when somebody
could have it. A name is a client's when it never stands beside a number of the company.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from amibridge.ami.packets import headers
from amibridge.calls import Headers
from amibridge.calls.channel import dialled_number

SHORTEST = 5
"""Digits. Shorter ones are extensions, feature codes and public services: nobody's."""
_LONGEST = 20

_NUMBER = re.compile(rf"\+?[0-9]{{{SHORTEST},{_LONGEST}}}")
_ANYWHERE = re.compile(rf"(?<![0-9.])\+?[0-9]{{7,{_LONGEST}}}(?![0-9]|\.[0-9])")
"""What may be a number in any text. An epoch with its fraction, or a Uniqueid, is none."""
_SEPARATORS = re.compile(r"[ ().\-]")
_QUOTED = re.compile(r'"([^"]*)" <([^<>]*)>')
_FIGURES = re.compile(r"[0-9+ ().\-]*")
_NUMBERED = ("CallerIDNum", "ConnectedLineNum", "Exten", "Extension")
_NAMED = ("CallerIDName", "ConnectedLineName")
_NUMBER_VARIABLE = re.compile(r"NUM|DID|PHONE|CALLERID|DNID|RDNIS|\bANI\b|EXTEN", re.IGNORECASE)
_NOBODY = frozenset(("", "<unknown>", "unknown", "anonymous", "restricted", "unavailable", "private", "asterisk"))
"""What stands in the place of a name or a number when there is none, in lower case."""
UNTOUCHED = frozenset(("Timestamp", "Elapsed", "Received", "EventTV", "SessionTV"))
"""Headers that hold a time, whatever number that may look like."""


class Company(Protocol):
    """What the configuration says is the company's own, and what a number is to it."""

    def owns(self, number: str) -> bool:
        """An extension, a mobile of one, a DID or a queue, or else a number that the configuration names."""

    def e164(self, number: str) -> str | None:
        """The number as E.164, or None when it is no valid number outside."""

    def excludes(self, number: str) -> bool:
        """Calls of this number are not sent anywhere."""

    def employs(self, name: str) -> bool:
        """The name is one of the configuration's: a person's, a line's."""

    def knows_device(self, channel: str) -> bool:
        """The configuration names the device of this channel."""


@dataclass(slots=True)
class Clients:
    """The numbers, as they are written but for separators, and the names, each in the order of first sight."""

    numbers: dict[str, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)


def find_clients(packets: Iterable[bytes], company: Company) -> Clients:
    """The clients in these packets."""
    finder = _Finder(company)
    for packet in packets:
        finder.look(headers(packet))
    return finder.found()


class _Finder:
    def __init__(self, company: Company) -> None:
        self._company = company
        self._numbers: dict[str, None] = {}
        self._names: dict[str, None] = {}
        self._colleagues: set[str] = set()
        self._devices: set[str] = set()
        """Digits in the names of devices that the configuration names."""

    def look(self, read: Headers) -> None:
        for name, value in read.lines():
            if name in UNTOUCHED or not value:
                continue
            if name.endswith(_NAMED):
                self._name(value, read.get(f"{name.removesuffix('Name')}Num", ""))
            elif name.endswith(_NUMBERED):
                self._number(value)
                if not name.endswith(("Exten", "Extension")) and not self._speaks_of_number(value):
                    self._name(value, value)
            elif name.endswith("DialString"):
                self._number(dialled_number(value) or "")
            elif name == "Value" and _NUMBER_VARIABLE.search(read.get("Variable", "")):
                self._number(value)
            elif name.endswith("Channel") and self._company.knows_device(value):
                self._devices.update(re.findall(r"[0-9]+", value.rpartition("-")[0]))
            self._text(value)

    def found(self) -> Clients:
        company = self._company
        numbers = (number for number in self._numbers if number.removeprefix("+") not in self._devices)
        names = (name for name in self._names if name not in self._colleagues and not company.employs(name))
        return Clients(dict.fromkeys(numbers), dict.fromkeys(names))

    def _number(self, value: str) -> None:
        """A value that is a number, however it is written."""
        digits = _SEPARATORS.sub("", value)
        if _NUMBER.fullmatch(digits):
            self._take(digits)

    def _text(self, value: str) -> None:
        """A value that may hold numbers, and names with their numbers."""
        for match in _ANYWHERE.finditer(value):
            if self._company.e164(match[0]) is not None:
                self._take(match[0])
        if '" <' in value:
            for name, number in _QUOTED.findall(value):
                self._number(number)
                self._name(name, number)

    def _take(self, number: str) -> None:
        if number not in self._numbers and not self._company.owns(number):
            self._numbers[number] = None

    def _name(self, name: str, number: str) -> None:
        if name.lower() in _NOBODY:
            return
        if _FIGURES.fullmatch(name):
            self._number(name)
        elif number and self._company.owns(number):
            self._colleagues.add(name)
        else:
            self._names[name] = None

    def _speaks_of_number(self, value: str) -> bool:
        """A caller id that is, or holds, a number is no name."""
        return re.search(rf"[0-9]{{{SHORTEST}}}", value) is not None or len(value) < 3 or self._company.owns(value)
