"""The headers of a manager packet, read where they stand."""

from collections.abc import Iterator, Mapping
from typing import TypeVar, overload

T = TypeVar("T")


class _Lines(dict[str, str]):
    """How a header's line begins, by its name. The names are those that the core asks for: there are few."""

    def __missing__(self, name: str) -> str:
        return self.setdefault(name, f"\r\n{name}: ")


_LINES = _Lines()


class Headers(Mapping[str, str]):
    """The headers of one packet; of a repeated header the first value.

    Of the thirty headers of an event the core asks for five, so a header is looked up when it is asked for.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """text: the packet's lines, `Name: value`, with CR LF between them."""
        self._text = f"\r\n{text}\r\n"

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
        text, line = self._text, _LINES[name]
        start = text.find(line)
        if start < 0:
            return default
        start += len(line)
        return text[start : text.find("\r\n", start)]

    def last(self, name: str, default: str = "") -> str:
        """The header's last value: for headers that stand behind everything a caller can write into an event."""
        text, line = self._text, _LINES[name]
        start = text.rfind(line)
        if start < 0:
            return default
        start += len(line)
        return text[start : text.find("\r\n", start)]

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.lines() if key == name]

    def variable(self, name: str) -> str | None:
        """A channel variable that the PBX attached to the event (`channelvars` in manager.conf), or None."""
        return next((v[len(name) + 1 :] for v in self.all("ChanVariable") if v.startswith(f"{name}=")), None)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Every header with its value as it stands in the packet, repeated ones too."""
        for line in self._text.split("\r\n"):
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
