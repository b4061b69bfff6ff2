"""Where the Asterisks are: Debian's packages, each in a folder of its own, found or made."""

import importlib.util
import os
import shutil
from pathlib import Path

from tests.debian.folders import CannotMakeError, make
from tests.live.errors import CannotPlayError

ENVIRONMENT = "ASTERISK_FOLDER"
CACHE = Path(__file__).parent / ".cache"
SUITES = {"22": "sid", "16": "bullseye"}
"""The Debian suite that has this Asterisk; chan_sip and Macro are only in the older one."""
PACKAGES = ("asterisk", "asterisk-modules", "asterisk-config")


def asterisk_folder(version: str, given: Path | None = None) -> Path:
    """The root of this Asterisk: below `given`, $ASTERISK_FOLDER or the cache. What is not there is made."""
    root = (given or _home()).resolve() / f"asterisk-{version}"
    if missing := lacks(root):
        raise CannotPlayError("The live scenarios cannot be played here: " + "; ".join(missing) + ".")
    if not root.exists():
        try:
            make(SUITES[version], root, PACKAGES, variant="apt")
        except CannotMakeError as error:
            raise CannotPlayError(str(error)) from error
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
