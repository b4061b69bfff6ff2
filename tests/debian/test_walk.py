"""The README, walked as root on a bare Debian 12 by somebody who has read nothing else: its lines, as they are printed.

The PBX is a real Asterisk 22 beside the folder, with real phones. What only an admin can know (which port it has) is
edited; where systemd would be, `systemctl.py` does what the unit says.
"""

import re
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.debian.folders import CACHE, REPOSITORY, CannotMakeError, lacks, make, pip_settings
from tests.debian.shell import Shell
from tests.live import scenarios as _declared  # noqa: F401 -- the import declares them
from tests.live.asterisk import Asterisk
from tests.live.errors import CannotPlayError
from tests.live.folders import asterisk_folder
from tests.live.folders import lacks as lacks_for_asterisk
from tests.live.lab import Lab
from tests.live.player import TAKES, play
from tests.live.scenario import SCENARIOS

README = (REPOSITORY / "README.md").read_text()
STORY = "ringgroup_134_answers"
PATIENCE = 20.0
"""Seconds in which a daemon has to say what it should."""
NOT_OURS = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "captures", "dist", "build")


def printed(heading: str) -> dict[str, str]:
    """The shell lines of a section, by the number before them."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines: dict[str, str] = {}
    for block in re.finditer(r"^ *```sh\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE):
        number = re.findall(r"^(?:\*\*)?(\d)\. ", section[: block.start()], re.MULTILINE)[-1]
        lines[number] = lines.get(number, "") + re.sub(r"^ +", "", block[1], flags=re.MULTILINE)
    return lines


COMMANDS, STEPS = printed("Two commands"), printed("On a PBX host")


@dataclass(frozen=True)
class Host:
    """A PBX's host. root: its files."""

    root: Path
    shell: Shell
    lab: Lab
    scratch: Path

    def does(self, script: str) -> str:
        status, said = self.shell.run(script)
        assert status == 0, f"{script}\nended with {status}:\n{said}"
        return said

    def logged(self, log: str, *words: str) -> str:
        """Waits until a log has a line with all these words."""
        deadline = time.monotonic() + PATIENCE
        text = ""
        while time.monotonic() < deadline:
            text = (self.root / log).read_text() if (self.root / log).exists() else ""
            for line in text.splitlines():
                if all(word in line for word in words):
                    return line
            time.sleep(0.05)
        raise AssertionError(f"never said {words}, but:\n{text}")

    def call(self) -> None:
        """A ring group rings 134 and 120, and 134 answers."""
        for _ in range(TAKES):
            outcome = play(self.lab, SCENARIOS[STORY], self.scratch / "captures")
            if not outcome.failed and not outcome.doubts:
                return
        raise AssertionError(outcome)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    if missing := [*lacks(), *lacks_for_asterisk()]:
        pytest.skip("; ".join(missing))
    scratch = tmp_path_factory.mktemp("walk")
    root = scratch / "host"
    try:
        bare = CACHE / "bare-bookworm"
        if not bare.exists():
            make("bookworm", bare, ["python3", "ca-certificates"])
        pbx = Asterisk("22", asterisk_folder("22"))
    except (CannotMakeError, CannotPlayError) as error:
        pytest.skip(str(error))
    shutil.copytree(bare, root, symlinks=True, ignore=lambda folder, _: ["dev"] if folder == str(bare) else [])
    (root / "dev").mkdir()
    shutil.copytree(REPOSITORY, root / "root/amibridge", ignore=NOT_OURS)
    shutil.copytree(REPOSITORY / "amibridge/demo/captures", root / "root/amibridge/amibridge/demo/captures")
    _command(root / "usr/local/bin/systemctl", Path(__file__).with_name("systemctl.py").read_text())
    _command(root / "usr/sbin/asterisk", '#!/bin/sh\nexec chroot /asterisk asterisk -C /lab/etc/asterisk.conf "$@"\n')
    (root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
    environment, mounts = pip_settings()
    mounts |= {pbx.root: "/asterisk", pbx.home / "etc": "/etc/asterisk"}
    with Lab(pbx, scratch / "lab") as lab, Shell(root, mounts, environment) as shell:
        yield Host(root, shell, lab, scratch)
    shutil.rmtree(root)


def _command(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def in_the_folder(lines: str) -> str:
    return f"cd /root/amibridge\n{lines}"


def test_the_readme_has_lines_for_every_step() -> None:
    assert sorted(STEPS) == ["1", "2", "3", "4", "5", "6"]
    assert sorted(COMMANDS) == ["1", "2"]


def test_the_walk(host: Host) -> None:
    # Command 1: the demonstration, with what makes a venv.
    assert "134" in host.does(in_the_folder(COMMANDS["1"]))

    host.does(in_the_folder(STEPS["1"]))
    host.does(STEPS["2"])
    # What an admin edits: this PBX has another port.
    port = host.lab.ports.ami
    host.does(f"sed -i 's/port: 5038/port: {port}/' /etc/amibridge/amibridge.yaml")

    said = host.does(STEPS["3"])
    assert "Checked as amibridge" in said
    assert said.splitlines()[-1].startswith("PBX office: fine")

    # By hand, until Ctrl-C.
    by_hand = f"echo $$ > /run/hand.pid; exec {STEPS['4'].strip()}"
    host.does(f"sh -c {shlex.quote(by_hand)} > /run/hand.log 2>&1 &")
    host.logged("run/hand.log", "event=ami.live")
    host.call()
    for words in (("event=card.open", "extension=134"), ("event=verdict", "extension=120", "answered elsewhere")):
        host.logged("run/hand.log", *words)
    host.does("kill -TERM $(cat /run/hand.pid)")
    host.logged("run/hand.log", "event=stopped")

    host.does(STEPS["5"])
    host.logged("run/amibridge.log", "event=ami.live")
    host.does("systemctl reload amibridge")
    host.logged("run/amibridge.log", "event=configuration.reloaded")
    host.call()
    host.logged("run/amibridge.log", "event=card.open", "extension=134")

    calls_and_reason = host.does(STEPS["6"])
    assert calls_and_reason.count("+79031234601") >= 2
    assert "120: answered elsewhere" in calls_and_reason
    assert "daemon: running" in host.does("/opt/amibridge/bin/amibridge status")
    # Nothing was written by root that the service could not open.
    assert host.does("find /var/lib/amibridge ! -user amibridge") == ""


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("s/^read = .*/read = system/", "read = system in manager.conf keeps the classes call, agent from it"),
        ("s/^eventfilter = .*/eventfilter = !^Event: Bridge/", "keeps BridgeEnter, BridgeLeave"),
    ],
)
def test_an_account_that_hears_too_little_is_found(host: Host, edit: str, said: str) -> None:
    conf = "/etc/asterisk/manager.conf"
    host.does(f"cp {conf} /run/kept; sed -i '/^.amibridge/,${{{edit}}}' {conf}; asterisk -rx 'manager reload'")
    status, found = host.shell.run("/opt/amibridge/bin/amibridge check --live")
    host.does(f"cat /run/kept > {conf}; asterisk -rx 'manager reload'")
    assert (status, said in found) == (1, True), found
