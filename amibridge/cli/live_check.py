"""``amibridge check --live``: would the PBXs let us in, and would the CRMs take what we send?"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from amibridge.ami.account import NOTICED
from amibridge.ami.manager_conf import account_in_file, hears_too_little
from amibridge.ami.session import Session
from amibridge.ami.status import State
from amibridge.cli.deaf import Deaf
from amibridge.crm.interface import Adapter
from amibridge.daemon.account import login_to
from amibridge.daemon.adapters import UnusableCrmError, adapter_for
from amibridge.directory.crms import Crm
from amibridge.directory.loading import Loaded
from amibridge.directory.secrets import SecretError
from amibridge.directory.settings import Pbx
from amibridge.store import holder

PATIENCE = 30.0
"""Seconds for one PBX or CRM."""
UNPROVEN = (
    "it lets us in, but which events it tells is unproven: it does not tell what manager.conf says of the account"
    " (func_config is not loaded?); make a call, then see: amibridge calls"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried:
    """One peer, and what is wrong with it."""

    what: str
    wrong: Sequence[str]
    fine: str = "fine"
    """What there is to say when nothing is wrong."""


def tried(loaded: Loaded) -> Sequence[Tried]:
    """Tries all of them at once. Nothing is changed in any of them, and no card is opened; webhooks get a `ping`."""
    return asyncio.run(_all(loaded))


async def _all(loaded: Loaded) -> Sequence[Tried]:
    trials = [_pbx(f"PBX {pbx.name}", pbx) for pbx in loaded.settings.pbx]
    trials += [_crm(f"CRM {crm.name}", crm, loaded) for crm in loaded.settings.crm]
    return await asyncio.gather(*trials)


async def _pbx(what: str, pbx: Pbx) -> Tried:
    try:
        login = login_to(pbx)
    except SecretError as error:
        return Tried(what, [str(error)])
    session = Session(login, Deaf(), log=structlog.wrap_logger(structlog.ReturnLogger()))
    running = asyncio.create_task(session.run())
    try:
        status = await _in_time(session.reached(State.LIVE, State.REFUSED, State.DOWN))
        live = status is not None and status.state is State.LIVE
        account = await _in_time(account_in_file(session.action, pbx.username)) if live else None
    finally:
        await session.close()
        await running
    if status is None:
        return Tried(what, ["no answer in time"])
    if status.state is not State.LIVE:
        return Tried(what, [f"{status.why}; {status.remedy}"])
    lacking = [f"the account lacks {entry}: {NOTICED[entry]}" for entry in status.lacking]
    if account is None:
        return Tried(what, lacking, UNPROVEN)
    return Tried(what, [*lacking, *hears_too_little(account)], "fine by manager.conf; only a call proves it")


async def _crm(what: str, crm: Crm, loaded: Loaded) -> Tried:
    try:
        adapter = adapter_for(
            crm,
            loaded.settings,
            lambda extension: loaded.directory.person(extension).crm_user,
            renews=not _daemon_runs(loaded),
        )
    except (SecretError, UnusableCrmError) as error:
        return Tried(what, [str(error)])
    return Tried(what, await _probed(adapter))


def _daemon_runs(loaded: Loaded) -> bool:
    """Whether a daemon has this store; one that cannot be looked for may be there."""
    try:
        return holder(loaded.settings.store.path) is not None
    except OSError:
        return True


async def _probed(adapter: Adapter) -> Sequence[str]:
    try:
        wrong = await _in_time(adapter.probe())
    finally:
        await adapter.close()
    return ["no answer in time"] if wrong is None else wrong


async def _in_time(work: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await work
    except TimeoutError:
        return None
