"""The secrets once more: the configuration names their places only, and a reload finds there what was mended."""

import asyncio

import structlog

from amibridge.directory.findings import secrets_of
from amibridge.directory.problems import path_text
from amibridge.directory.secrets import Origin, Secret, SecretError, read_secret
from amibridge.directory.settings import Settings

log = structlog.get_logger("amibridge")


class SecretsAgain:
    """What the places of a configuration's secrets hold. settings: those that are in force."""

    def __init__(self, settings: Settings) -> None:
        self._places = {path_text(path): secret for path, secret in secrets_of(settings)}
        self._held: dict[str, str] = {}

    async def look(self) -> None:
        """The first look; whoever needs a secret says himself that it cannot be read."""
        self._held, _ = await asyncio.to_thread(_read, self._places)

    async def look_again(self) -> dict[str, str]:
        """Says which cannot be read any more. Returns those that have changed, by their keys."""
        held, unreadable = await asyncio.to_thread(_read, self._places)
        for key, error in unreadable.items():
            if key in self._held:
                meaning = "the one from before stays in use, until the daemon is started again"
                log.error("secret.not_read", key=key, why=error.wrong, remedy=error.remedy, meaning=meaning)
        changed = {key: secret for key, secret in held.items() if secret != self._held.get(key)}
        self._held |= held
        return changed


def _read(places: dict[str, Secret]) -> tuple[dict[str, str], dict[str, SecretError]]:
    held: dict[str, str] = {}
    unreadable: dict[str, SecretError] = {}
    for key, secret in places.items():
        if secret.origin is Origin.PLAIN:
            continue
        try:
            held[key] = read_secret(secret)
        except SecretError as error:
            unreadable[key] = error
    return held, unreadable
