"""`python -m amibridge.directory.reader FILE`: reads the configuration for a daemon, and hands it over in slices."""

import os
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from amibridge.directory.loading import load
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.problems import ConfigurationError, Problem
from amibridge.directory.settings import Settings
from amibridge.directory.slices import LENGTH, sliced

COURTESY = 10
"""The PBX, and the daemon's cards, go first (nice(2))."""


@dataclass(frozen=True, slots=True)
class Reread:
    """What a running daemon takes over: the map as the core asks it, not as it is written."""

    settings: Settings
    directory: MapDirectory
    extensions: int
    """How many the map lists."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The files cannot be used."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A defect of the reading itself."""

    trace: str


def main() -> None:
    """Writes slices to standard output, each behind its length."""
    with suppress(OSError):  # where a filter of system calls forbids it
        os.nice(COURTESY)
    try:
        for slice_ in sliced(_read(Path(sys.argv[1]))):
            sys.stdout.buffer.write(LENGTH.pack(len(slice_)) + slice_)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(1)  # the daemon has ended: nobody wants it any more


def _read(path: Path) -> Reread | Refused | Failed:
    try:
        loaded = load(path)
        return Reread(loaded.settings, loaded.directory, len(loaded.extension_map.extensions))
    except ConfigurationError as error:
        return Refused(error.problems)
    except Exception:  # noqa: BLE001 - told by the daemon, with its traceback
        return Failed(traceback.format_exc())


if __name__ == "__main__":
    # Under its own name: what is made here is unpacked by somebody else.
    from amibridge.directory import reader

    reader.main()
