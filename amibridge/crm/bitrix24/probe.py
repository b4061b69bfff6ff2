"""Would a portal take our commands? Each right is proved by itself: a method is asked in a way that changes nothing,
and what it says is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from amibridge.crm.bitrix24.finishing import FINISH, LOG
from amibridge.crm.bitrix24.portal import Portal
from amibridge.crm.bitrix24.registering import REGISTER, SEARCH
from amibridge.crm.bitrix24.trouble import NoAccessError, NoRightError, PortalError, RefusedError

NO_CALL = "amibridge.probe"
"""A CALL_ID that no call has."""
SCOPES = ("telephony", "crm", "user")

NEEDED: Mapping[str, Mapping[str, Any]] = {
    REGISTER: {},
    "telephony.externalCall.show": {"CALL_ID": NO_CALL},
    "telephony.externalCall.hide": {"CALL_ID": NO_CALL},
    FINISH: {"CALL_ID": NO_CALL},
    "user.get": {"filter": {"ID": "0"}},
}
"""Methods without which there is no card or no record, and questions that a portal says no to, if it says anything:
without its required parameters nothing is registered."""
USEFUL: Mapping[str, tuple[Mapping[str, Any], str]] = {
    SEARCH: ({"PHONE_NUMBER": "0"}, "clients' responsible users are not known, so missed calls go to the default"),
    LOG: (
        {"FILTER": {"CALL_ID": NO_CALL}},
        "after a lost answer nobody can ask whether a record was taken: it counts as taken",
    ),
}
"""Methods that it can do without, and what is less well then."""


async def probe(portal: Portal) -> Sequence[str]:
    """What is missing and what could not be proved, each with its remedy."""
    try:
        missing = await _scopes(portal)
    except PortalError as error:
        return [str(error)]
    for method, params in {**NEEDED, **{method: params for method, (params, _) in USEFUL.items()}}.items():
        try:
            await portal.ask(method, **params)
        except NoAccessError as error:
            missing.append(str(error))
            break
        except NoRightError as error:
            less = f" (not needed, but {USEFUL[method][1]})" if method in USEFUL else ""
            missing.append(f"{error}{less}")
        except RefusedError:
            continue
        except PortalError as error:
            missing.append(f"{error}; so it is not proved that we may use it")
    return missing


async def _scopes(portal: Portal) -> list[str]:
    """The scopes that are missing, as the portal lists them. One that lists none proves nothing by that."""
    try:
        granted = (await portal.ask("scope")).result
    except (NoRightError, RefusedError) as error:
        if isinstance(error, NoAccessError):
            raise
        return []
    if not isinstance(granted, list):
        return []
    # `user_basic` is a narrower `user`.
    known = {str(scope).lower().partition("_")[0] for scope in granted}
    return [f"scope: {scope} is missing; tick telephony, crm and user" for scope in SCOPES if scope not in known]
