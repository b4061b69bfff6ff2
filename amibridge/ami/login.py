"""Where a PBX's manager interface is, and as whom to log in."""

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """One PBX and the account on it. All times are seconds.

    tls: `tlsenable` in manager.conf, usually on port 5039. ca_file: who vouches for the PBX's certificate, None for the
    host's own list; verify=False takes any certificate, as self-signed ones in a closed network.
    """

    pbx: str
    host: str
    username: str
    secret: str = field(repr=False)
    port: int = 5038
    tls: bool = False
    ca_file: str | None = None
    verify: bool = True
    connect_timeout: float = 10.0
    """For the connection with its greeting; the answer to the login has as much again."""
    action_timeout: float = 10.0
    silence: float = 30.0
    """A PBX that sends nothing for so long, asked for a sign of life after half of it, is gone."""
    refused_retry: float = 300.0
    """After a refused login. fail2ban's jail for Asterisk counts refusals in ten minutes; three are below its limit."""

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


def tls_context(login: Login) -> ssl.SSLContext | None:
    """What the connection is wrapped in, or None. Raises OSError and ssl.SSLError where the CA file is of no use."""
    if not login.tls:
        return None
    context = ssl.create_default_context(cafile=login.ca_file)
    if not login.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
