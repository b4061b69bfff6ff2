"""Who is who at a portal: its users by their internal numbers, read page by page and kept for an hour."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from amibridge.crm.bitrix24.portal import PREPARATION, Portal
from amibridge.crm.bitrix24.questions import text
from amibridge.crm.bitrix24.trouble import PortalError, UnansweredError

log = structlog.get_logger(__name__)

FRESH = 3600.0
"""Seconds after which the list is read again."""
PATIENCE = 60.0
"""Seconds until it is read again at the earliest: after a failure, or for somebody who was not in it."""
MOST_PAGES = 2000
"""Pages that are read at most, of fifty users each."""


class People:
    """The users' ids. of_map: the id that the extension map gives an extension; it goes before the portal's list.

    When the portal cannot be asked, the last list stands.
    """

    def __init__(self, portal: Portal, of_map: Callable[[str], str | None], crm: str) -> None:
        self._portal = portal
        self._of_map = of_map
        self._crm = crm
        self._now = asyncio.get_running_loop().time
        self._by_number: dict[str, str] | None = None
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading = asyncio.Lock()

    async def user(self, extension: str) -> str | None:
        """The user's id of an extension; None: the portal has nobody with that number. Raises PortalError when there
        is no list, and none can be had."""
        if (known := self._of_map(extension)) is not None:
            return known
        if self._by_number is None or extension not in self._by_number:
            await self._read(PATIENCE)
        return (self._by_number or {}).get(extension)

    async def refresh(self) -> None:
        """Reads the list again when it has become old, as well as that is possible now."""
        with suppress(PortalError):
            await self._read(FRESH)

    async def _read(self, age: float) -> None:
        """Reads the list unless there is one that is younger. Raises PortalError when there is none afterwards."""
        async with self._reading:
            now = self._now()
            if self._read_at is not None and now - self._read_at < age:
                return
            if self._by_number is not None and self._tried_at is not None and now - self._tried_at < PATIENCE:
                return
            self._tried_at = now
            try:
                self._by_number = await self._pages()
            except PortalError as error:
                if self._by_number is None:
                    raise
                log.warning("bitrix24.people_kept", crm=self._crm, why=str(error), meaning="the last list stands")
                return
            self._read_at = now

    async def _pages(self) -> dict[str, str]:
        found: dict[str, str] = {}
        start = 0
        for _ in range(MOST_PAGES):
            page = await self._portal.ask("user.get", PREPARATION, filter={"ACTIVE": "true"}, start=start)
            # The user in whose name we ask is always among them: a portal without any has not answered.
            if not isinstance(page.result, list) or (not page.result and start == 0):
                raise UnansweredError("user.get: an answer without users")
            for user in page.result:
                if isinstance(user, dict) and (number := text(user, "UF_PHONE_INNER")) and (id_ := text(user, "ID")):
                    # Two users with one number: the one who has been there longer, at every reading.
                    found.setdefault(number, id_)
            # A portal that names the same page again would be read for ever.
            if page.following is None or page.following <= start:
                break
            start = page.following
        return found
