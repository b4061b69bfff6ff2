"""The headers of a manager packet, read where they stand."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from amibridge.calls.places import Places

T = TypeVar("T")


class Lines(dict[str, str]):
    """How a header's line begins, by its name. The names are those that the core asks for: there are few."""

    def __missing__(self, name: str) -> str:
        return self.setdefault(name, f"\r\n{name}: ")


LINES = Lines()


class Headers(Mapping[str, str]):
    """The headers of one packet; of a repeated header the first value, whoever wrote it: `Event.told` asks that too.

    Of the thirty headers of an event the core asks for five, so a header is looked up when it is asked for.
    text: the lines, with CR LF before and behind each. shaped, places: what `told.read` has found out: the packet as
    Asterisk has written it, up to the end of its last block (groups: where in that match a header's value is); or,
    where somebody has written into it, the provable places.
    """

    __slots__ = ("groups", "places", "shaped", "text")

    def __init__(self, text: str) -> None:
        """text: the packet's lines, `Name: value`, with CR LF between them."""
        self.text = f"\r\n{text}\r\n"
        self.shaped: re.Match[str] | None = None
        self.groups: Mapping[str, int]
        self.places: Places | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Headers":
        """Headers out of a mapping, for tables of events."""
        return cls("\r\n".join(f"{name}: {value}" for name, value in headers.items()))

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...

    @overload
    def get(self, name: str, default: str, /) -> str: ...

    @overload
    def get(self, name: str, default: T, /) -> str | T: ...

    def get(self, name: str, default: object = None, /) -> object:
        """The header's first value, or the default."""
        text, line = self.text, LINES[name]
        start = text.find(line)
        if start < 0:
            return default
        start += len(line)
        return text[start : text.find("\r\n", start)]

    def last(self, name: str, default: str = "") -> str:
        """The header's last value."""
        start = self.text.rfind(LINES[name])
        if start < 0:
            return default
        start += len(LINES[name])
        return self.text[start : self.text.find("\r\n", start)]

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.lines() if key == name]

    def lines(self) -> Iterator[tuple[str, str]]:
        """Every header with its value as it stands in the packet, repeated ones too."""
        for line in self.text.split("\r\n"):
            name, colon, value = line.partition(": ")
            if colon:
                yield name, value

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self.lines()))

    def __len__(self) -> int:
        return len({name for name, _ in self.lines()})
