"""Patterns as admins write them: ``*`` for any text, ``?`` for one character, everything else as it stands."""

import re


def wildcard(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern; to be used with fullmatch."""
    return re.compile("".join({"*": ".*", "?": "."}.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL)


def has_wildcard(pattern: str) -> bool:
    """Whether a text is a pattern at all."""
    return "*" in pattern or "?" in pattern
