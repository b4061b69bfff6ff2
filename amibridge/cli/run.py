"""`amibridge run`: the daemon."""

import argparse
import sys
from pathlib import Path

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.service_user import SERVICE_USER, service_account, whom_to_check_for

CONFIGURATION_WRONG = 2
LAST_LINES = 1.0
"""Seconds that whoever reads the log is given at the end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Works until it is told to stop. The exit status: 0 stopped, 2 configuration, 3 already running, 4 a database of
    a newer version or of another program, 5 a damaged one, 1 anything else."""
    # First of all: a signal that nobody has taken ends the process, and systemd takes SIGHUP's end for a wish.
    from amibridge.daemon.signals import ignore_idle

    ignore_idle()

    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError

    try:
        loaded = load(args.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return CONFIGURATION_WRONG

    import asyncio
    import gc
    import sqlite3

    from amibridge.cli.host_check import store_trouble
    from amibridge.daemon.adapters import UnusableCrmError
    from amibridge.daemon.logs import configure
    from amibridge.daemon.service import Service
    from amibridge.directory.secrets import SecretError
    from amibridge.store import StoreError

    store = loaded.settings.store.path
    if (shut_out := _would_shut_out_the_service(store)) is not None:
        print(f"amibridge: {shut_out}", file=sys.stderr)
        return CONFIGURATION_WRONG
    log = configure(loaded.settings.log)

    # What is here by now stays: a collection that looks through a large map again and again keeps cards waiting.
    gc.collect()
    gc.freeze()

    async def serve() -> None:
        await Service(args.config, loaded).run()

    try:
        asyncio.run(serve())
    except StoreError as error:
        closed = isinstance(error.__cause__, FileNotFoundError | PermissionError | sqlite3.Error)
        # Said by the host's check the remedy is a command with names in it.
        trouble = store_trouble(store, whom_to_check_for(None)) if closed else None
        print(f"amibridge: {error if trouble is None else '; '.join(trouble)}", file=sys.stderr)
        return error.exit_status
    except (SecretError, UnusableCrmError) as error:
        print(f"amibridge: {error}", file=sys.stderr)
        return CONFIGURATION_WRONG
    finally:
        log.finish(LAST_LINES)
    return 0


def _would_shut_out_the_service(store: Path) -> str | None:
    """Why root should not do this, and what he should type instead; None where he may, and for everybody else."""
    owner = service_account()
    if owner is None or not store.parent.is_dir() or store.parent.stat().st_uid != owner.pw_uid:
        return None
    wrong = f"what root writes to {store.parent}, the service, which runs as {SERVICE_USER}, cannot open"
    return f"{wrong}; runuser -u {SERVICE_USER} -- {sys.argv[0]} run …"
