"""The service's life: starting, reloading on SIGHUP, stopping on SIGTERM, and what each of them says."""

import asyncio
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from amibridge.ami.guard import contained
from amibridge.ami.session import Session
from amibridge.calls import Calls, Output
from amibridge.crm.interface import Adapter
from amibridge.daemon import notify
from amibridge.daemon.account import login_to
from amibridge.daemon.adapters import adapter_for, shown_for
from amibridge.daemon.completeness import Completeness
from amibridge.daemon.decision_log import DecisionLog
from amibridge.daemon.health import keep_health
from amibridge.daemon.links import keep_link
from amibridge.daemon.listener import Listener
from amibridge.daemon.nudge import NUDGE
from amibridge.daemon.rereading import RereadingError, reread
from amibridge.daemon.retention import forget_daily
from amibridge.daemon.rights import look_for_rights
from amibridge.daemon.signals import hear_reload
from amibridge.delivery import Delivery, would_send
from amibridge.directory.crms import Crm
from amibridge.directory.loading import Loaded
from amibridge.directory.reader import Reread
from amibridge.directory.settings import Pbx
from amibridge.store import Limits, Store

log = structlog.get_logger("amibridge")

CLOSING = 2.0
"""Seconds that a session's handler is given to finish when the daemon is stopped."""
TOLD_PROBLEMS = 100
"""Of a configuration that cannot be used, in the log."""
LIMITS = Limits(closing=2.5)
"""A failing disk has so long to take what waits; with a CRM that hangs, 5 s, that is still below the unit's 10 s."""


class Service:
    """One daemon: made of a valid configuration, run once."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path = path
        self._settings = loaded.settings
        self._warnings = loaded.warnings
        self._directory = loaded.directory
        self._decisions = DecisionLog(mask=loaded.settings.log.mask_numbers, shadow=loaded.settings.shadow)
        self._sessions: list[Session] = []
        self._listeners: list[Listener] = []
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    def stop(self) -> None:
        """As SIGTERM does."""
        self._stop.set()

    async def run(self) -> None:
        """Works until SIGTERM, SIGINT or `stop`. Raises SecretError and UnusableCrmError before it works, and
        StoreError; a BrokenStoreError while it works too."""
        self._take_signals()
        settings = self._settings
        for warning in self._warnings:
            log.warning("configuration.warning", what=str(warning))
        names = [crm.name for crm in settings.crm]
        told = [] if settings.shadow else settings.crm
        store = await Store.open(settings.store.path, [crm.name for crm in told], limits=LIMITS)
        try:
            for pbx in settings.pbx:
                await self._listen(pbx, store)
            adapters = [await self._adapter(crm, store) for crm in told]
            asyncio.get_running_loop().add_signal_handler(NUDGE, store.outbox.stir)
            log.info(
                "started",
                pbx=[p.name for p in settings.pbx],
                crm=names,
                shadow=settings.shadow or None,
                store=str(store.path),
            )
            await self._work(store, adapters)
        finally:
            await store.close()
        log.info("stopped")

    async def _adapter(self, crm: Crm, store: Store) -> Adapter:
        seconds = shown_for(crm)
        opened = await store.shown_cards(crm.name, seconds) if seconds else ()
        return adapter_for(crm, self._settings, self._user_of, opened, partial(store.note_concern, crm.name))

    async def _listen(self, pbx: Pbx, store: Store) -> None:
        """One PBX: its core, which is told of the calls from before, and its session."""
        known = await store.known_calls(pbx.name)
        patience, tell_fault = self._settings.calls.patience, self._decisions.tell_fault
        calls = Calls(pbx.name, self._directory, patience, known, tell_fault)
        completeness = Completeness(pbx.name, store)

        def tell(outputs: Sequence[Output]) -> None:
            completeness.hear(outputs)
            self._tell(outputs)

        listener = Listener(pbx.name, calls, store, lambda: session.at(), tell)
        session = Session(login_to(pbx), listener)
        self._listeners.append(listener)
        self._sessions.append(session)

    async def _work(self, store: Store, adapters: Sequence[Adapter]) -> None:
        sessions = [asyncio.create_task(session.run(), name="session") for session in self._sessions]
        delivery = Delivery(store, adapters) if adapters else None
        helpers = [
            asyncio.create_task(self._stop.wait(), name="stop"),
            asyncio.create_task(self._reload_when_asked(), name="reload"),
            asyncio.create_task(self._forget(store), name="retention"),
            *(asyncio.create_task(listener.keep_time(), name="deadlines") for listener in self._listeners),
            *([asyncio.create_task(delivery.run(), name="delivery")] if delivery else []),
            asyncio.create_task(store.breaks(), name="damage"),
        ]
        beside = [
            asyncio.create_task(notify.watchdog(), name="watchdog"),
            asyncio.create_task(keep_health(store, delivery.down if delivery else list), name="health"),
            asyncio.create_task(look_for_rights(adapters), name="rights"),
            *(
                asyncio.create_task(keep_link(pbx.name, session, store), name="link")
                for pbx, session in zip(self._settings.pbx, self._sessions, strict=True)
            ),
        ]
        notify.notify("READY=1")
        try:
            # None of them ends by itself before it is told to stop: whatever does has failed, and says why.
            done, _ = await asyncio.wait({*sessions, *helpers}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            notify.notify("STOPPING=1")
            await self._close(sessions)
            for helper in (*helpers, *beside):
                helper.cancel()
            await asyncio.gather(*helpers, *beside, return_exceptions=True)

    async def _forget(self, store: Store) -> None:
        settings = self._settings
        await forget_daily(store, settings.store.keep_days, [crm.name for crm in settings.crm])

    async def _close(self, running: Sequence[asyncio.Task[None]]) -> None:
        """Closes the sessions. A handler at work finishes, unless it waits for room in a store whose disk fails."""
        closing = [asyncio.create_task(session.close(), name="closing") for session in self._sessions]
        _, late = await asyncio.wait(running, timeout=CLOSING)
        for session in late:
            session.cancel()
        await asyncio.gather(*running, *closing, return_exceptions=True)

    def _user_of(self, extension: str) -> str | None:
        return self._directory.person(extension).crm_user

    def _tell(self, outputs: Sequence[Output]) -> None:
        self._decisions.tell(outputs)
        if self._settings.shadow:
            would_send(outputs, [crm.name for crm in self._settings.crm])

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        hear_reload()

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            notify.reloading()
            with contained(log, "configuration.fault"):
                await self._read_again()
            for session in self._sessions:
                session.retry()
            notify.notify("READY=1")

    async def _read_again(self) -> None:
        """Both files. What cannot be used is said, and changes nothing."""
        try:
            read = await reread(self._path)
        except RereadingError as error:
            log.error("configuration.not_read", why=str(error), remedy=f"try amibridge check --config {self._path}")
        else:
            if isinstance(read, Reread):
                self._use(read)
                return
            for problem in read.problems[:TOLD_PROBLEMS]:
                log.error("configuration.refused", what=str(problem))
            if (more := len(read.problems) - TOLD_PROBLEMS) > 0:
                log.error("configuration.refused", what=f"and {more} more: amibridge check tells all of them")
        log.error("configuration.kept", meaning="the last good configuration stays in force")

    def _use(self, read: Reread) -> None:
        old, new = self._settings, read.settings
        for key in ("pbx", "crm", "store", "shadow", "log"):
            if getattr(old, key) != getattr(new, key):
                log.warning("configuration.needs_restart", key=key)
        self._directory = read.directory
        for listener in self._listeners:
            listener.calls.use(read.directory)
        log.info("configuration.reloaded", extensions=read.extensions)
