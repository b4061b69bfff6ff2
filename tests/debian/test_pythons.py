"""The unit and replay tests with Debian's own Pythons, each in a folder that has what those tests need and no more."""

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.debian.folders import CACHE, REPOSITORY, CannotMakeError, entering, lacks, make, pip_settings

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
"""The suites, and the Python of each."""
PACKAGES = ("python3-venv", "ca-certificates", "systemd", "mosquitto", "openssl")
GROUPS = "tests/unit tests/replay -k 'not invented_clients'"
"""But for the captures that are scrubbed one by one, a fifth of the time: text is text to every Python."""
TESTS = f"""
cd /amibridge
[ -e /venv/made-of-{{made_of}} ] || {{{{
    rm -rf /venv && python3 -m venv /venv && /venv/bin/pip install -q -e '.[test]' && touch /venv/made-of-{{made_of}}
}}}}
/venv/bin/python --version
exec /venv/bin/python -m pytest -q -p no:cacheprovider {GROUPS}
"""
PATIENCE = 1800.0
"""Seconds for all of them."""


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    said: Path


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """All that were asked for at once: a core for each."""
    if missing := lacks():
        pytest.skip("; ".join(missing))
    asked = {item.name for item in request.session.items if item.path == Path(__file__)}
    at_work: dict[str, Running] = {}
    try:
        for suite in (suite for suite in PYTHONS if f"test_unit_and_replay[{suite}]" in asked):
            said = tmp_path_factory.mktemp(suite) / "said"
            with said.open("wb") as file:
                process = subprocess.Popen(_testing(_made(suite)), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
            at_work[suite] = Running(process, said)
        yield at_work
    except CannotMakeError as error:
        pytest.skip(str(error))
    finally:
        for one in at_work.values():
            one.process.kill()
            one.process.wait()


def _made(suite: str) -> Path:
    root = CACHE / f"python-{suite}"
    if not root.exists():
        make(suite, root, PACKAGES)
    return root


def _testing(root: Path) -> list[str]:
    """In CI a test that is skipped there fails here, too."""
    environment, mounts = pip_settings()
    made_of = hashlib.sha256((REPOSITORY / "pyproject.toml").read_bytes()).hexdigest()[:12]
    environment |= {"PYTHONPYCACHEPREFIX": "/var/cache/python", "CI": "true"}
    return entering(root, {REPOSITORY: "/amibridge", **mounts}, TESTS.format(made_of=made_of), environment)


@pytest.mark.parametrize("suite", PYTHONS)
def test_unit_and_replay(running: dict[str, Running], suite: str, tell: Callable[[object], None]) -> None:
    one = running[suite]
    status = one.process.wait(PATIENCE)
    said = one.said.read_text(errors="replace")
    tell(f"Python {PYTHONS[suite]}: {said.rstrip().rpartition(chr(10))[2]}")
    assert status == 0, said[-20_000:]
    assert f"Python {PYTHONS[suite]}." in said
