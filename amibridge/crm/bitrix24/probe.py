"""Would a portal take our commands? Each method is asked in a way that changes nothing, and its refusal is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from amibridge.crm.bitrix24.finishing import FINISH, LOG
from amibridge.crm.bitrix24.portal import Portal
from amibridge.crm.bitrix24.registering import REGISTER, SEARCH
from amibridge.crm.bitrix24.trouble import NoAccessError, NoRightError, PortalError, RefusedError

NO_CALL = "amibridge.probe"
"""A CALL_ID that no call has."""

NEEDED: Mapping[str, Mapping[str, Any]] = {
    REGISTER: {},
    "telephony.externalCall.show": {"CALL_ID": NO_CALL},
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
    """What is missing, each with its remedy."""
    missing: list[str] = []
    for method, params in {**NEEDED, **{method: params for method, (params, _) in USEFUL.items()}}.items():
        try:
            await portal.ask(method, **params)
        except NoAccessError as error:
            return [str(error)]
        except NoRightError as error:
            less = f" (not needed, but {USEFUL[method][1]})" if method in USEFUL else ""
            missing.append(f"{error}{less}")
        except RefusedError:
            continue
        except PortalError as error:
            return [*missing, str(error)]
    return missing
