"""``amibridge check``: is the configuration valid, and will it make wrong cards?"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.service_user import SERVICE_USER, NoSuchUserError, User, account, whom_to_check_for

if TYPE_CHECKING:
    from amibridge.directory.loading import Loaded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_argument(parser)
    parser.add_argument(
        "--live", action="store_true", help="log in to the PBXs and ask the CRMs too; nothing is changed in them"
    )
    parser.add_argument(
        "--user",
        metavar="NAME",
        help=f"whom the daemon runs as (default: {SERVICE_USER} where root asks and the host has that user)",
    )


def run(args: argparse.Namespace) -> int:
    """Prints problems and warnings to stderr and, when the files can be used, a summary; the exit status."""
    # Imported here: pydantic, ruamel.yaml and phonenumbers are too much for `--help`.
    from amibridge.directory.loading import load
    from amibridge.directory.problems import ConfigurationError

    try:
        user = whom_to_check_for(args.user)
        loaded = load(args.config)
        for warning in loaded.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        found = _troubles(args.config, loaded, user)
    except (ConfigurationError, NoSuchUserError) as error:
        print(error, file=sys.stderr)
        return 1
    if found:
        print(*found, f"checked as {user.pw_name}: `run` would end with this", sep="\n", file=sys.stderr)
        return 1
    print("\n".join(_summary(args.config, loaded)))
    print(f"Checked as {user.pw_name}" + ("" if user.pw_name == SERVICE_USER else f"; {_as_the_service(user)}"))
    if alone := _of_the_service_alone(loaded):
        print(f"By hand `run` would end: only systemd gives the credentials {', '.join(alone)}")
    return _live(loaded) if args.live else 0


def _troubles(path: Path, loaded: "Loaded", user: User) -> list[str]:
    """What ends `run` although the files are right. The unit counts where root asks: others try things by hand."""
    from amibridge.cli.host_check import troubles
    from amibridge.cli.unit import installed
    from amibridge.directory.yaml_source import read

    unit = installed() if user.pw_name == SERVICE_USER else None
    main, _ = read(path)
    return [str(problem) for problem in sorted(troubles(loaded, main, unit, user))]


def _of_the_service_alone(loaded: "Loaded") -> list[str]:
    """The secrets that whoever types has not."""
    from amibridge.directory.findings import secrets_of
    from amibridge.directory.secrets import Origin

    if "CREDENTIALS_DIRECTORY" in os.environ:
        return []
    return sorted({secret.where for _, secret in secrets_of(loaded.settings) if secret.origin is Origin.CREDENTIAL})


def _as_the_service(user: User) -> str:
    if account(SERVICE_USER) is None:
        return f"the service's user {SERVICE_USER} is not there yet"
    return f"the service runs as {SERVICE_USER}: ask as root"


def _live(loaded: "Loaded") -> int:
    """Says of each PBX and CRM whether it can be worked with. The exit status is 1 when one cannot."""
    from amibridge.cli.live_check import tried

    peers = tried(loaded)
    for peer in peers:
        print(f"{peer.what}: {'; '.join(peer.wrong) or peer.fine}")
    return 1 if any(peer.wrong for peer in peers) else 0


def _summary(path: Path, loaded: "Loaded") -> list[str]:
    from amibridge.directory.settings import CallsIn

    settings, extension_map = loaded.settings, loaded.extension_map
    persons = extension_map.extensions.values()
    devices = sum(len(person.devices) for person in persons) + len(extension_map.devices)
    mobiles = sum(len(person.mobiles) for person in persons)
    cards = settings.cards
    after = f" after {cards.min_talk_seconds:g} s of talk" if cards.min_talk_seconds else ""
    calling_in = ", calling in as clients" if settings.mobiles.calls_in is CallsIn.CLIENT else ""
    return [
        f"{path} and {settings.extensions} can be used.",
        f"PBX: {', '.join(f'{pbx.name} ({pbx.host}:{pbx.port})' for pbx in settings.pbx)}",
        f"Extensions: {len(persons)} in the map (listed devices: {devices}, mobiles: {mobiles});"
        f" others look like '{settings.numbers.internal}'",
        f"Trunks: {', '.join(trunk.device for trunk in extension_map.trunks) or 'none listed'}",
        f"CRM: {', '.join(f'{crm.name} ({crm.kind})' for crm in settings.crm) or 'none'}",
        f"Cards: on {cards.open_on}{after}; mobiles: {settings.mobiles.card}{calling_in}"
        + ("; shadow: nothing is sent" if settings.shadow else ""),
    ]
