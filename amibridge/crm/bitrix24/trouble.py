"""What a Bitrix24 portal says when it does not do what it is asked, and what that means for whoever asked.

The codes are those of the vendor's public documentation.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from amibridge.crm.http import believed
from amibridge.crm.secrecy import told

OVERLOADED_FOR = 30.0
"""Seconds that a portal is left alone that says it is overloaded."""
FULL_FOR = 1.0
"""The same for one whose leaky bucket is full: by then there is room again."""
LONGEST_RESET = 600.0
"""The same for a method that has used up its running time, which is counted over ten minutes."""

_RIGHTS = frozenset(
    {"ACCESS_DENIED", "USER_ACCESS_ERROR", "INSUFFICIENT_SCOPE", "WRONG_AUTH_TYPE", "ERROR_METHOD_NOT_FOUND"}
)
_IDENTITY = frozenset(
    {
        "INVALID_CREDENTIALS",
        "INVALID_TOKEN",
        "INVALID_GRANT",
        "INVALID_CLIENT",
        "NO_AUTH_FOUND",
        "APPLICATION_NOT_FOUND",
    }
)
_REFUSALS = frozenset(
    {
        "ERROR_CORE",
        "ERROR_ARGUMENT",
        "ERROR_REQUIRED_PARAMETERS_MISSING",
        "INVALID_ARG_VALUE",
        "INVALID_REQUEST",
        "ERROR_NOT_FOUND",
        "NOT_FOUND",
    }
)
"""What is said of a question, and will be said again. `ERROR_CORE` is what telephony says of its parameters."""
_OF_THE_QUESTION = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""The same by its class, where a portal has a word for it that is not known here."""
_REMEDIES = {
    "ACCESS_DENIED": "give the user of the webhook or of the application the right to it",
    "USER_ACCESS_ERROR": "give the user of the webhook or of the application the right to it",
    "INSUFFICIENT_SCOPE": "tick telephony, crm and user among the rights of the webhook or the application",
    "WRONG_AUTH_TYPE": "this portal takes it from an application only: configure `oauth`",
    "ERROR_METHOD_NOT_FOUND": "this portal does not have it: look at its edition and tariff",
    "INVALID_CREDENTIALS": "the address of the webhook is not valid any more: make a new one in the portal",
    "INVALID_GRANT": "the refresh token is not valid any more (it has been used, or its successor was lost with a host"
    " that died): authorise the application again, write the new one as `refresh_token`, and restart amibridge",
    "INVALID_CLIENT": "look at client_id and client_secret",
}


class PortalError(Exception):
    """What was asked has not been done, or nobody knows. The text is for logs: no secrets, no client's number."""


class RefusedError(PortalError):
    """The portal will not do this, now or later."""


class NotFoundError(RefusedError):
    """There is no such call, or not any more."""


class NoRightError(PortalError):
    """The portal does not let us do this. Somebody can mend that, and then nothing has been lost."""


class NoAccessError(NoRightError):
    """It does not let us in at all."""


class ExpiredTokenError(PortalError):
    """The access token has had its hour."""


class NotNowError(PortalError):
    """Not done, but another time it will be.

    after: seconds. alone: only this method has to wait, not the portal. unreached: nobody was there to be asked.
    """

    def __init__(self, why: str, after: float | None = None, *, alone: bool = False, unreached: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.alone = alone
        self.unreached = unreached


class BucketFullError(NotNowError):
    """The portal's leaky bucket is full: others ask it too."""


class UnansweredError(PortalError):
    """It may have been done: no answer came, or none that can be read."""


def trouble(
    method: str,
    status: int,
    said: Mapping[str, Any],
    now: float,
    *,
    after: float | None = None,
    secrets: Iterable[str] = (),
) -> PortalError:
    """The error that an answer stands for: a refusal only where the portal refuses. What it has no word for, or one
    that nobody knows, may have been done.

    said: its JSON, or a command's part of it. now: seconds since the epoch. after: seconds, of `Retry-After`.
    secrets: of ours, which it may repeat.
    """
    code = told(said.get("error") or "", secrets)
    text = told(said.get("error_description") or "", secrets)
    what = f"{method}: {code or f'HTTP {status}'}" + (f" ({text})" if text and text != code else "")
    name = code.upper()
    if name == "EXPIRED_TOKEN":
        return ExpiredTokenError(what)
    if name == "QUERY_LIMIT_EXCEEDED":
        return BucketFullError(what, FULL_FOR)
    if name == "OPERATION_TIME_LIMIT":
        return NotNowError(what, _reset(said, now), alone=True)
    if name == "OVERLOAD_LIMIT":
        return NotNowError(what, OVERLOADED_FOR)
    if remedy := _REMEDIES.get(name):
        what = f"{what}; {remedy}"
    if name in _RIGHTS:
        return NoRightError(what)
    if name in _IDENTITY or status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return NoAccessError(what)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
        return NotNowError(what, after)
    if 300 <= status < 400:
        return NoAccessError(f"{what}, a redirect; write the portal's own address")
    of_its_class = (code or text) and status in _OF_THE_QUESTION
    if name in _REFUSALS or of_its_class or status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return NotFoundError(what) if "call is not found" in text.lower() else RefusedError(what)
    return UnansweredError(f"{what}: nobody knows whether it was done")


def _reset(said: Mapping[str, Any], now: float) -> float | None:
    """In how many seconds a method may be used again, as far as that is believed."""
    time = said.get("time")
    try:
        seconds = believed(float(time["operating_reset_at"]) - now) if isinstance(time, Mapping) else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return None if seconds is None else min(seconds, LONGEST_RESET)
