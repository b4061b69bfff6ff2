"""What goes into the database is valid Unicode: a caller's name in cp1251 must stop neither a commit nor a send."""

import re
from typing import Any

import orjson

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """The text with each byte that was not UTF-8 (a lone surrogate, as `surrogateescape` leaves it) replaced."""
    return text if text.isascii() else _LONE_SURROGATE.sub(_REPLACEMENT, text)


def clean_or_none(text: str | None) -> str | None:
    return None if text is None else clean(text)


def dump(value: Any) -> str:
    """The value as JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # orjson refuses lone surrogates. They are rare: only then is the whole value walked.
        return orjson.dumps(_cleaned(value)).decode()


def load(text: str) -> Any:
    return orjson.loads(text)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(inner) for inner in value]
    return value
