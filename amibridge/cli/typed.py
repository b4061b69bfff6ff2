"""Values of options as people type them. Each is a type for argparse: its ArgumentTypeError says what to write."""

import re
from argparse import ArgumentTypeError
from math import isfinite


def count(text: str) -> int:
    """How many: 1 or more."""
    return _whole(text, 1, "write a whole number, 1 or more")


def sequence(text: str) -> int:
    """A command's number in the outbox."""
    return _whole(text, 1, "write a number as `amibridge outbox list` shows it")


def seconds(text: str) -> float:
    """A span of time."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (isfinite(value) and value >= 0):
        raise ArgumentTypeError(f"`{text}` is no span of time; write seconds, 0 or more")
    return value


def client_number(text: str) -> str:
    """A client's number, however it is written."""
    if not any(sign.isdecimal() for sign in text):
        raise ArgumentTypeError(f"`{text}` is no number; write it with its digits: +79031234504")
    return text


def _whole(text: str, least: int, remedy: str) -> int:
    """A whole number that fits into a column of the store."""
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) and int(text) >= least:
        return int(text)
    raise ArgumentTypeError(f"`{text}` is not possible here; {remedy}")
