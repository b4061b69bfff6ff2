"""Finishing: the records of a call that is over, each given to the portal once.

A portal takes one finish for a CALL_ID; to a second it says that there is no such call. So when it says that to a
command that may have been sent before, its own call log is asked whether the first was taken.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from amibridge.crm.bitrix24 import forms
from amibridge.crm.bitrix24.forms import Wishes
from amibridge.crm.bitrix24.people import People
from amibridge.crm.bitrix24.portal import RECORD, Portal
from amibridge.crm.bitrix24.registering import Registry
from amibridge.crm.bitrix24.told import Told
from amibridge.crm.bitrix24.trouble import NoRightError, NotFoundError, RefusedError, UnansweredError

FINISH = "telephony.externalCall.finish"
LOG = "voximplant.statistic.get"

Registration = Callable[[], Awaitable[str]]
"""Gives the CALL_ID, and makes one where there is none."""


class Finisher:
    """Finishes calls at one portal. Raises PortalError; `told` then says how far it came."""

    def __init__(self, portal: Portal, people: People, registry: Registry, wishes: Wishes) -> None:
        self._portal = portal
        self._people = people
        self._registry = registry
        self._wishes = wishes

    async def finish(self, data: Mapping[str, Any], told: Told, *, repeated: bool) -> None:
        """data: of `call.finished`. A record for everybody who talked; one for the owner when nobody did."""
        record = data["record"]
        known = [
            (part, user)
            for part in record["participants"]
            if (user := await self._people.user(part["extension"])) is not None
        ]
        for part, user in known:
            registration = partial(self._registry.leg, record, told, part["extension"], user, part["from"], RECORD)
            form = partial(forms.talked, user, part["talk_seconds"], self._wishes)
            await self._once(registration, form, told, repeated)
        if known:
            return
        await self._registry.recognise(record, told)
        user = await self._registry.owner(record, told, data["missed_candidates"])
        if user is None:
            raise RefusedError("the portal has nobody whose call it could be; set missed_owner.default")
        registration = partial(self._registry.whole, record, told, user, RECORD)
        if record["participants"]:
            # Somebody talked whom the portal does not know.
            form = partial(forms.talked, user, record["participants"][0]["talk_seconds"], self._wishes)
        else:
            form = partial(forms.not_talked, user, record, self._wishes)
        await self._once(registration, form, told, repeated)

    async def _once(
        self, registration: Registration, form: Callable[[str], dict[str, Any]], told: Told, repeated: bool
    ) -> None:
        for last in (False, True):
            call_id = await registration()
            if call_id in told.finished:
                return
            try:
                taken = (await self._portal.ask(FINISH, RECORD, **form(call_id))).result
                if not isinstance(taken, dict) or not taken:
                    raise UnansweredError(f"{FINISH}: an answer that says nothing of the call")
            except NotFoundError:
                if last:
                    raise
                if not repeated or not await self._is_in_the_log(call_id):
                    # The portal has forgotten it: a record is worth another registration.
                    told.forget(call_id)
                    continue
            told.finished.append(call_id)
            return

    async def _is_in_the_log(self, call_id: str) -> bool:
        """Whether the portal has the call in its log. One that does not let us look has most probably had it."""
        try:
            found = (await self._portal.ask(LOG, RECORD, FILTER={"CALL_ID": call_id})).result
        except NoRightError:
            return True
        if not isinstance(found, list):
            raise UnansweredError(f"{LOG}: an answer that is no list")
        return bool(found)
