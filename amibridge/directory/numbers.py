"""Telephone numbers, as PBXs and people write them, to E.164."""

import re
from collections.abc import Iterable, Iterator

import phonenumbers

from amibridge.directory.remembering import remembered

_LONGEST = 256
"""A number with the SIP address around it is never longer; what is, is not looked at."""
_SHORTEST_WITHOUT_PLUS = 10
"""Fewer digits are a local number without its area code, not a foreign number without its plus:
683-40-02 in Moscow is not +683 4002 on Niue."""
_E164 = re.compile(r"\+[0-9]{7,15}")
"""What is valid in some country's plan and is shorter or longer than this is a service, no client's number."""

_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_SCHEME = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_BEHIND_THE_NUMBER = re.compile(r"[@;?]")
_SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015\u2212]")
_NUMBER = re.compile(r"\+?[0-9]{3,20}")


def plain_number(raw: str) -> str:
    """What was dialled, without the address around it: ``134`` of ``"Olga" <sip:134@pbx;user=phone>``."""
    text = raw.strip()
    if inside := _IN_BRACKETS.search(text):
        text = inside[1]
    if scheme := _SCHEME.match(text):
        text = text[scheme.end() :].replace("%2B", "+").replace("%2b", "+")
    return _BEHIND_THE_NUMBER.split(text, maxsplit=1)[0].strip()


def to_e164(raw: str, region: str) -> str | None:
    """``+79031234504`` for a valid number however it is written, else None (withheld, short, alphanumeric, wrong).

    region: the country whose national way of writing is understood, such as ``RU`` for ``8 (903) 123-45-04``.
    """
    if len(raw) > _LONGEST:
        return None
    digits = _SEPARATORS.sub("", plain_number(raw))
    if not _NUMBER.fullmatch(digits):
        return None
    for spelling in _spellings(digits):
        try:
            number = phonenumbers.parse(spelling, region)
        except phonenumbers.NumberParseException:
            continue
        # "Parses" says little: 101 does. Only a number that somebody can have is a client's.
        if phonenumbers.is_valid_number(number):
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return e164 if _E164.fullmatch(e164) else None
    return None


def _spellings(digits: str) -> Iterator[str]:
    """The readings of a number, the likelier first: as the region writes it, then as an international one."""
    yield digits
    if digits.startswith("00"):
        yield "+" + digits[2:]
    elif not digits.startswith("+") and len(digits) >= _SHORTEST_WITHOUT_PLUS:
        yield "+" + digits


class NumberPlan:
    """What a number is to the company: a colleague's, or somebody's outside."""

    def __init__(self, region: str, internal: str, extensions: Iterable[str]) -> None:
        """region: see `to_e164`. internal: the pattern of extensions' numbers. extensions: those in the map."""
        self._region = region
        self._internal = re.compile(internal)
        self._extensions = frozenset(extensions)
        # 25 µs for a number, 0.1 µs from memory; numbers come from outside, so the memory has a bound.
        self.e164 = remembered(16384, self._e164)
        """A number outside as E.164, or None; an internal number is None before anything else is tried."""

    def in_map(self, number: str) -> bool:
        """Whether the number is an extension of the map."""
        return number in self._extensions

    def looks_internal(self, number: str) -> bool:
        """Whether the whole number looks like an extension."""
        return self._internal.fullmatch(number) is not None

    def is_internal(self, number: str) -> bool:
        """Whether the number is an extension, in the map or not."""
        return self.in_map(number) or self.looks_internal(number)

    def same(self, number: str) -> str:
        """One spelling for all spellings of a number, for comparing: E.164 where there is one."""
        return self.e164(number) or plain_number(number)

    def _e164(self, raw: str) -> str | None:
        return None if self.is_internal(plain_number(raw)) else to_e164(raw, self._region)
