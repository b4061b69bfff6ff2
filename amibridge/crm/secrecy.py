"""What a CRM says in words, before it goes into a log, the store or onto a terminal: short, on one line, without a
secret of ours and without anybody's number.

A CRM may echo what it was asked: the address with its code, a token, a client's number.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from urllib.parse import unquote_plus, urlsplit

LONGEST = 120
"""Signs of what is told."""
HIDDEN = "…"

_LOOKED_AT = 4000
_SHORTEST = 4
"""Signs of a secret: a shorter one stands in many words, and hides nothing."""
_NO_WORD = 12
"""Signs of a part of an address that is no word, as `hooks` is, even if it has no digit and no capital in it."""
_ENTRIES, _INSIDE = 10, 3
"""Of lists and mappings so many entries are looked at, so deep inside of each other."""
_DEEPEST = 4
"""How often a text may be encoded over and over; what is deeper is not told at all."""
_BEARER = re.compile(r"\b(bearer|basic)\s+\S+", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(\w*(?:auth|authorization|token|secret|password|passwd|sessid|signature|key)\b[\"']?\s*[=:]\s*)[\"']?[^\s\"'&,;}]+",
    re.IGNORECASE,
)
"""A value behind a name that secrets have."""
_ADDRESS = re.compile(r"(/rest/\d+/)[^/\s\"'?]+", re.IGNORECASE)
"""The code of a Bitrix24 webhook, whosever it is."""
_WORD = re.compile(r"(?=[\w-]{0,64}\d)[\w-]{24,}")
"""What is no word of any language: a token that we do not know."""
_NUMBER = re.compile(r"\+?\d(?:[ ().-]*\d){4,}")


def told(text: object, secrets: Iterable[str] = ()) -> str:
    """The text as it may be told. secrets: of ours; they are found in capitals and percent-encoded too."""
    words = without(_plain(text, _INSIDE)[:_LOOKED_AT], secrets)
    for pattern, instead in (
        (_BEARER, rf"\1 {HIDDEN}"),
        (_NAMED, rf"\1{HIDDEN}"),
        (_ADDRESS, rf"\1{HIDDEN}"),
        (_WORD, HIDDEN),
        (_NUMBER, HIDDEN),
    ):
        words = pattern.sub(instead, words)
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return " ".join(plain.split())[:LONGEST]


def _plain(value: object, inside: int) -> str:
    """As text. Where a text is expected there may be anything: megabytes of lists, a thousand of them in each other."""
    if isinstance(value, Mapping):
        inner = (f"{key}: {_plain(one, inside - 1)}" for key, one in islice(value.items(), _ENTRIES if inside else 0))
    elif isinstance(value, list | tuple):
        inner = (_plain(one, inside - 1) for one in islice(value, _ENTRIES if inside else 0))
    else:
        return str(value)
    return ", ".join(inner) or HIDDEN


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret hidden."""
    long_first = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
    if not long_first:
        return text
    pattern = re.compile("|".join(map(re.escape, long_first)), re.IGNORECASE)
    for _ in range(_DEEPEST):
        text = pattern.sub(HIDDEN, text)
        decoded = unquote_plus(text)
        if decoded == text or not _hides(decoded, pattern):
            return text
        text = decoded
    return HIDDEN


def _hides(text: str, pattern: re.Pattern[str]) -> bool:
    """Whether a secret stands in a text, or would if it was decoded once more, and so on."""
    for _ in range(_DEEPEST):
        if pattern.search(text):
            return True
        text, before = unquote_plus(text), text
        if text == before:
            return False
    return True


def secrets_of(url: str) -> tuple[str, ...]:
    """What in an address may be a secret: a password, every value of its query, and the parts of its path that are no
    plain words."""
    parts = urlsplit(url)
    values = [pair.partition("=")[2] or pair for pair in parts.query.split("&")]
    pieces = [piece for piece in parts.path.split("/") if len(piece) >= _NO_WORD or re.search(r"[\dA-Z]", piece)]
    found = (parts.password or "", *values, *pieces, parts.fragment)
    return tuple({*found, *map(unquote_plus, found)} - {""})
