"""``amibridge check --live``: would the PBXs let us in, and would the CRMs take what we send?"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from amibridge.ami.account import NOTICED
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


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried:
    """One peer, and what is wrong with it."""

    what: str
    wrong: Sequence[str]


def tried(loaded: Loaded) -> Sequence[Tried]:
    """Tries all of them at once. Nothing is changed in any of them, and no card is opened."""
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
    finally:
        await session.close()
        await running
    if status is None:
        return Tried(what, ["no answer in time"])
    if status.state is not State.LIVE:
        return Tried(what, [f"{status.why}; {status.remedy}"])
    return Tried(what, [f"the account lacks {entry}: {NOTICED[entry]}" for entry in status.lacking])


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
