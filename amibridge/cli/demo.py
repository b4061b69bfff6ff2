"""`amibridge demo`: calls of a real PBX before one's eyes, without a PBX, a CRM or a configuration."""

import argparse
import os
import sys

UNFOLDED = 200
"""Columns, where there is no terminal that has some."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--fast", action="store_true", help="at full speed; so it is without a terminal, too")
    parser.add_argument("--lang", choices=("en", "ru"), help="the language (default: that of $LANG)")
    parser.add_argument("--log", action="store_true", help="show the daemon's own log, on standard error")


def run(args: argparse.Namespace) -> int:
    """Plays. The exit status: 0 every card was right, 1 not, 130 interrupted."""
    import asyncio

    from rich.console import Console

    from amibridge.cli.streams import Shown
    from amibridge.daemon.logs import configure
    from amibridge.demo.performance import Manner, Performance
    from amibridge.demo.quiet import quiet
    from amibridge.demo.words import language_of
    from amibridge.directory.settings import Log

    class Told(Console):
        """What is told on standard output."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    out = sys.stdout.terminal() if isinstance(sys.stdout, Shown) else sys.stdout
    console = Told(file=out, highlight=False, width=None if sys.stdout.isatty() else UNFOLDED)
    language = args.lang or language_of(os.environ.get("LC_ALL") or os.environ.get("LANG") or "")
    performance = Performance(Manner(console.is_terminal and not args.fast, language), console)
    heard: list[str] = []
    if args.log:
        configure(Log(mask_numbers=False))
    else:
        heard = quiet()
    if not asyncio.run(performance.run()):
        return 130
    performance.summary()
    if performance.wrong and heard:
        print("\n".join(heard), file=sys.stderr)
    return 1 if performance.wrong else 0
