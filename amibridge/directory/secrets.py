"""Secrets: where they stand, and reading them only when they are needed.

A `Secret` never shows what it holds: not in its repr or text, not in an error, not in a log.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from amibridge.directory.files import UnsuitableFileError, contents

LARGEST = 64 << 10
"""Bytes of a secret's file."""


class Origin(StrEnum):
    """Where a secret comes from. The values are the keys of the configuration."""

    PLAIN = "plain"
    """Written in the configuration itself: for a trial."""
    FILE = "file"
    ENV = "env"
    CREDENTIAL = "credential"
    """A systemd credential (``LoadCredential=``), a file in ``$CREDENTIALS_DIRECTORY``."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Where a secret stands; for `Origin.PLAIN` it is the secret itself."""

    origin: Origin
    where: str

    def __repr__(self) -> str:
        return "Secret(plain)" if self.origin is Origin.PLAIN else f"Secret({self.origin}: {self.where})"


class SecretError(Exception):
    """A secret cannot be read. Says why and what to do, never what was read."""

    def __init__(self, wrong: str, remedy: str) -> None:
        self.wrong = wrong
        self.remedy = remedy
        super().__init__(f"{wrong}; {remedy}")


def read_secret(secret: Secret) -> str:
    """The secret itself, without the line end of its file and an editor's byte order mark. Raises SecretError."""
    match secret.origin:
        case Origin.PLAIN:
            return secret.where
        case Origin.ENV:
            return _from_environment(secret.where)
        case Origin.FILE:
            return _from_file(Path(secret.where))
        case Origin.CREDENTIAL:
            return _from_file(_credential(secret.where))


def _credential(name: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise SecretError(
            f"credential {name} is not there: $CREDENTIALS_DIRECTORY is not set",
            f"start the service by systemd with LoadCredential={name}:/path/to/the/file",
        )
    return Path(folder, name)


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        how = "not set" if value is None else "empty"
        raise SecretError(f"environment variable {name} is {how}", f"set {name} where the daemon is started")
    return value


def _from_file(path: Path) -> str:
    # "from None": a decoding error holds the bytes that were read.
    try:
        value = contents(path, LARGEST).decode("utf-8-sig").strip()
    except UnsuitableFileError as error:
        raise SecretError(f"secret file {path} {error.wrong}", error.remedy) from None
    except OSError as error:
        remedy = "create it, readable by the user that amibridge runs as"
        if isinstance(error, PermissionError):
            remedy = "let the user that amibridge runs as read it: `amibridge check` tells root how"
        raise SecretError(f"secret file {path} cannot be read: {error.strerror}", remedy) from None
    except UnicodeDecodeError:
        raise SecretError(f"secret file {path} is not UTF-8 text", "save it as plain text") from None
    if not value:
        raise SecretError(f"secret file {path} is empty", "write the secret into it")
    if len(value.splitlines()) > 1:
        raise SecretError(f"secret file {path} has more than one line", "keep the secret alone in it")
    return value
