"""Texts that arrived in another encoding than UTF-8: old phones and ISDN cards send names in cp1251."""


def readable(text: str) -> str:
    """The text as people should see it. Bytes that were no UTF-8 came as lone surrogates; the packet keeps them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1251", "replace")
    return text


INVISIBLE = {
    code: f"\\u{code:04x}"
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        *(0xAD, 0x061C, 0x180E, 0xFEFF),
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
    )
}
"""Characters that show nothing themselves, and may do something to those around them: of no width, by which two names
that look alike are not; controls, which steer a terminal, line
and paragraph separators, and those that turn the direction of writing, so that a name reads as another. As escapes they
are valid JSON too."""


def visible(text: str) -> str:
    """The text on one line, with nothing in it that is not seen. For everything from outside that people are shown."""
    return text if text.isprintable() else text.translate(INVISIBLE)
