"""Scrubbing: a capture in which the clients are invented people, and everything else is as it was.

Each number keeps its length and its first digits (country, area or operator), so it is as valid, as foreign and as
mobile as before; the last six digits are invented, the same ones wherever they stood, so that `8903…` and `+7903…` stay
one client. Nothing leads back: invented digits only count the clients in the order of their first sight, and none are
those of another client in the same capture.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, count, islice

from amibridge.ami.clients import UNTOUCHED, Clients, Company, find_clients
from amibridge.ami.packets import END, Framer

_INVENTED = 6
"""Digits at the end of a number that are invented. What stands before them is shared by a million people."""
_LONG = _INVENTED + 1
"""Digits from which on a number is known wherever it stands, also inside a longer row of digits."""
_CORE = 10
"""Digits at the end of a long number by which it is known, whatever was dialled before them. After so many more may
follow; a number with fewer is only known where its digits end."""
_SHORTEST_NAME = 3
"""Letters. A shorter name is only known where it stands as a name."""
_ATTEMPTS = 1000
"""So many inventions are tried for one that is as valid as the number it replaces."""
_NEARER = 3
"""So many of the last digits stay where nothing else will do."""

_TOO_MANY = "there are more clients in this capture than numbers can be invented for"

_DIGITS = re.compile(rf"[0-9](?:[ ()\-]{{0,3}}[0-9]){{{_INVENTED},}}")
"""A row of digits, as people separate them."""
_SHORT = re.compile(rf"(?<![0-9.])[0-9]{{5,{_INVENTED}}}(?![0-9]|\.[0-9])")
_WORD = re.compile(r"(?:[^\W_]|[\udc80-\udcff])+")
"""Letters and digits, and the bytes of another encoding."""
_UNIQUEID = re.compile(r"(?:.*-)?\d+\.\d+")
_NO_NAMES = (
    *("Event", "Privilege", "Response", "ActionID", "Channel", "ChannelState", "ChannelStateDesc", "Context"),
    *("Language", "Priority", "Uniqueid", "UniqueId", "UniqueID", "Linkedid", "Application", "Variable", "Queue"),
    *("DialStatus", "Result", "Direction", "Digit", "Cause", "BridgeType", "BridgeTechnology", "BridgeUniqueid"),
)
"""Headers in Asterisk's own words end like this: a client called Ring changes none of them."""


class Substitution:
    """Puts invented clients in the place of those that were found."""

    def __init__(self, clients: Clients, company: Company) -> None:
        self.numbers = len(clients.numbers)
        self.names = len(clients.names)
        long: list[str] = []
        short: list[str] = []
        for number in clients.numbers:
            (long if len(number.removeprefix("+")) >= _LONG else short).append(number)
        self._tails = _invented_tails(long, company)
        self._cores: dict[str, set[str]] = {}
        """The ends by which long numbers are known, by the last digits of them."""
        for number in long:
            self._cores.setdefault(number[-_LONG:], set()).add(number.removeprefix("+")[-_CORE:])
        self._short = _invented_short(short, company)
        self._invented_names = _invented_names(clients.names)
        self._by_first_word = _by_first_word(self._invented_names)
        # Most values come again and again.
        self._value = lru_cache(1 << 16)(self._replaced)

    def packet(self, packet: bytes) -> bytes:
        """The packet with invented clients; also a packet that was cut short."""
        lines = packet.decode("utf-8", "surrogateescape").split("\r\n")
        return "\r\n".join(map(self._line, lines)).encode("utf-8", "surrogateescape")

    def text(self, text: str) -> str:
        """Any other text about the same calls with invented clients: a line of `replay --json`."""
        return self._value(text, True)

    def _line(self, line: str) -> str:
        name, colon, value = line.partition(": ")
        if not colon:
            return self._value(line, True)
        if not value or name in UNTOUCHED or (name.lower().endswith("id") and _UNIQUEID.fullmatch(value)):
            return line
        return f"{name}: {self._value(value, not name.endswith(_NO_NAMES))}"

    def _replaced(self, value: str, with_names: bool) -> str:
        if with_names and self._invented_names:
            value = self._invented_names.get(value) or self._without_names(value)
        if self._cores:
            value = _DIGITS.sub(self._long_numbers, value)
        if self._short:
            value = _SHORT.sub(lambda match: self._short.get(match[0], match[0]), value)
        return value

    def _long_numbers(self, match: re.Match[str]) -> str:
        text = match[0]
        places = [place for place, sign in enumerate(text) if sign.isdigit()]
        digits = "".join(text[place] for place in places)
        signs = list(text)
        end = _LONG
        while end <= len(digits):
            over = end == len(digits) or places[end] > places[end - 1] + 1
            cores = self._cores.get(digits[end - _LONG : end], ())
            if any(digits[:end].endswith(core) for core in cores if over or len(core) == _CORE):
                tail = self._tails[digits[end - _INVENTED : end]]
                for place, sign in zip(places[end - _INVENTED : end], tail, strict=True):
                    signs[place] = sign
                end += _LONG
            else:
                end += 1
        return "".join(signs)

    def _without_names(self, value: str) -> str:
        words = list(_WORD.finditer(value))
        pieces, done, at = [], 0, 0
        while at < len(words):
            for name_words, invented in self._by_first_word.get(words[at][0], ()):
                found = words[at : at + len(name_words)]
                if [word[0] for word in found] == name_words:
                    pieces += [value[done : found[0].start()], invented]
                    done = found[-1].end()
                    at += len(name_words)
                    break
            else:
                at += 1
        return "".join((*pieces, value[done:])) if pieces else value


def scrubbed(read: Callable[[], Iterable[bytes]], company: Company) -> tuple[Substitution, Iterator[bytes]]:
    """A capture with invented clients: what was put in whose place, and the bytes.

    read: begins to read the capture anew, for it is read twice: who the clients are is known at its end.
    """
    substitution = Substitution(find_clients(_packets(read()), company), company)
    return substitution, (substitution.packet(packet) for packet in _packets(read()))


def _packets(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The packets with their empty lines, and what there is of a last one."""
    framer = Framer()
    for chunk in chunks:
        for packet in framer.feed(chunk):
            yield packet + END
    if rest := framer.rest():
        yield rest


def _invented_tails(numbers: Iterable[str], company: Company) -> dict[str, str]:
    """From the last digits of the numbers to those that take their place: one row of digits, one invention."""
    having: dict[str, list[str]] = {}
    for number in numbers:
        having.setdefault(number[-_INVENTED:], []).append(number)
    tails: dict[str, str] = {}
    taken = set(having)
    lowest = 1
    for tail, alike in having.items():
        counted = (new for new in _counted(_INVENTED, lowest) if new not in taken)
        # Where a pattern of the configuration looks at these digits too, fewer can be invented.
        nearer = (tail[:_NEARER] + rest for rest in _counted(_INVENTED - _NEARER, 1))
        free = chain(islice(counted, _ATTEMPTS), (new for new in nearer if new not in taken))
        tails[tail] = _first_as_good(free, alike, company)
        taken.add(tails[tail])
        while f"{lowest:0{_INVENTED}}" in taken:
            lowest += 1
    return tails


def _first_as_good(tails: Iterable[str], numbers: Iterable[str], company: Company) -> str:
    """The first of these tails with which all the numbers are what they were, or where there is none the first."""
    fallback = ""
    for tail in tails:
        fallback = fallback or tail
        if all(_as_good(number, number[:-_INVENTED] + tail, company) for number in numbers):
            return tail
    if not fallback:
        raise ValueError(_TOO_MANY)
    return fallback


def _invented_short(numbers: Iterable[str], company: Company) -> dict[str, str]:
    """Local numbers without an area code: all digits but the first are invented."""
    known = dict.fromkeys(number.removeprefix("+") for number in numbers)
    invented: dict[str, str] = {}
    taken = set(known)
    for number in known:
        candidates = (number[0] + rest for rest in _counted(len(number) - 1, 1))
        free = (new for new in candidates if new not in taken and not company.owns(new))
        invented[number] = next(free, "")
        if not invented[number]:
            raise ValueError(_TOO_MANY)
        taken.add(invented[number])
    return invented


def _counted(digits: int, first: int) -> Iterator[str]:
    return (f"{number:0{digits}}" for number in range(first, 10**digits))


def _as_good(number: str, invented: str, company: Company) -> bool:
    """Whether the invented number is to the company what the other one is."""
    if company.owns(invented) or company.excludes(invented) != company.excludes(number):
        return False
    e164 = company.e164(number)
    return company.e164(invented) == (None if e164 is None else e164[:-_INVENTED] + invented[-_INVENTED:])


def _invented_names(names: Iterable[str]) -> dict[str, str]:
    names = dict.fromkeys(names)
    free = (invented for number in count(1) if (invented := f"Client {number}") not in names)
    return dict(zip(names, free, strict=False))


def _by_first_word(invented_names: Mapping[str, str]) -> dict[str, list[tuple[list[str], str]]]:
    """The names as rows of words, however they are joined: `in-Ivan_Petrov-7903….wav`. Longer names come first."""
    found: dict[str, list[tuple[list[str], str]]] = {}
    for name, invented in invented_names.items():
        words = _WORD.findall(name)
        if sum(map(len, words)) >= _SHORTEST_NAME:
            found.setdefault(words[0], []).append((words, invented))
    for entries in found.values():
        entries.sort(key=lambda entry: len(entry[0]), reverse=True)
    return found
