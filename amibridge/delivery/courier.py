"""The courier of one CRM: takes what is most urgent from the outbox, one command of each call at a time."""

import asyncio
import logging
from dataclasses import dataclass
from math import inf
from random import Random

import structlog

from amibridge.calls import DEFECT, CommandType
from amibridge.calls.faults import place
from amibridge.crm.interface import Adapter, Answer, Bucket, Done, Gone, Lost, Refused, Repeat, Retry
from amibridge.delivery.clock import Clock
from amibridge.delivery.gate import Gate
from amibridge.delivery.settling import Poisoned, bounded, needless, settled
from amibridge.store import Down, Errand, Outbox, Result, State, StoreFailedError

log = structlog.get_logger(__name__)

LONGEST_ERRAND = 120.0
"""Seconds after which an adapter that has not answered is given up. Each has shorter patience of its own."""
GRACE = 5.0
"""Seconds that errands under way are given when the daemon is stopped."""
COURTESY = 30.0
"""Seconds that a record lets cards under way go first: no longer than a card itself can wait."""
STORE_PAUSE = 1.0
"""Seconds until the outbox is asked again after it could not be read."""

_LEVELS = {State.REFUSED: logging.ERROR, State.UNCLEAR: logging.ERROR, State.PENDING: logging.WARNING}


@dataclass(frozen=True, slots=True)
class CourierStatus:
    """How one CRM is doing."""

    crm: str
    up: bool
    gone: str | None
    """Why nothing more is sent to it until the daemon is started again."""
    under_way: int


class Courier:
    """A lane is one call at one CRM: its commands go one after the other, in the order of their commit.

    The outbox is the only memory of what is to be done; here is only what is under way.
    """

    def __init__(self, adapter: Adapter, outbox: Outbox, clock: Clock, random: Random) -> None:
        self.crm = adapter.name
        self._adapter = adapter
        self._capabilities = adapter.capabilities
        self._outbox = outbox
        self._clock = clock
        self._random = random
        self._gate = Gate(self.crm, random)
        pace = self._capabilities.pace
        self._bucket = None if pace is None else Bucket(pace)
        self._gone: str | None = None
        self._gone_since = 0.0
        self._pressed = outbox.pressed
        self._stir = asyncio.Event()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        """Call id to the errand under way."""
        self._showing: set[str] = set()
        """The calls of which a card waits for the errand under way."""
        self._again: set[str] = set()
        """The calls of which a record is under way that failed before."""
        self._next_expiry = 0.0
        """When the first card that is not under way expires. A newer one is younger."""
        self._stuck: set[str] = set()
        """Calls of which something could not be recorded: what was sent would be sent again and again."""

    @property
    def status(self) -> CourierStatus:
        return CourierStatus(self.crm, self._gate.up and self._gone is None, self._gone, len(self._lanes))

    @property
    def down(self) -> Down | None:
        """Since when nothing gets through to the CRM, and why; None while something does."""
        if self._gone is not None:
            return Down(self.crm, self._gone_since, self._gone, for_good=True)
        trouble = self._gate.trouble(self._clock.now())
        return None if trouble is None else Down(self.crm, *trouble)

    async def run(self) -> None:
        """Works until it is cancelled; errands under way then have some seconds to come home."""
        with self._outbox.listening(self._stir):
            try:
                while True:
                    self._stir.clear()
                    try:
                        again_at = await self._round()
                    except StoreFailedError as error:
                        log.warning("delivery.waiting", crm=self.crm, reason=str(error))
                        again_at = self._clock.now() + STORE_PAUSE
                    except Exception:
                        log.exception("delivery.fault", crm=self.crm, remedy=DEFECT)
                        again_at = self._clock.now() + STORE_PAUSE
                    await self._clock.wait(self._stir, again_at)
            finally:
                await self._come_home()

    async def _round(self) -> float | None:
        """Sets out with what is due. Returns when to look again if nothing stirs before."""
        if self._gone is not None:
            return None
        now = self._clock.now()
        if self._pressed != self._outbox.pressed:
            self._pressed = self._outbox.pressed
            self._gate.open()
        if self._next_expiry <= now:
            for key in await self._outbox.expire(self.crm, self._busy()):
                log.warning("delivery.expired", crm=self.crm, key=key)
        room, busy, knocking = self._room(now)
        courtesy_ends: float | None = None
        if room > 0:
            for errand in await self._outbox.due(self.crm, busy, room):
                if _is_record(errand) and (knocking or self._would_crowd(errand)):
                    continue
                if errand.expires_at is not None and errand.expires_at <= now:
                    continue  # It was under way when the others of its age expired: the next round sees to it.
                # A record that is younger than nothing was committed before the host's clock was set back.
                waits = 0.0 <= now - errand.created_at < COURTESY
                if waits and self._showing and _is_record(errand):
                    courtesy_ends = min(courtesy_ends or inf, errand.created_at + COURTESY)
                else:
                    self._set_out(errand)
        rest, expiry = await self._outbox.deadlines(self.crm, self._busy())
        self._next_expiry = inf if expiry is None else expiry
        deadlines = (
            courtesy_ends,
            self._gate.opens_at(now),
            None if self._bucket is None else self._bucket.next_at(now),
            rest,
            expiry,
        )
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def _room(self, now: float) -> tuple[int, set[str], bool]:
        """How many errands may set out, not of which calls, and whether they knock at a closed gate."""
        free = self._capabilities.concurrency - len(self._lanes)
        if self._bucket is not None:
            free = min(free, self._bucket.room(now))
        room = min(free, self._gate.room(now, len(self._lanes)))
        if room > 0:
            return room, self._busy(), False
        return min(free, self._gate.knocks(now, len(self._lanes))), self._busy() | self._gate.failing, True

    def _would_crowd(self, errand: Errand) -> bool:
        """Whether records that are tried again would take every place: what else comes finds one."""
        return errand.attempts > 0 and len(self._again) >= max(1, self._capabilities.concurrency - 1)

    def _busy(self) -> set[str]:
        return self._stuck | self._lanes.keys()

    def _set_out(self, errand: Errand) -> None:
        call_id = errand.command.call_id
        result = needless(errand, self._capabilities)
        if result is None and self._bucket is not None:
            self._bucket.take(self._clock.now())
        delivering = self._deliver(errand) if result is None else self._settle(errand, result)
        task = asyncio.create_task(delivering, name=f"{self.crm}: {errand.command.key}")
        self._lanes[call_id] = task
        if errand.for_card:
            self._showing.add(call_id)
        elif errand.attempts > 0 and _is_record(errand):
            self._again.add(call_id)

        def came_home(task: asyncio.Task[None]) -> None:
            del self._lanes[call_id]
            self._showing.discard(call_id)
            self._again.discard(call_id)
            self._stir.set()
            if not task.cancelled() and (error := task.exception()) is not None:
                self._stuck.add(call_id)
                log.error("delivery.stuck", crm=self.crm, key=errand.command.key, error=place(error))

        task.add_done_callback(came_home)

    async def _deliver(self, errand: Errand) -> None:
        repeat = self._capabilities.repeat[errand.command.type]
        if repeat is Repeat.UNSAFE and not await self._outbox.claim(errand):
            return
        answer = await self._ask(errand)
        self._learn(answer, errand.command.call_id)
        now = self._clock.now()
        result = settled(errand, answer, repeat, now, self._random)
        await self._settle(errand, bounded(errand, answer, result, now, up=self.status.up))

    async def _settle(self, errand: Errand, result: Result) -> None:
        await self._outbox.record(errand, result)
        told = {"crm": self.crm, "key": errand.command.key, "attempt": errand.attempts + result.sent}
        if result.why is not None:
            told["why"] = result.why
        if result.state is State.PENDING and result.not_before:
            told["again_in"] = round(max(0.0, result.not_before - self._clock.now()), 1)
        log.log(_LEVELS.get(result.state, logging.INFO), f"delivery.{result.state}", **told)

    async def _ask(self, errand: Errand) -> Answer | Poisoned:
        try:
            async with asyncio.timeout(LONGEST_ERRAND):
                return await self._adapter.send(errand.command, errand.memory, repeated=errand.attempts > 0)
        except TimeoutError:
            return Lost("no answer in time")
        except OSError as error:
            return Lost(f"a fault of the adapter: {place(error)}")
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return Lost("the adapter broke it off")
        except Exception as error:  # noqa: BLE001 - whatever an adapter does wrong, its lane and the other CRMs go on
            return Poisoned(f"a fault of the adapter: {place(error)}")

    def _learn(self, answer: Answer | Poisoned, call_id: str) -> None:
        """What the answer says about the CRM itself; of a command that is poisoned nothing."""
        match answer:
            case Done() | Refused():
                self._gate.answered(call_id)
            case Gone(why):
                self._gone, self._gone_since = why, self._clock.now()
                log.error("crm.gone", crm=self.crm, why=why, meaning="nothing is sent to it until the next start")
            case Retry(alone=True):
                self._gate.answered(call_id)
            case Retry(_, after) if after is not None:
                self._gate.asked_for_time(self._clock.now(), after, call_id)
            case Retry(why, unreached=unreached):
                self._gate.failed(self._clock.now(), why, call_id, unreached=unreached)
            case Lost(why):
                self._gate.failed(self._clock.now(), why, call_id)

    async def _come_home(self) -> None:
        under_way = list(self._lanes.values())
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


def _is_record(errand: Errand) -> bool:
    return errand.command.type is CommandType.CALL_FINISHED and not errand.for_card
