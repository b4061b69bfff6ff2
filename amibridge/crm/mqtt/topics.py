"""The names of the topics."""

import string
from urllib.parse import quote

_PLAIN = "".join(sorted(set(string.punctuation) - set("/+#%")))


def below(prefix: str, pbx: str) -> str:
    """The beginning of one PBX's topics."""
    return f"{prefix}/{level(pbx)}"


def card_topic(own: str, extension: str) -> str:
    """own: the beginning of a PBX's topics. extension: as one level of a topic, or `+`."""
    return f"{own}/extensions/{extension}/card"


def level(text: str) -> str:
    """The text as one level of a topic: what means something there, and whatever is not plain ASCII, is encoded."""
    return quote(text, safe=_PLAIN)
