"""Would the service come up on this host? What `run` needs besides valid files, tried as the user that it runs as."""

import asyncio
import os
import shlex
from collections.abc import Callable, Iterator
from grp import getgrgid
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from amibridge.cli.service_user import NoSuchUserError, User
from amibridge.cli.unit import NAME, Unit
from amibridge.daemon.adapters import UnusableCrmError, adapter_for
from amibridge.directory.crms import Crm
from amibridge.directory.findings import secrets_of
from amibridge.directory.loading import Loaded
from amibridge.directory.problems import Problem, Step
from amibridge.directory.secrets import Origin, Secret, SecretError, read_secret
from amibridge.directory.yaml_source import Source
from amibridge.store.files import files_of


def troubles(loaded: Loaded, main: Source, unit: Unit | None, user: User) -> list[Problem]:
    """What ends `run` for this user, each with its remedy. main: the main file. user: oneself, or root asks.

    unit: the service is judged by what that gives it; None: whoever types is. Raises NoSuchUserError.
    """
    return _as(user, lambda: list(_troubles(loaded, main, unit, user)))


def store_trouble(store: Path, user: User) -> tuple[str, str] | None:
    """What is wrong with where the store is to be, and what to do; asked as the user."""
    folder = store.parent
    make = f"install -d -o {user.pw_name} -g {_group(user)} -m 0750 {_quoted(folder)}"
    if (closed := _blocked(store)) is not None and closed != folder:
        return f"{user.pw_name} cannot go through the folder {closed}", _let_read(store, user)
    if not folder.is_dir():
        return f"the folder {folder} is missing", make
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{user.pw_name} cannot write to the folder {folder}", make
    files = files_of(store)
    for file in files:
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            return f"{user.pw_name} cannot write to {file}", f"chown {user.pw_name}: {_quoted(files.database)}*"
    return None


def _troubles(loaded: Loaded, main: Source, unit: Unit | None, user: User) -> Iterator[Problem]:
    settings = loaded.settings
    files: tuple[tuple[tuple[Step, ...], Path], ...] = (((), Path(main.file)), (("extensions",), settings.extensions))
    for key, file in files:
        if not os.access(file, os.R_OK):
            yield main.problem(key, f"{user.pw_name} cannot read {file}", _let_read(file, user))
    unread: set[tuple[Step, ...]] = set()
    for path, secret in secrets_of(settings):
        if (wrong := _secret_trouble(secret, unit, user)) is not None:
            unread.add(path[:2])
            yield main.problem(path, *wrong)
    for index, pbx in enumerate(settings.pbx):
        if pbx.tls and pbx.ca_file is not None and not os.access(pbx.ca_file, os.R_OK):
            unread_file = f"{user.pw_name} cannot read {pbx.ca_file}"
            yield main.problem(("pbx", index, "ca_file"), unread_file, _let_read(pbx.ca_file, user))
    if (trouble := store_trouble(settings.store.path, user)) is not None:
        yield main.problem(("store", "path"), *trouble)
    for index, crm in enumerate(settings.crm):
        at_hand = all(_at_hand(secret) for path, secret in secrets_of(settings) if path[:2] == ("crm", index))
        if at_hand and ("crm", index) not in unread and (why := asyncio.run(_unusable(crm, loaded))) is not None:
            yield main.problem(("crm", index), why, "mend this entry")


async def _unusable(crm: Crm, loaded: Loaded) -> str | None:
    """Why no adapter can be made of what is configured."""
    try:
        adapter = adapter_for(crm, loaded.settings, lambda extension: None)
    except (UnusableCrmError, SecretError) as error:
        return str(error)
    await adapter.close()
    return None


def _secret_trouble(secret: Secret, unit: Unit | None, user: User) -> tuple[str, str] | None:
    if secret.origin is Origin.CREDENTIAL and "CREDENTIALS_DIRECTORY" not in os.environ:
        return _credential_trouble(secret.where, unit)
    if secret.origin is Origin.ENV and unit is not None and "CREDENTIALS_DIRECTORY" not in os.environ:
        if secret.where in unit.variables:
            return None
        remedy = f"add EnvironmentFile= to [Service] of {NAME}, with a file that says {secret.where}=…"
        return f"{NAME} does not set the environment variable {secret.where}", remedy
    try:
        read_secret(secret)
    except SecretError as error:
        file = Path(secret.where)
        hidden = secret.origin is Origin.FILE and not os.access(file, os.R_OK) and (_blocked(file) or file.exists())
        return (f"{user.pw_name} cannot read {file}", _let_read(file, user)) if hidden else (error.wrong, error.remedy)
    return None


def _credential_trouble(name: str, unit: Unit | None) -> tuple[str, str] | None:
    line = f"LoadCredential={name}:/path/to/the/file"
    if unit is None:
        wrong = f"credential {name} comes from systemd alone, and {NAME} is not installed: `run` by hand ends here"
        return wrong, f"install the unit, with {line}, or write {{file: …}}"
    if name not in unit.credentials:
        remedy = f"add {line} to its [Service], then: systemctl daemon-reload"
        return f"{NAME} does not load the credential {name}", remedy
    file = unit.credentials[name]
    # systemd reads it as root: all that others can say is that it is not there.
    if file is not None and _blocked(file) is None and not file.exists():
        return f"{file}, which {NAME} loads as credential {name}, is not there", "write the secret into it"
    return None


def _at_hand(secret: Secret) -> bool:
    """Whether the secret can be read by whoever checks, and not by the service alone."""
    try:
        read_secret(secret)
    except SecretError:
        return False
    return True


def _let_read(file: Path, user: User) -> str:
    """The command that lets the user read a file: the first folder that is closed to him comes first."""
    closed = _blocked(file)
    what, mode = (file, "g+r") if closed is None else (closed, "g+x")
    return f"chgrp {_group(user)} {_quoted(what)} && chmod {mode} {_quoted(what)}"


def _blocked(file: Path) -> Path | None:
    """The first folder on the way to the file that cannot be gone through."""
    on_the_way = reversed(file.absolute().parents)
    return next((folder for folder in on_the_way if folder.is_dir() and not os.access(folder, os.X_OK)), None)


def _group(user: User) -> str:
    try:
        return getgrgid(user.pw_gid).gr_name
    except KeyError:
        return str(user.pw_gid)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _as(user: User, work: Callable[[], list[Problem]]) -> list[Problem]:
    """What the work finds when this user does it: another one's access is only known by trying.

    Raises NoSuchUserError where root may not become that user.
    """
    if user.pw_uid == os.geteuid():
        return work()
    fork = get_context("fork")
    mine, his = fork.Pipe(duplex=False)
    child = fork.Process(target=_become_and_work, args=(user, work, his))
    child.start()
    his.close()
    try:
        found: list[Problem] | str = mine.recv()
    finally:
        child.join()
    if isinstance(found, str):
        raise NoSuchUserError(f"cannot look as {user.pw_name}: {found}; ask as {user.pw_name}, on the host itself")
    return found


def _become_and_work(user: User, work: Callable[[], list[Problem]], result: Connection) -> None:
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    except OSError as error:
        result.send(error.strerror or str(error))
    else:
        result.send(work())
