"""`python -m amibridge.demo.portal`: prints the address of its webhook on one line, serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from amibridge.demo.portal import Contact, Portal, User, read_people, running

PEOPLE = [User(1, None, "Anna", "Admin"), User(12, "134", "Ольга", "Смирнова"), User(15, "120", "Иван", "Петров")]
CONTACTS = [Contact(651, ("+79031234504",), "Пётр Клиентов", 12)]


def main() -> int:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(prog="python -m amibridge.demo.portal", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=0, help="0, the default: any free one")
    parser.add_argument("--users", type=Path, help="JSON: a list of users, or {users: […], contacts: […]}")
    told = parser.parse_args()
    try:
        users, contacts = read_people(told.users) if told.users else (PEOPLE, CONTACTS)
        asyncio.run(_serve(Portal(users, contacts), told.host, told.port))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _serve(portal: Portal, host: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running(portal, host=host, port=port):
        print(portal.webhook_url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
