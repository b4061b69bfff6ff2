#!/usr/bin/python3
"""In place of `systemctl` where no systemd can run: does with the unit amibridge.service what systemd would do.

That is User=, Group=, StateDirectory=, UMask=, ExecStart= of Type=notify, and ExecReload=. Its log goes to a file.
"""

import os
import pwd
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

UNIT = Path("/etc/systemd/system/amibridge.service")
LOG, PID, SOCKET = Path("/run/amibridge.log"), Path("/run/amibridge.pid"), "/run/notify"
READY = 30.0
"""Seconds it may take to start."""


def main() -> None:
    unit = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if line[:1].isupper() and "=" in line)
    match sys.argv[1:]:
        case ["daemon-reload"]:
            pass
        case ["enable", "--now", "amibridge"]:
            start(unit)
        case ["reload", "amibridge"]:
            subprocess.run(shlex.split(unit["ExecReload"]), env={"MAINPID": PID.read_text()}, check=True, **whom(unit))
        case other:
            sys.exit(f"this systemctl does not know {other}")


def start(unit: dict[str, str]) -> None:
    user = pwd.getpwnam(unit["User"])
    state = Path("/var/lib", unit["StateDirectory"])
    state.mkdir(exist_ok=True)
    state.chmod(int(unit["StateDirectoryMode"], 8))
    os.chown(state, user.pw_uid, user.pw_gid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified, LOG.open("wb") as log:
        notified.bind(SOCKET)
        Path(SOCKET).chmod(0o666)
        notified.settimeout(READY)
        daemon = subprocess.Popen(
            shlex.split(unit["ExecStart"]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.defpath, "NOTIFY_SOCKET": SOCKET},
            umask=int(unit["UMask"], 8),
            start_new_session=True,
            **whom(unit),
        )
        PID.write_text(str(daemon.pid))
        while not notified.recv(4096).startswith(b"READY=1"):
            pass


def whom(unit: dict[str, str]) -> dict[str, Any]:
    return {"user": unit["User"], "group": unit["Group"], "extra_groups": []}


if __name__ == "__main__":
    main()
