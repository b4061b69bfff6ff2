"""`amibridge schema`: the JSON Schema of what receivers are told."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace) -> int:
    """Prints the schema; the exit status."""
    from amibridge.crm.contract import schema

    print(schema(), end="")
    return 0
