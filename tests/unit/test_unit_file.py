"""`systemd/amibridge.service` against the code that it starts."""

import shutil
import subprocess
import sys
from configparser import ConfigParser, SectionProxy
from pathlib import Path

import pytest

from amibridge.cli.configuration import DEFAULT_CONFIG
from amibridge.cli.run import CONFIGURATION_WRONG
from amibridge.directory.settings import Store
from amibridge.store import AlreadyRunningError, BrokenStoreError, NotOurDatabaseError, StoreFailedError
from tests.unit.daemon_process import STOPPING

UNIT = Path(__file__).parents[2] / "systemd/amibridge.service"


@pytest.fixture(scope="module")
def service() -> SectionProxy:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"]


def test_it_starts_what_is_installed_with_the_default_configuration(service: SectionProxy) -> None:
    assert service["ExecStart"] == f"/opt/amibridge/bin/amibridge run --config {DEFAULT_CONFIG}"


def test_what_another_start_cannot_mend_is_not_started_again(service: SectionProxy) -> None:
    errors = (AlreadyRunningError, NotOurDatabaseError, BrokenStoreError)
    final = {CONFIGURATION_WRONG, *(error.exit_status for error in errors)}
    assert set(map(int, service["RestartPreventExitStatus"].split())) == final
    assert StoreFailedError.exit_status not in final
    assert service["Restart"] == "on-failure"


def test_it_is_watched_reloaded_and_stopped_as_the_daemon_does_it(service: SectionProxy) -> None:
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    assert int(service["WatchdogSec"]) >= 10
    assert service["ExecReload"] == "/bin/sh -c 'kill -HUP $MAINPID'"
    assert float(service["TimeoutStopSec"]) == STOPPING


def test_it_takes_nothing_from_asterisk(service: SectionProxy) -> None:
    """The soak's daemon has 105 MiB at the most; a host that gets short of memory ends it before the PBX."""
    high, most = (int(service[key].removesuffix("M")) for key in ("MemoryHigh", "MemoryMax"))
    assert 2 * 105 < high < most <= 512
    assert int(service["OOMScoreAdjust"]) > 0
    assert int(service["LimitCORE"]) == 0
    assert service.get("OOMPolicy", "stop") == "stop", "with Restart=on-failure it is started again"


def test_the_default_store_stands_in_the_state_directory(service: SectionProxy) -> None:
    assert Store().path.parent == Path("/var/lib", service["StateDirectory"])


def test_it_has_a_user_of_its_own_without_rights(service: SectionProxy) -> None:
    assert service["User"] not in ("root", "asterisk", "nobody")
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_it_and_finds_it_hardened(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/amibridge/bin/amibridge", sys.executable))
    analyze = ["systemd-analyze", "--no-pager"]
    verify = subprocess.run([*analyze, "verify", str(here)], capture_output=True, text=True, check=False)
    assert (verify.returncode, verify.stderr) == (0, "")
    # The exposure level times ten.
    subprocess.run(
        [*analyze, "security", "--offline=true", "--threshold=20", str(here)], check=True, capture_output=True
    )
