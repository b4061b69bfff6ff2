"""Registering: how a portal comes to know of a call, before there is a card and before there is a record."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from amibridge.crm.bitrix24 import forms
from amibridge.crm.bitrix24.forms import Wishes
from amibridge.crm.bitrix24.owner import MissedOwner, owner
from amibridge.crm.bitrix24.people import People
from amibridge.crm.bitrix24.portal import PREPARATION, Portal
from amibridge.crm.bitrix24.questions import text
from amibridge.crm.bitrix24.told import Told
from amibridge.crm.bitrix24.trouble import (
    NoAccessError,
    NoRightError,
    NotNowError,
    PortalError,
    RefusedError,
    UnansweredError,
)

log = structlog.get_logger(__name__)

REGISTER = "telephony.externalCall.register"
SEARCH = "telephony.externalCall.searchCrmEntities"


class Registry:
    """The registrations of one portal. Every method notes in `told` what the portal tells, and raises PortalError.

    A `call` is a call's summary or its record. crm: the portal's name in the configuration.
    """

    def __init__(self, crm: str, portal: Portal, people: People, wishes: Wishes, rule: MissedOwner) -> None:
        self._crm = crm
        self._portal = portal
        self._people = people
        self._wishes = wishes
        self._rule = rule

    async def recognise(self, call: Mapping[str, Any], told: Told) -> None:
        """Asks who the client is in the CRM. A portal that will not tell this does not stop the call."""
        number = forms.number(call, self._wishes)
        if number is None or told.entity is not None:
            return
        try:
            found = (await self._portal.ask(SEARCH, PREPARATION, PHONE_NUMBER=number)).result
        except PortalError as error:
            if not _of_the_method(error):
                raise
            log.info("bitrix24.client_not_looked_up", crm=self._crm, why=str(error))
            return
        for one in found if isinstance(found, list) else ():
            if isinstance(one, dict) and (kind := text(one, "CRM_ENTITY_TYPE")) and (id_ := text(one, "CRM_ENTITY_ID")):
                told.entity = [kind, id_]
                told.responsible = text(one, "ASSIGNED_BY_ID")
                return

    async def owner(self, call: Mapping[str, Any], told: Told, rang: Sequence[str] = ()) -> str | None:
        """The user whose call it is as long as nobody has talked: who calls the client, else as `missed_owner` says."""
        if call["direction"] == "outbound" and (initiator := call.get("initiator")) is not None:
            user = await self._people.user(initiator)
            if user is not None:
                return user
        others = (told.user, self._portal.owner)
        return await owner(self._rule, self._people, told.responsible, rang, *others)

    async def whole(self, call: Mapping[str, Any], told: Told, user: str, urgency: int) -> str:
        """The CALL_ID of the call as a whole, registered in the name of `user` if it is not yet."""
        if told.call is None:
            told.user = user
            told.call = await self._register(forms.register(call, user, self._wishes, told.entity), urgency)
        return told.call

    async def leg(
        self, call: Mapping[str, Any], told: Told, extension: str, user: str, since: str | None, urgency: int
    ) -> str:
        """The CALL_ID of somebody who talks: that of the call for whoever is first, else one of their own."""
        if extension not in told.legs:
            if told.is_taken:
                form = forms.register(call, user, self._wishes, told.entity, extension=extension, since=since)
                told.legs[extension] = await self._register(form, urgency)
            else:
                told.legs[extension] = await self.whole(call, told, user, urgency)
        return told.legs[extension]

    async def _register(self, form: Mapping[str, Any], urgency: int) -> str:
        result = (await self._portal.ask(REGISTER, urgency, **form)).result
        call_id = text(result, "CALL_ID") if isinstance(result, dict) else None
        if call_id is None:
            raise UnansweredError(f"{REGISTER}: an answer without CALL_ID")
        return call_id


def _of_the_method(error: PortalError) -> bool:
    """Whether it is only this that the portal does not do."""
    match error:
        case NoAccessError():
            return False
        case NotNowError(alone=alone):
            return alone
    return isinstance(error, RefusedError | NoRightError)
