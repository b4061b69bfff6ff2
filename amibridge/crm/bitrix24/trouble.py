"""What a Bitrix24 portal says when it does not do what it is asked, and what that means for whoever asked.

The codes are those of the vendor's public documentation.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

OVERLOADED_FOR = 30.0
"""Seconds that a portal is left alone that says it is overloaded."""
FULL_FOR = 1.0
"""The same for one whose leaky bucket is full: by then there is room again."""

_RIGHTS = frozenset({"ACCESS_DENIED", "INSUFFICIENT_SCOPE", "WRONG_AUTH_TYPE", "ERROR_METHOD_NOT_FOUND"})
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
_REMEDIES = {
    "ACCESS_DENIED": "give the user of the webhook or of the application the right to it",
    "INSUFFICIENT_SCOPE": "tick telephony, crm and user among the rights of the webhook or the application",
    "WRONG_AUTH_TYPE": "this portal takes it from an application only: configure `oauth`",
    "ERROR_METHOD_NOT_FOUND": "this portal does not have it: look at its edition and tariff",
    "INVALID_CREDENTIALS": "the address of the webhook is not valid any more: make a new one in the portal",
    "INVALID_GRANT": "the refresh token is not valid any more: authorise the application again, and write the new one",
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
    """Not done, but another time it will be. after: seconds. alone: only this method has to wait, not the portal."""

    def __init__(self, why: str, after: float | None = None, *, alone: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.alone = alone


class BucketFullError(NotNowError):
    """The portal's leaky bucket is full: others ask it too."""


class UnansweredError(PortalError):
    """It may have been done: no answer came, or none that can be read."""


def trouble(method: str, status: int, said: Mapping[str, Any], now: float) -> PortalError:
    """The error that an answer stands for. said: its JSON, or a command's part of it. now: seconds since the epoch."""
    code = str(said.get("error") or "")
    text = _without_numbers(str(said.get("error_description") or ""))
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
        return NotNowError(what)
    if 300 <= status < 400:
        return NoAccessError(f"{what}, a redirect; write the portal's own address")
    if "not found" in text.lower():
        return NotFoundError(what)
    return RefusedError(what)


def _reset(said: Mapping[str, Any], now: float) -> float | None:
    """In how many seconds a method may be used again."""
    time = said.get("time")
    try:
        return max(0.0, float(time["operating_reset_at"]) - now) if isinstance(time, Mapping) else None
    except (KeyError, TypeError, ValueError):
        return None


def _without_numbers(text: str) -> str:
    return re.sub(r"\d{5,}", "…", text)[:120]
