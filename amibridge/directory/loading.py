"""Loading both files: the one way into the configuration."""

from dataclasses import dataclass
from pathlib import Path

from phonenumbers import SUPPORTED_REGIONS

from amibridge.directory.crms import CANNOT_CLOSE
from amibridge.directory.extension_map import ExtensionMap
from amibridge.directory.findings import findings
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.problems import ConfigurationError, Problem
from amibridge.directory.schema import Surroundings
from amibridge.directory.settings import Numbers, Settings
from amibridge.directory.validation import validated
from amibridge.directory.yaml_source import Source, read


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration. It never changes: after a change of the files, load again."""

    settings: Settings
    extension_map: ExtensionMap
    directory: MapDirectory
    warnings: tuple[Problem, ...]
    """What is valid and still makes wrong cards or shows a secret."""


def load(path: Path) -> Loaded:
    """Reads the main file and the map that it names. Raises ConfigurationError with all errors of both files."""
    main, problems = read(path)
    region, cannot_close = _region(main), _cannot_close(main)
    map_path = path.parent / _map_name(main)

    elsewhere = dict.fromkeys(ExtensionMap.model_fields, map_path.name)
    around = Surroundings(path.parent, region, cannot_close)
    settings, errors = validated(Settings, main, around, elsewhere)
    problems += errors
    try:
        map_source, errors = read(map_path, may_be_empty=True)
    except ConfigurationError as error:
        raise ConfigurationError([*problems, *error.problems]) from None
    problems += errors
    elsewhere = dict.fromkeys(Settings.model_fields, path.name)
    around = Surroundings(map_path.parent, region, cannot_close)
    extension_map, errors = validated(ExtensionMap, map_source, around, elsewhere)
    problems += errors

    if problems or settings is None or extension_map is None:
        raise ConfigurationError(problems)
    warnings = sorted(findings(settings, extension_map, main, map_source))
    return Loaded(settings, extension_map, MapDirectory(settings, extension_map), tuple(warnings))


# What the rest of both files is measured by is taken from the main file before it is known to be valid: an error in it
# must not hide the errors that depend on it.


def _written(main: Source, *path: str) -> object:
    value = main.data
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _region(main: Source) -> str | None:
    """The region of the numbers; None where the file names one that there is not."""
    region = _written(main, "numbers", "region") or Numbers.model_fields["region"].default
    return region.upper() if isinstance(region, str) and region.upper() in SUPPORTED_REGIONS else None


def _cannot_close(main: Source) -> list[str]:
    """The names of the CRMs that cannot take a card back."""
    crms = _written(main, "crm")
    entries = [crm for crm in crms if isinstance(crm, dict)] if isinstance(crms, list) else []
    return [str(crm.get("name", "crm")) for crm in entries if str(crm.get("kind")) in CANNOT_CLOSE]


def _map_name(main: Source) -> Path:
    name = _written(main, "extensions")
    return Path(name) if isinstance(name, str) else Path(Settings.model_fields["extensions"].default)
