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
