"""The service's life: starting, reloading on SIGHUP, stopping on SIGTERM, and what each of them says."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
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
from amibridge.daemon.decision_log import DecisionLog
from amibridge.daemon.links import keep_link
from amibridge.daemon.listener import Listener
from amibridge.daemon.nudge import NUDGE
from amibridge.daemon.retention import forget_daily
from amibridge.daemon.rights import look_for_rights
from amibridge.delivery import Delivery, would_send
from amibridge.directory.crms import Crm
from amibridge.directory.loading import Loaded, load
from amibridge.directory.problems import ConfigurationError
from amibridge.directory.settings import Pbx
from amibridge.store import Limits, Store

log = structlog.get_logger("amibridge")

CLOSING = 2.0
"""Seconds that a session's handler is given to finish when the daemon is stopped."""
LIMITS = Limits(closing=2.5)
"""A failing disk has so long to take what waits; with a CRM that hangs, 5 s, that is still below the unit's 10 s."""


class Service:
    """One daemon: made of a valid configuration, run once."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path = path
        self._loaded = loaded
        self._decisions = DecisionLog(mask=loaded.settings.log.mask_numbers)
        self._sessions: list[Session] = []
        self._listeners: list[Listener] = []
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    def stop(self) -> None:
        """As SIGTERM does."""
        self._stop.set()

    async def run(self) -> None:
        """Works until SIGTERM, SIGINT or `stop`. Raises StoreError, SecretError and UnusableCrmError before that."""
        # First of all: a SIGHUP that nobody has taken ends the process, and systemd takes that for a wish.
        self._take_signals()
        settings = self._loaded.settings
        for warning in self._loaded.warnings:
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
        opened = await store.shown_cards(crm.name, shown_for(crm)) if shown_for(crm) else ()
        return adapter_for(crm, self._loaded.settings, self._user_of, opened, partial(store.note_concern, crm.name))

    async def _listen(self, pbx: Pbx, store: Store) -> None:
        """One PBX: its core, which is told of the calls from before, and its session."""
        loaded = self._loaded
        known = await store.known_calls(pbx.name)
        patience, tell_fault = loaded.settings.calls.patience, self._decisions.tell_fault
        calls = Calls(pbx.name, loaded.directory, patience, known, tell_fault)
        listener = Listener(pbx.name, calls, store, lambda: session.at(), self._tell)
        session = Session(login_to(pbx), listener)
        self._listeners.append(listener)
        self._sessions.append(session)

    async def _work(self, store: Store, adapters: Sequence[Adapter]) -> None:
        sessions = [asyncio.create_task(session.run(), name="session") for session in self._sessions]
        helpers = [
            asyncio.create_task(self._stop.wait(), name="stop"),
            asyncio.create_task(self._reload_when_asked(), name="reload"),
            asyncio.create_task(forget_daily(store, self._loaded.settings.store.keep_days), name="retention"),
            *(asyncio.create_task(listener.keep_time(), name="deadlines") for listener in self._listeners),
            *([asyncio.create_task(Delivery(store, adapters).run(), name="delivery")] if adapters else []),
        ]
        beside = [
            asyncio.create_task(notify.watchdog(), name="watchdog"),
            asyncio.create_task(look_for_rights(adapters), name="rights"),
            *(
                asyncio.create_task(keep_link(pbx.name, session, store), name="link")
                for pbx, session in zip(self._loaded.settings.pbx, self._sessions, strict=True)
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

    async def _close(self, running: Sequence[asyncio.Task[None]]) -> None:
        """Closes the sessions. A handler at work finishes, unless it waits for room in a store whose disk fails."""
        closing = [asyncio.create_task(session.close(), name="closing") for session in self._sessions]
        _, late = await asyncio.wait(running, timeout=CLOSING)
        for session in late:
            session.cancel()
        await asyncio.gather(*running, *closing, return_exceptions=True)

    def _user_of(self, extension: str) -> str | None:
        return self._loaded.directory.person(extension).crm_user

    def _tell(self, outputs: Sequence[Output]) -> None:
        self._decisions.tell(outputs)
        if self._loaded.settings.shadow:
            would_send(outputs, [crm.name for crm in self._loaded.settings.crm])

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            notify.reloading()
            with contained(log, "configuration.fault"), suppress(ConfigurationError):
                self._use(await asyncio.to_thread(self._read))
            for session in self._sessions:
                session.retry()
            notify.notify("READY=1")

    def _read(self) -> Loaded:
        """Reads both files again; a large map takes seconds, so this is done beside the loop."""
        try:
            return load(self._path)
        except ConfigurationError as error:
            for problem in error.problems:
                log.error("configuration.refused", what=str(problem))
            log.error("configuration.kept", meaning="the last good configuration stays in force")
            raise

    def _use(self, loaded: Loaded) -> None:
        old, new = self._loaded.settings, loaded.settings
        for key in ("pbx", "crm", "store", "shadow", "log"):
            if getattr(old, key) != getattr(new, key):
                log.warning("configuration.needs_restart", key=key)
        self._loaded = Loaded(old, loaded.extension_map, loaded.directory, loaded.warnings)
        for listener in self._listeners:
            listener.calls.use(loaded.directory)
        log.info("configuration.reloaded", extensions=len(loaded.extension_map.extensions))
