"""Where the Asterisks are: Debian's packages, each in a folder of its own, found or made."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.live.errors import CannotPlayError

ENVIRONMENT = "ASTERISK_FOLDER"
CACHE = Path(__file__).parent / ".cache"
SUITES = {"22": "sid", "16": "bullseye"}
"""The Debian suite that has this Asterisk; chan_sip and Macro are only in the older one."""


def asterisk_folder(version: str, given: Path | None = None) -> Path:
    """The root of this Asterisk: below `given`, $ASTERISK_FOLDER or the cache. What is not there is made."""
    root = (given or _home()).resolve() / f"asterisk-{version}"
    if missing := lacks(root):
        raise CannotPlayError("The live scenarios cannot be played here: " + "; ".join(missing) + ".")
    if not root.exists():
        _make(SUITES[version], root)
    if not any(root.glob("usr/lib/**/asterisk/modules")):
        raise CannotPlayError(f"{root} is there, but it holds no Asterisk: remove it, and it is made anew.")
    return root


def lacks(*roots: Path) -> list[str]:
    """What is missing to play at all. roots: of Asterisks; without, those of the cache."""
    missing = []
    if os.geteuid() != 0:
        missing.append("root is needed (for chroot)")
    if importlib.util.find_spec("pjsua2") is None:
        missing.append("pjsua2 is missing (pip install pjsua2-python)")
    for root in roots or [_home() / f"asterisk-{version}" for version in SUITES]:
        if not root.exists() and shutil.which("mmdebstrap") is None:
            missing.append(f"{root} is not there, and mmdebstrap, which makes it, is missing (apt-get install it)")
    return missing


def _home() -> Path:
    return Path(os.environ.get(ENVIRONMENT) or CACHE)


def _make(suite: str, root: Path) -> None:
    """Under another name first: a folder with the right name is a whole one."""
    print(f"making {root} from Debian's {suite} (about a minute)", file=sys.stderr, flush=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{root.name}.", dir=root.parent))
    made = subprocess.run(
        [
            "mmdebstrap",
            "--variant=apt",
            "--mode=root",
            '--aptopt=Apt::Install-Recommends "false"',
            '--aptopt=Acquire::Check-Valid-Until "false"',
            "--include=asterisk,asterisk-modules,asterisk-config",
            suite,
            str(making),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if made.returncode:
        last = "\n".join(made.stdout.splitlines()[-15:])
        raise CannotPlayError(f"mmdebstrap could not make {root} (what there is of it: {making}):\n{last}")
    making.chmod(0o755)
    making.rename(root)
