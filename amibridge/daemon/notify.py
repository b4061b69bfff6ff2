"""systemd's notification protocol (sd_notify): datagrams to the socket that the unit names."""

import asyncio
import os
import socket
import time

import structlog

from amibridge.calls.readable import visible

log = structlog.get_logger("amibridge")


def notify(*lines: str) -> None:
    """Tells systemd something (`READY=1`); nothing where nobody listens. Calls go on when it cannot be told."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            sender.sendall("\n".join(map(visible, lines)).encode("utf-8", "replace"))
    except OSError as error:
        log.warning("systemd.not_told", what=lines[0], reason=str(error))


def reloading() -> None:
    """`RELOADING=1` with the monotonic time that systemd 253 and later ask for."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


async def watchdog() -> None:
    """Shows systemd that the loop turns, twice in the time the unit allows. Works until it is cancelled."""
    allowed = os.environ.get("WATCHDOG_USEC")
    if not allowed or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(allowed) / 2_000_000)
