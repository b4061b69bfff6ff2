"""Which configuration a command works by."""

import argparse
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/amibridge/amibridge.yaml")


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`: the main file, which names the map and the store."""
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"the main file (default {DEFAULT_CONFIG})"
    )
