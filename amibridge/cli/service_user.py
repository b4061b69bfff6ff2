"""The user that the service runs as: whose files they are, and who has to be able to read them."""

import os
import pwd

SERVICE_USER = "amibridge"
"""`User=` of the unit."""

User = pwd.struct_passwd


class NoSuchUserError(Exception):
    """Nothing can be said for this user. The text says why, and what to do."""


def account(name: str) -> User | None:
    """The host's user of this name, if there is one."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def service_account() -> User | None:
    """Whom root works for: the service's user, where the host has one. Anybody else works as himself: None."""
    return account(SERVICE_USER) if os.geteuid() == 0 else None


def whom_to_check_for(name: str | None) -> User:
    """The user of this name; of no name, the service's where root asks, or else whoever asks.

    Raises NoSuchUserError.
    """
    if name is None:
        return service_account() or _myself()
    user = account(name)
    if user is None:
        raise NoSuchUserError(f"there is no user {name}; as root: useradd --system {name}")
    if os.geteuid() not in (0, user.pw_uid):
        raise NoSuchUserError(f"what {name} may is for {name} and root to try; ask as root")
    return user


def _myself() -> User:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid)
    except KeyError:  # a container's user may be a bare number
        return User((str(uid), "x", uid, os.getegid(), "", "/", ""))
