"""The adapter of a Bitrix24 portal: a command becomes the questions that the portal has to be asked for it.

The call is registered while it rings, without a card, so that the card of whoever talks is one question away. Whoever
talks after the first one has a registration of their own: the portal finishes each just once.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import ClientSession

from amibridge.calls import Command, CommandType
from amibridge.calls.record import iso
from amibridge.crm import http
from amibridge.crm.bitrix24.access import Access, Application, OAuthAccess, WebhookAccess
from amibridge.crm.bitrix24.finishing import Finisher
from amibridge.crm.bitrix24.forms import Wishes
from amibridge.crm.bitrix24.owner import MissedOwner
from amibridge.crm.bitrix24.people import People
from amibridge.crm.bitrix24.portal import CARD, PREPARATION, Portal
from amibridge.crm.bitrix24.probe import probe
from amibridge.crm.bitrix24.registering import Registry
from amibridge.crm.bitrix24.told import Told
from amibridge.crm.bitrix24.trouble import (
    NoAccessError,
    NoRightError,
    NotFoundError,
    NotNowError,
    PortalError,
    RefusedError,
    UnansweredError,
)
from amibridge.crm.interface import Answer, Capabilities, Done, Lost, Memory, Pace, Refused, Repeat, Retry

SHOW = "telephony.externalCall.show"
HIDE = "telephony.externalCall.hide"
CONCURRENCY = 150
"""Calls under way: enough to fill the batches that are under way."""
DEFAULT_PACE = Pace(per_second=2.0, burst=50)
RESERVE = 0.1
"""The part of the portal's bucket that is left alone: requests arrive less evenly than they are sent."""


@dataclass(frozen=True, slots=True)
class Bitrix24Settings:
    """One portal.

    url: the webhook's address, which is a secret; with an application `https://portal/rest/`.
    pace: how much the portal's leaky bucket takes. timeout: seconds for one request.
    """

    name: str
    url: str = field(repr=False)
    application: Application | None = None
    wishes: Wishes = field(default_factory=Wishes)
    missed_owner: MissedOwner = field(default_factory=MissedOwner)
    pace: Pace = DEFAULT_PACE
    timeout: float = 10.0


class Bitrix24:
    """user_of: the user's id that the extension map gives an extension; it is asked each time."""

    def __init__(self, settings: Bitrix24Settings, user_of: Callable[[str], str | None]) -> None:
        self.name = settings.name
        safe = dict.fromkeys(CommandType, Repeat.SAFE)
        repeat = {**safe, CommandType.CALL_FINISHED: Repeat.LOOKUP}
        self.capabilities = Capabilities(can_close=True, repeat=repeat, has_rights=True, concurrency=CONCURRENCY)
        self._session = http.session(settings.timeout)
        burst = max(1, int(settings.pace.burst * (1 - RESERVE)))
        self._portal = Portal(
            _access(settings, self._session),
            self._session,
            timeout=settings.timeout,
            pace=Pace(settings.pace.per_second, burst),
        )
        self._people = People(self._portal, user_of, settings.name)
        self._registry = Registry(settings.name, self._portal, self._people, settings.wishes, settings.missed_owner)
        self._finisher = Finisher(self._portal, self._people, self._registry, settings.wishes)

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        told = Told.of(memory)
        try:
            match command.type:
                case CommandType.CALL_STARTED:
                    await self._prepare(command, told)
                case CommandType.CARD_OPEN:
                    await self._show(command, told)
                case CommandType.CARD_CLOSE:
                    await self._hide(command, told)
                case CommandType.CALL_FINISHED:
                    await self._finisher.finish(command.data, told, repeated=repeated)
        except PortalError as error:
            return _answer(error, told.memory())
        return Done(told.memory())

    async def probe(self) -> Sequence[str]:
        return await probe(self._portal)

    async def close(self) -> None:
        await self._portal.close()
        await self._session.close()

    async def _prepare(self, command: Command, told: Told) -> None:
        """While it rings: who the client is, who may answer, and the registration."""
        call = command.data["call"]
        await self._people.refresh()
        await self._registry.recognise(call, told)
        # Whoever talks registers the call for themselves where nobody can be named now.
        if (user := await self._registry.owner(call, told)) is not None:
            await self._registry.whole(call, told, user, PREPARATION)

    async def _show(self, command: Command, told: Told) -> None:
        extension, call = command.data["extension"], command.data["call"]
        user = await self._user(command)
        if user is None:
            raise RefusedError(f"the portal has no user with the internal number {extension}; set crm_user in the map")
        for _ in range(2):
            if command.data.get("reason", "talks") == "talks":
                call_id = await self._registry.leg(call, told, extension, user, iso(command.wall), CARD)
            else:
                call_id = told.legs.get(extension) or await self._registry.whole(call, told, user, CARD)
            shown = await self._portal.ask(SHOW, CARD, CALL_ID=call_id, USER_ID=user)
            if not isinstance(shown.result, bool):
                raise UnansweredError(f"{SHOW}: an answer that is neither yes nor no")
            if shown.result:
                return
            told.forget(call_id)
        raise NotNowError(f"{SHOW}: the portal does not know a call that it has just registered", alone=True)

    async def _hide(self, command: Command, told: Told) -> None:
        call_id = told.legs.get(command.data["extension"], told.call)
        user = await self._user(command)
        if call_id is not None and user is not None:
            with suppress(NotFoundError):
                hidden = await self._portal.ask(HIDE, CARD, CALL_ID=call_id, USER_ID=user)
                if not isinstance(hidden.result, bool):
                    raise UnansweredError(f"{HIDE}: an answer that is neither yes nor no")

    async def _user(self, command: Command) -> str | None:
        """The user whose card it is. A call that goes on keeps to the map that it began with."""
        return command.data.get("crm_user") or await self._people.user(command.data["extension"])


def _answer(error: PortalError, memory: Memory) -> Answer:
    """What an error means for the command; what was learnt before it is kept."""
    match error:
        case RefusedError():
            return Refused(str(error))
        case NoRightError() if not isinstance(error, NoAccessError):
            return Retry(str(error), alone=True, memory=memory)
        case NoAccessError():
            return Retry(str(error), memory=memory)
        case NotNowError():
            return Retry(str(error), error.after, error.alone, memory, error.unreached)
    return Lost(str(error), memory)


def _access(settings: Bitrix24Settings, session: ClientSession) -> Access:
    if settings.application is None:
        return WebhookAccess(settings.url)
    return OAuthAccess(settings.url, settings.application, session)
