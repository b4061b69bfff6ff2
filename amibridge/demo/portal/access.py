"""Who may ask what: the inbound webhook, and the tokens of an OAuth application."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amibridge.demo.portal.errors import RestError

ACCESS_LIFE = 3600.0
REFRESH_LIFE = 180 * 24 * 3600.0
APPLICATION_ONLY = frozenset({"telephony.externalCall.register", "telephony.externalCall.finish"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. kind: webhook or oauth. user: on whose behalf."""

    kind: str
    user: int


@dataclass(frozen=True, slots=True)
class Pair:
    """The tokens of an application."""

    access: str
    refresh: str


class Access:
    """The credentials of a portal. Everything public may be changed while it runs.

    user: the one that the webhook and the application act for. scopes: what they were granted.
    webhook_calls: whether register and finish take the webhook (the documentation says that they do not).
    commercial: whether the plan has REST at all. pair: the newest tokens.
    """

    def __init__(self, user: int, code: str, scopes: frozenset[str], clock: Callable[[], float]) -> None:
        """clock: monotone seconds."""
        self.user, self.code, self.scopes = user, code, scopes
        self.webhook_calls = True
        self.commercial = True
        self.client_id = "local.0123456789abcd.01234567"
        self.client_secret = secrets.token_urlsafe(24)
        self._clock = clock
        self._access: dict[str, float] = {}
        self._refresh: dict[str, float] = {}
        self.pair = self._new_pair()

    def webhook(self, user: str, code: str) -> Caller:
        """The caller of an address. Raises RestError."""
        if user != str(self.user) or not secrets.compare_digest(code.encode(), self.code.encode()):
            raise RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")
        return Caller("webhook", self.user)

    def token(self, token: str | None) -> Caller:
        """The caller of an access token. Raises RestError."""
        if not token:
            raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
        until = self._access.get(token)
        if until is None:
            raise RestError(401, "invalid_token", "Unable to get application by token")
        if self._clock() >= until:
            raise RestError(401, "expired_token", "The access token provided has expired.")
        return Caller("oauth", self.user)

    def permit(self, caller: Caller, method: str, scope: str | None) -> None:
        """Raises RestError when the caller may not use the method; scope: what it belongs to."""
        if not self.commercial:
            raise RestError(401, "ACCESS_DENIED", "REST API is available only on commercial plans")
        if scope is not None and scope not in self.scopes:
            description = "The request requires higher privileges than provided by the access token"
            raise RestError(403, "insufficient_scope", description)
        if method in APPLICATION_ONLY and caller.kind == "webhook" and not self.webhook_calls:
            raise RestError(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")

    def refresh(self, asked: dict[str, Any], address: str) -> dict[str, Any]:
        """New tokens for a refresh token, which is worth nothing afterwards. Raises RestError.

        asked: as the token end point gets it. address: of the REST interface.
        """
        if asked.get("grant_type") != "refresh_token":
            raise RestError(400, "invalid_request", "grant_type must be refresh_token")
        if asked.get("client_id") != self.client_id or asked.get("client_secret") != self.client_secret:
            raise RestError(400, "invalid_client", "Unknown client_id or wrong client_secret")
        until = self._refresh.pop(str(asked.get("refresh_token")), None)
        if until is None or self._clock() >= until:
            raise RestError(400, "invalid_grant", "The refresh token is not valid")
        self.pair = self._new_pair()
        return {
            "access_token": self.pair.access,
            "refresh_token": self.pair.refresh,
            "expires_in": int(ACCESS_LIFE),
            "scope": ",".join(sorted(self.scopes)),
            "client_endpoint": address,
            "server_endpoint": address,
            "domain": address.split("/")[2],
            "member_id": "0123456789abcdef0123456789abcdef",
            "user_id": self.user,
            "status": "L",
        }

    def expire(self) -> None:
        """Every access token is too old from now on."""
        self._access = dict.fromkeys(self._access, self._clock())

    def _new_pair(self) -> Pair:
        pair = Pair(secrets.token_hex(35), secrets.token_hex(35))
        self._access[pair.access] = self._clock() + ACCESS_LIFE
        self._refresh[pair.refresh] = self._clock() + REFRESH_LIFE
        return pair
