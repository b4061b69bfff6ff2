"""What systemd's unit gives the service, read from its files: secrets that nobody else has."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "amibridge.service"
FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"), Path("/usr/lib/systemd/system"))
"""Where systemd looks; the first that has the unit counts, and the drop-ins of all."""
_CREDENTIALS = ("LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted")


@dataclass(frozen=True, slots=True)
class Unit:
    """An installed unit. credentials: by name, with the file that it is loaded from where that is said."""

    credentials: dict[str, Path | None]
    variables: frozenset[str]
    """The names of its environment."""


def installed(folders: tuple[Path, ...] = FOLDERS) -> Unit | None:
    """The unit of this host, or None where it has none."""
    files = [folder / NAME for folder in folders if (folder / NAME).exists()][:1]
    if not files:
        return None
    for folder in folders:
        files += sorted((folder / f"{NAME}.d").glob("*.conf"))
    credentials: dict[str, Path | None] = {}
    variables: set[str] = set()
    for name, value in (setting for file in files for setting in _settings(file)):
        if name in _CREDENTIALS:
            credential, _, where = value.partition(":")
            credentials[credential] = Path(where) if name == "LoadCredential" and where.startswith("/") else None
        elif name == "Environment":
            variables |= {word.partition("=")[0] for word in shlex.split(value)}
        elif name == "PassEnvironment":
            variables |= set(value.split())
        elif name == "EnvironmentFile" and (file := Path(value.removeprefix("-"))).is_file():
            variables |= {variable for variable, _ in _settings(file)}
    return Unit(credentials, frozenset(variables))


def _settings(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            yield name.strip(), value.strip()
