"""Looking into the store: what the commands that ask it share."""

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from amibridge.directory.loading import Loaded

T = TypeVar("T")


class CannotLookError(Exception):
    """The configuration or the store cannot be read; the text says which, why, and what to do."""


def configured(path: Path) -> "Loaded":
    """The configuration. Raises CannotLookError."""
    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError

    try:
        return load(path)
    except ConfigurationError as error:
        raise CannotLookError(str(error)) from None


def asked(database: Path, question: Coroutine[Any, Any, T]) -> T:
    """The answer to a question to the store. Raises CannotLookError."""
    import asyncio

    from amibridge.store import StoreError

    try:
        return asyncio.run(question)
    except StoreError as error:
        raise CannotLookError(f"{error}{_remedy(database, error)}") from None
    except UnicodeEncodeError:
        raise CannotLookError("what was typed is no UTF-8 text, and no call and no CRM is named so") from None
    except PermissionError as error:
        raise CannotLookError(f"{error.filename}: {error.strerror}{_remedy(database, error)}") from None


def e164_or_as_typed(number: str, loaded: "Loaded") -> str:
    """A client's number as the store has it, however it was typed."""
    from amibridge.directory.numbers import to_e164

    return to_e164(number, loaded.settings.numbers.region) or number


def _remedy(database: Path, error: Exception) -> str:
    from amibridge.store import NotOurDatabaseError

    if isinstance(error, PermissionError) or isinstance(error.__cause__, PermissionError):
        return "; run this as root or as the user that the daemon runs as"
    if isinstance(error, NotOurDatabaseError):
        return "; check store.path in the configuration, or use the amibridge that wrote the file"
    try:
        there = database.exists()
    except PermissionError:
        return "; run this as root or as the user that the daemon runs as"
    return "" if there else "; start the daemon once and it makes it, or name another configuration with --config"
