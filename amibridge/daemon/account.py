"""From the configuration of a PBX to the login of its session."""

from amibridge.ami.login import Login
from amibridge.directory.secrets import read_secret
from amibridge.directory.settings import Pbx


def login_to(pbx: Pbx) -> Login:
    """How a session gets in. Raises SecretError when the secret cannot be read."""
    return Login(
        pbx.name,
        pbx.host,
        pbx.username,
        read_secret(pbx.secret),
        port=pbx.port,
        tls=pbx.tls,
        ca_file=None if pbx.ca_file is None else str(pbx.ca_file),
        verify=pbx.verify,
    )
