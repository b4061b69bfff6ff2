"""The user that the service runs as: whose files they are, and who has to be able to read them."""

import os
import pwd

SERVICE_USER = "amibridge"
"""`User=` of the unit."""


def account(name: str) -> pwd.struct_passwd | None:
    """The host's user of this name, if there is one."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def service_account() -> pwd.struct_passwd | None:
    """Whom root works for: the service's user, where the host has one. Anybody else works as himself: None."""
    return account(SERVICE_USER) if os.geteuid() == 0 else None
