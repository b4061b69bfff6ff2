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

from amibridge.crm import http
from amibridge.crm.bitrix24.access import Access
from amibridge.crm.bitrix24.questions import MOST_IN_A_BATCH, Question, Reply, batch, page, replies
from amibridge.crm.bitrix24.trouble import (
    BucketFullError,
    ExpiredTokenError,
    NotNowError,
    PortalError,
    RefusedError,
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

MOST_TOKENS = 3
"""That a request is tried with: the one in use, one that somebody else may have left on the disk, and a new one."""

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
        self._most = MOST_IN_A_BATCH
        """Questions of a request: fewer after a portal has refused a batch as a whole, and one more after each that it
        took."""
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
        """What is under way is given up, but for a renewal of the tokens."""
        tasks = [self._sender, *self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._access.close()

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
        if len(self._waiting) < self._most and self._bucket.room(now) < self._half:
            due_at = max(due_at, self._waiting_since + LINGER)
        return due_at

    def _set_out(self) -> None:
        """One request, with as many questions as wait for it."""
        asked: list[_Asked] = []
        while self._waiting and len(asked) < self._most:
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
            return [Reply(said["result"], page(said.get("next")))]
        seconds = self._timeout + SECONDS_EACH * len(questions)
        try:
            result = (await self._let_in("batch", batch(questions), seconds))["result"]
        except RefusedError as error:
            # What it does not like is the batch: of the questions in it nothing is known.
            self._most = max(1, len(questions) // 2)
            raise UnansweredError(f"{error}, {len(questions)} questions at once") from None
        if not isinstance(result, Mapping):
            raise UnansweredError("batch: an answer that cannot be read")
        self._most = min(MOST_IN_A_BATCH, self._most + 1)
        secrets = self._access.secrets
        return [
            one if isinstance(one, Reply) else trouble(question.method, 200, one, self._wall(), secrets=secrets)
            for question, one in zip(questions, replies(result, len(questions)), strict=True)
        ]

    async def _let_in(self, method: str, params: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """One request, and again with a newer token when the old one has had its time."""
        for tokens in range(1, MOST_TOKENS + 1):
            key = await self._access.key()
            try:
                return await self._post(method, {**params, **key}, seconds)
            except ExpiredTokenError as error:
                if tokens == MOST_TOKENS or not await self._access.renew(key):
                    raise NotNowError(str(error)) from None
            self._bucket.take(self._now())
        raise AssertionError("unreachable")

    async def _post(self, method: str, params: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """The answer, which holds a `result`."""
        url, headers = self._access.base + method, {"content-type": "application/json"}
        try:
            answered = await http.post(
                self._session, url, orjson.dumps(params), headers=headers, seconds=seconds, now=self._wall()
            )
        except http.NobodyThereError as error:
            raise NotNowError(str(error), unreached=True) from None
        except http.NoAnswerError as error:
            raise UnansweredError(f"{method}: {error}") from None
        try:
            said: Any = orjson.loads(answered.content)
        except ValueError:
            said = None
        good = 200 <= answered.status < 300
        if isinstance(said, Mapping):
            if good and "error" not in said and "result" in said:
                return said
        elif good:
            raise UnansweredError(f"{method}: an answer that cannot be read")
        raise trouble(
            method,
            answered.status,
            said if isinstance(said, Mapping) else {},
            self._wall(),
            after=answered.after,
            secrets=self._access.secrets,
        )

    def _learn(self, method: str, error: PortalError) -> None:
        """What an error says about what else may be asked."""
        match error:
            case BucketFullError():
                self._bucket.spill(self._now())
            case NotNowError(alone=True, after=float() as seconds):
                self._blocked[method] = self._now() + seconds
