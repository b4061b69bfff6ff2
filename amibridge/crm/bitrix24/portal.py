"""The portal as a place to ask: within its pace, the urgent first, and many questions in one request when they wait."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from amibridge.crm.bitrix24.access import Access
from amibridge.crm.bitrix24.questions import MOST_IN_A_BATCH, Question, Reply, batch, replies
from amibridge.crm.bitrix24.trouble import (
    BucketFullError,
    ExpiredTokenError,
    NotNowError,
    PortalError,
    UnansweredError,
    trouble,
)
from amibridge.crm.interface import Bucket, Pace

AT_ONCE = 4
"""Requests under way."""
SECONDS_EACH = 0.5
"""By how much longer a batch may take for each question in it."""

LINGER = 0.2
"""Seconds that a request waits for company when the bucket is more than half empty."""

CARD, PREPARATION, RECORD = range(3)
"""How urgent a question is; the less, the sooner."""


@dataclass(frozen=True, slots=True, order=True)
class _Asked:
    """A question that waits for its turn."""

    urgency: int
    number: int
    question: Question = field(compare=False)
    answer: asyncio.Future[Reply] = field(compare=False)


class Portal:
    """Made inside a running loop. timeout: seconds for one request. pace: of requests. wall: the epoch's seconds."""

    def __init__(
        self,
        access: Access,
        session: aiohttp.ClientSession,
        *,
        timeout: float,
        pace: Pace,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._access = access
        self._session = session
        self._timeout = timeout
        self._bucket = Bucket(pace)
        self._half = pace.burst / 2
        self._wall = wall
        self._now = asyncio.get_running_loop().time
        self._numbers = itertools.count()
        self._waiting: list[_Asked] = []
        self._waiting_since = 0.0
        """When the first of them came."""
        self._stir = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._blocked: dict[str, float] = {}
        """Methods that have used up their running time, and until when."""
        self._sender = asyncio.create_task(self._send_in_turn(), name="bitrix24")

    @property
    def owner(self) -> str | None:
        """The user's id in whose name everything is asked, as far as it is known."""
        return self._access.owner

    async def ask(self, method: str, urgency: int = PREPARATION, **params: Any) -> Reply:
        """Asks when it is its turn. Raises PortalError."""
        if (blocked := self._blocked.get(method, 0.0) - self._now()) > 0:
            raise NotNowError(f"{method}: its running time is used up", blocked, alone=True)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._waiting_since = self._now()
        heapq.heappush(self._waiting, _Asked(urgency, next(self._numbers), Question(method, params), answer))
        self._stir.set()
        return await answer

    async def close(self) -> None:
        """What is under way is given up."""
        tasks = [self._sender, *self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_in_turn(self) -> None:
        while True:
            self._stir.clear()
            due_at = self._due_at()
            if due_at is not None and due_at <= self._now():
                self._set_out()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due_at):
                    await self._stir.wait()

    def _due_at(self) -> float | None:
        """When the next request may set out; None: when something stirs."""
        if not self._waiting or len(self._under_way) >= AT_ONCE:
            return None
        now = self._now()
        due_at = self._bucket.next_at(now) or now
        if len(self._waiting) < MOST_IN_A_BATCH and self._bucket.room(now) < self._half:
            due_at = max(due_at, self._waiting_since + LINGER)
        return due_at

    def _set_out(self) -> None:
        """One request, with as many questions as wait for it."""
        asked: list[_Asked] = []
        while self._waiting and len(asked) < MOST_IN_A_BATCH:
            one = heapq.heappop(self._waiting)
            if not one.answer.done():
                asked.append(one)
        if asked:
            self._bucket.take(self._now())
            task = asyncio.create_task(self._settle(asked), name=f"bitrix24: {len(asked)} questions")
            self._under_way.add(task)
            task.add_done_callback(self._came_home)

    def _came_home(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._stir.set()

    async def _settle(self, asked: Sequence[_Asked]) -> None:
        """Asks, and gives each question its own answer."""
        answers: Sequence[Reply | Exception]
        try:
            answers = await self._request([one.question for one in asked])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who have asked
            answers = [error] * len(asked)
        for one, answer in zip(asked, answers, strict=True):
            if isinstance(answer, PortalError):
                self._learn(one.question.method, answer)
            if one.answer.done():
                continue
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)

    async def _request(self, questions: Sequence[Question]) -> Sequence[Reply | PortalError]:
        if len(questions) == 1:
            said = await self._let_in(questions[0].method, questions[0].params, self._timeout)
            return [Reply(said.get("result"), said.get("next"))]
        seconds = self._timeout + SECONDS_EACH * len(questions)
        result = (await self._let_in("batch", batch(questions), seconds)).get("result")
        if not isinstance(result, Mapping):
            raise UnansweredError("batch: an answer that cannot be read")
        return [
            one if isinstance(one, Reply) else trouble(question.method, 200, one, self._wall())
            for question, one in zip(questions, replies(result, len(questions)), strict=True)
        ]

    async def _let_in(self, method: str, params: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """One request, and once more with a new token when the old one has had its time."""
        key = await self._access.key()
        try:
            return await self._post(method, {**params, **key}, seconds)
        except ExpiredTokenError as error:
            if not await self._access.renew(key):
                raise NotNowError(str(error)) from None
        self._bucket.take(self._now())
        try:
            return await self._post(method, {**params, **await self._access.key()}, seconds)
        except ExpiredTokenError as error:
            raise NotNowError(f"{error}, and a new token is no better") from None

    async def _post(self, method: str, params: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        try:
            async with self._session.post(
                self._access.base + method,
                data=orjson.dumps(params),
                headers={"content-type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                status, content = response.status, await response.read()
        except aiohttp.ClientConnectorError as error:
            raise NotNowError(f"no connection: {type(error.__cause__ or error).__name__}") from None
        except TimeoutError:
            raise UnansweredError(f"{method}: no answer in time") from None
        except aiohttp.ClientError as error:
            raise UnansweredError(f"{method}: no answer: {type(error).__name__}") from None
        try:
            said: Any = orjson.loads(content)
        except ValueError:
            said = None
        if isinstance(said, Mapping) and 200 <= status < 300 and "error" not in said:
            return said
        if said is None and 200 <= status < 300:
            raise UnansweredError(f"{method}: an answer that cannot be read")
        raise trouble(method, status, said if isinstance(said, Mapping) else {}, self._wall())

    def _learn(self, method: str, error: PortalError) -> None:
        """What an error says about what else may be asked."""
        match error:
            case BucketFullError():
                self._bucket.spill(self._now())
            case NotNowError(alone=True, after=float() as seconds):
                self._blocked[method] = self._now() + seconds
