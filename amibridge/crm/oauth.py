"""Tokens that change at every use: a pair is whole and on the disk before it is used.

Whoever refreshes has used up the pair before: if its successor is lost, a person has to authorise us again.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

_LONGEST = 8192
"""Bytes of a file with a pair, and signs of a token: no CRM's come near it."""
_TOKEN = re.compile(r"[!-~]{1,8192}")
_NOTHING = frozenset({"none", "null", "undefined", "false"})
"""What a program writes that took nothing for a text."""


@dataclass(frozen=True, slots=True)
class Pair:
    """access: None as long as there has been none. user: whose they are, by the id in the CRM."""

    access: str | None = field(repr=False)
    refresh: str = field(repr=False)
    user: str | None = None


def pair(said: Mapping[str, Any]) -> Pair | None:
    """The pair of a token end point's answer; None where it holds none that could be used."""
    return _pair(said.get("access_token"), said.get("refresh_token"), said.get("user_id"))


def _pair(access: Any, refresh: Any, user: Any) -> Pair | None:
    if not _is_token(access) or not _is_token(refresh):
        return None
    return Pair(access, refresh, str(user)[:64] if isinstance(user, str | int) and user else None)


class PairFile:
    """The file of the newest pair. first: the refresh token that the admin has configured, to begin with; when that is
    another than the one that the pair in the file began with, the file counts for nothing."""

    def __init__(self, path: Path, first: str) -> None:
        self.path = path
        self._first = first
        self._seed = hashlib.sha256(first.encode()).hexdigest()

    def read(self) -> Pair:
        """The newest pair. Raises OSError for a file that is there and cannot be read."""
        try:
            with open(self.path, "rb", opener=_without_waiting) as file:
                kept = orjson.loads(file.read(_LONGEST * 5))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            kept = None
        found = None
        if isinstance(kept, dict) and kept.get("seed") == self._seed:
            found = _pair(kept.get("access"), kept.get("refresh"), kept.get("user"))
            if found is None and kept.get("access") is None and _is_token(kept.get("refresh")):
                found = Pair(None, kept["refresh"])
        return found or Pair(None, self._first)

    def write(self, pair: Pair) -> None:
        """Replaces the one before as a whole or not at all; returns when it is on the disk. Raises OSError."""
        new, folder = self.path.with_suffix(".new"), self.path.parent
        with suppress(FileNotFoundError):
            new.unlink()
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if os.geteuid() == 0:
                # An admin's command must not take the file away from the service's user, whose folder it is.
                whose = folder.stat()
                os.fchown(file.fileno(), whose.st_uid, whose.st_gid)
            file.write(orjson.dumps({"seed": self._seed, **asdict(pair)}))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _without_waiting(path: str, flags: int) -> int:
    """A FIFO is read when somebody writes to it, and the thread that waits for that keeps the daemon from ending."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and bool(_TOKEN.fullmatch(value)) and value.lower() not in _NOTHING
