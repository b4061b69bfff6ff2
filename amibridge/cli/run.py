"""`amibridge run`: the daemon."""

import argparse
import sys

from amibridge.cli.configuration import add_config_argument

CONFIGURATION_WRONG = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Works until it is told to stop. The exit status: 0 stopped, 2 configuration, 3 already running, 4 a database of
    a newer version or of another program, 5 a damaged one, 1 anything else."""
    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError

    try:
        loaded = load(args.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return CONFIGURATION_WRONG

    import asyncio

    from amibridge.daemon.adapters import UnusableCrmError
    from amibridge.daemon.logs import configure
    from amibridge.daemon.service import Service
    from amibridge.directory.secrets import SecretError
    from amibridge.store import StoreError

    configure(loaded.settings.log)

    async def serve() -> None:
        await Service(args.config, loaded).run()

    try:
        asyncio.run(serve())
    except StoreError as error:
        print(f"amibridge: {error}", file=sys.stderr)
        return error.exit_status
    except (SecretError, UnusableCrmError) as error:
        print(f"amibridge: {error}", file=sys.stderr)
        return CONFIGURATION_WRONG
    return 0
