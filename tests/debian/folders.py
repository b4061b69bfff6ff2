"""Debians in folders: made by mmdebstrap, copied, and entered with chroot in namespaces of their own."""

import ast
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CACHE = Path(__file__).parent / ".cache"
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
SHARED = ("/etc/resolv.conf", "/etc/hosts")
"""Of this machine: without them a folder knows no names."""

USUAL = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


class CannotMakeError(Exception):
    """What this machine lacks, in words for whoever started the tests."""


def lacks() -> list[str]:
    """What is missing to make a folder and to enter it."""
    if os.geteuid() != 0:
        return ["root is needed (for chroot)"]
    if shutil.which("mmdebstrap") is None:
        return ["mmdebstrap is missing (apt-get install it)"]
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    return [f"no namespaces can be made here: {tried.stderr.strip()}"] if tried.returncode else []


def make(suite: str, root: Path, packages: Sequence[str], variant: str = "minbase") -> None:
    """A new folder. It has another name until it is whole. Raises CannotMakeError."""
    print(f"making {root} from Debian's {suite} (about a minute)", file=sys.stderr, flush=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{root.name}.", dir=root.parent))
    command = ["mmdebstrap", f"--variant={variant}", "--mode=root", f"--include={','.join(packages)}"]
    options = ('Apt::Install-Recommends "false"', 'Acquire::Check-Valid-Until "false"')
    command += [f"--aptopt={option}" for option in options]
    made = subprocess.run(
        [*command, suite, str(making)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if made.returncode:
        last = "\n".join(made.stdout.splitlines()[-15:])
        raise CannotMakeError(f"mmdebstrap could not make {root} (what there is of it: {making}):\n{last}")
    making.chmod(0o755)
    making.rename(root)


def entering(root: Path, mounts: Mapping[Path, str], script: str, environment: Mapping[str, str] = {}) -> list[str]:
    """The command that runs a script in a folder, as root, and ends whatever it has left behind.

    mounts: what of this machine is seen there, and where; single files cannot be written to. environment: all of it.
    """
    before = [f"mount -t proc proc {shlex.quote(f'{root}/proc')}", f"mount --rbind /dev {shlex.quote(f'{root}/dev')}"]
    for here, there in {**mounts, **{Path(file): file for file in SHARED if Path(file).exists()}}.items():
        inside = shlex.quote(f"{root}{there}")
        make_it = f"mkdir -p {inside}" if here.is_dir() else f"mkdir -p $(dirname {inside}) && touch {inside}"
        before += [f"{{ {make_it}; }}", f"mount --rbind {shlex.quote(str(here))} {inside}"]
        if not here.is_dir():
            before.append(f"mount -o remount,bind,ro {inside}")
    variables = [f"{name}={value}" for name, value in {**USUAL, **environment}.items()]
    inner = shlex.join(["env", "-i", *variables, "chroot", str(root), "/bin/sh", "-euc", script])
    outer = " && ".join([*before, f"exec {inner}"])
    return [*NAMESPACES, "sh", "-euc", outer]


def pip_settings() -> tuple[dict[str, str], dict[Path, str]]:
    """How this machine's pip is configured, as an environment; and the local files that are named there, to mount."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings: dict[str, str] = {"PIP_ROOT_USER_ACTION": "ignore"}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        settings[f"PIP_{name.rpartition('.')[2].replace('-', '_').upper()}"] = str(ast.literal_eval(value))
    return settings, {path: str(path) for path in _local(settings.values())}


def _local(values: Iterable[str]) -> Iterable[Path]:
    """An index on the disk is mounted with its surroundings: its pages name the packages beside it."""
    for word in (word for value in values for word in value.split()):
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            yield path.parent if word.startswith("file://") else path
