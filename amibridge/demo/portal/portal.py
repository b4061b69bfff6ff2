"""A portal as a whole: its people, its calls, its limits, and what has been asked of it."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from amibridge.demo.portal.access import Access
from amibridge.demo.portal.calls import Activity, Call, Happening
from amibridge.demo.portal.faults import Faults
from amibridge.demo.portal.limits import Bucket, Operating
from amibridge.demo.portal.parameters import Params
from amibridge.demo.portal.people import Contact, Lead, User, people
from amibridge.demo.portal.telephony import Telephony

SCOPES = ("crm", "telephony", "user")


@dataclass(frozen=True, slots=True)
class Command:
    """One of a batch. method: as documented, or as it was written when it is unknown. outcome: as in Request."""

    name: str
    method: str
    params: Params
    outcome: str


@dataclass(slots=True)
class Request:
    """at: seconds since the epoch. method: as documented, `batch`, or as it was written when it is unknown.

    caller: webhook or oauth. commands: of a batch. outcome: `ok`, the code of the error that was answered, `down`
    (nothing was done) or `lost` (it was done, but not answered); None while it is being answered.
    """

    at: float
    method: str
    params: Params
    caller: str
    commands: list[Command] = field(default_factory=list)
    outcome: str | None = None


class Portal:
    """All state of a stand-in of Bitrix24. Served over HTTP by `running`; between two servings it stays.

    people: users, contacts and leads. access: credentials, scopes, refusals. bucket, operating: the limits.
    faults: what is to go wrong. telephony: calls. requests: everything that was asked over REST, in order.
    """

    def __init__(
        self,
        users: Iterable[User],
        contacts: Iterable[Contact] = (),
        *,
        code: str = "demo0webhook0code",
        user: int | None = None,
        scopes: Iterable[str] = SCOPES,
        capacity: float = 50,
        rate: float = 2,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """code: of the inbound webhook. user: whom webhook and application act for; the first one when not said.

        capacity, rate: of the leaky bucket, in requests and requests a second. clock: monotone seconds; wall: seconds
        since the epoch. Raises ValueError without any user.
        """
        self.clock, self.wall = clock, wall
        self.people = people(users, contacts)
        self.access = Access(next(iter(self.people.users)) if user is None else user, code, frozenset(scopes), clock)
        self.bucket = Bucket(capacity, rate, clock)
        self.operating = Operating(clock)
        self.faults = Faults()
        self.telephony = Telephony(self.people, self.faults, clock, wall)
        self.requests: list[Request] = []
        self.url = ""
        """Where the portal is served, with a slash at the end; empty until it is."""
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @property
    def webhook_url(self) -> str:
        """The address of the inbound webhook, as an admin copies it."""
        return f"{self.url}rest/{self.access.user}/{self.access.code}/"

    @property
    def oauth_url(self) -> str:
        """The address of REST for an application."""
        return f"{self.url}rest/"

    @property
    def token_url(self) -> str:
        """The token end point."""
        return f"{self.url}oauth/token/"

    @property
    def calls(self) -> dict[str, Call]:
        """By CALL_ID, in order of registration."""
        return self.telephony.calls

    @property
    def shown(self) -> list[Happening]:
        """What happened, in order: register, show, hide, finish."""
        return self.telephony.happenings

    @property
    def activities(self) -> list[Activity]:
        return self.telephony.activities

    @property
    def statistics(self) -> list[dict[str, Any]]:
        """The rows of `voximplant.statistic.get`."""
        return self.telephony.statistics

    @property
    def leads(self) -> list[Lead]:
        """Leads that were made for calls."""
        return list(self.people.leads.values())

    @property
    def overrun(self) -> int:
        """How many requests were answered with QUERY_LIMIT_EXCEEDED."""
        return self.bucket.overrun

    @property
    def bucket_peak(self) -> float:
        """The fullest that the bucket was."""
        return self.bucket.peak

    def open_cards(self) -> dict[int, list[str]]:
        """The CALL_IDs whose card each user sees now; users without any are left out."""
        return self.telephony.open_cards()

    def asked(self, method: str) -> list[Params]:
        """The parameters of everything that was asked of a method and not refused, alone or in a batch."""
        name = method.lower()
        found = []
        for request in self.requests:
            if request.method.lower() == name and request.outcome in ("ok", "lost"):
                found.append(request.params)
            found += [one.params for one in request.commands if one.method.lower() == name and one.outcome == "ok"]
        return found

    def expire_tokens(self) -> None:
        """Every access token is refused as expired from now on; a refresh gets a new one."""
        self.access.expire()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Waits until it is so; looks again at every change of the portal."""
        if reached():
            return
        met: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((reached, met))
        await met

    def changed(self) -> None:
        """Tells those who wait. Whatever a condition raises is raised where it is awaited."""
        for reached, met in self._waiting:
            if met.done():
                continue
            try:
                if reached():
                    met.set_result(None)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
                met.set_exception(error)
        self._waiting = [(reached, met) for reached, met in self._waiting if not met.done()]
