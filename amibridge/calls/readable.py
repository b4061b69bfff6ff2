"""Texts that arrived in another encoding than UTF-8: old phones and ISDN cards send names in cp1251."""

import json
from unicodedata import category


def readable(text: str) -> str:
    """The text as people should see it. Bytes that were no UTF-8 came as lone surrogates; the packet keeps them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1251", "replace")
    return text


class _Escapes(dict[int, int | str]):
    """By its code what is shown of a character. Those that show nothing themselves may do something to others: controls
    steer a terminal, line and paragraph separators break a line, marks turn the direction of writing; and names with
    what has no width look alike. As escapes they are valid JSON too. Bytes that were no UTF-8 stay what they are."""

    def __missing__(self, code: int) -> int | str:
        silent = category(chr(code)) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")
        return self.setdefault(code, json.dumps(chr(code))[1:-1] if silent else code)


ESCAPES = _Escapes()


def visible(text: str) -> str:
    """The text on one line, with nothing in it that is not seen. For everything from outside that people are shown."""
    return text if text.isprintable() else text.translate(ESCAPES)
