"""The methods of REST that the portal has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amibridge.demo.portal.access import Caller
from amibridge.demo.portal.errors import RestError
from amibridge.demo.portal.listing import Page, filtered, ordered, page
from amibridge.demo.portal.parameters import Params, several, text
from amibridge.demo.portal.people import digits
from amibridge.demo.portal.portal import Portal

DUPLICATES = 20
"""Values that `crm.duplicate.findbycomm` takes, and ids that it finds of one type."""


@dataclass(frozen=True, slots=True)
class Method:
    """name: as documented. scope: None when everybody has it."""

    name: str
    scope: str | None
    call: Callable[[Portal, Caller, Params], Any]


def find_method(name: str) -> Method:
    """By name, in any case. Raises RestError."""
    method = _METHODS.get(name.lower())
    if method is None:
        raise RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    return method


def documented(name: str) -> str:
    """The name as it is documented; as it came, when it is not."""
    method = _METHODS.get(name.lower())
    return name if method is None else method.name


def _user_get(portal: Portal, caller: Caller, params: Params) -> Page:
    rows = [user.row() for user in sorted(portal.people.users.values(), key=lambda user: user.id)]
    return page(ordered(filtered(rows, params), params), params)


def _user_current(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    return portal.people.users[caller.user].row()


def _profile(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    user = portal.people.users[caller.user]
    return {"ID": str(user.id), "ADMIN": True, "NAME": user.name, "LAST_NAME": user.last_name, "TIME_ZONE": ""}


def _scope(portal: Portal, caller: Caller, params: Params) -> list[str]:
    return sorted(portal.access.scopes)


def _statistic_get(portal: Portal, caller: Caller, params: Params) -> Page:
    return page(ordered(filtered(portal.statistics, params), params), params)


def _attach_record(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    return portal.telephony.attach_record(params, f"{portal.url}rest/upload.json")


def _find_by_comm(portal: Portal, caller: Caller, params: Params) -> dict[str, list[int]] | list[Any]:
    kind = (text(params, "type") or "").upper()
    if kind not in ("PHONE", "EMAIL"):
        raise RestError(400, "", "Parameter 'type' must be PHONE or EMAIL")
    values = several(params.get("values"))
    if not values:
        raise RestError(400, "", "Parameter 'values' is required")
    if len(values) > DUPLICATES:
        raise RestError(400, "", f"Parameter 'values' has more than {DUPLICATES} values")
    only = text(params, "entity_type")
    found: dict[str, list[int]] = {}
    wanted = {digits(value) for value in values} if kind == "PHONE" else set()
    for phone in sorted(wanted):
        for entity in portal.people.entities(phone):
            ids = found.setdefault(entity.type, [])
            if only in (None, entity.type) and entity.id not in ids and len(ids) < DUPLICATES:
                ids.append(entity.id)
    return {type_: ids for type_, ids in found.items() if ids} or []


_METHODS = {
    method.name.lower(): method
    for method in (
        Method("telephony.externalCall.register", "telephony", lambda portal, _, told: portal.telephony.register(told)),
        Method("telephony.externalCall.show", "telephony", lambda portal, _, told: portal.telephony.show(told)),
        Method("telephony.externalCall.hide", "telephony", lambda portal, _, told: portal.telephony.hide(told)),
        Method("telephony.externalCall.finish", "telephony", lambda portal, _, told: portal.telephony.finish(told)),
        Method("telephony.externalCall.attachRecord", "telephony", _attach_record),
        Method(
            "telephony.externalCall.searchCrmEntities",
            "telephony",
            lambda portal, _, told: portal.telephony.search(told),
        ),
        Method("voximplant.statistic.get", "telephony", _statistic_get),
        Method("user.get", "user", _user_get),
        Method("user.current", "user", _user_current),
        Method("crm.duplicate.findbycomm", "crm", _find_by_comm),
        Method("profile", None, _profile),
        Method("scope", None, _scope),
    )
}
