"""The outbox: which command goes to which CRM next, and what became of it."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from amibridge.calls import Command, CommandType
from amibridge.calls.faults import place
from amibridge.store.clock import Now
from amibridge.store.connection import Row
from amibridge.store.encoding import clean_or_none, dump, load
from amibridge.store.journal import CARD_EXPIRES
from amibridge.store.owner import Owner
from amibridge.store.statements import Statement, once

log = structlog.get_logger(__name__)

LONGEST_REST = 3600.0
"""Seconds that a delivery may rest: further into the future no `not_before` of a former run is believed."""


class State(StrEnum):
    """What became of one command at one CRM."""

    PENDING = "pending"
    """To be sent, or sent and its answer not recorded yet."""
    SENDING = "sending"
    """Unsafe to repeat, and on its way."""
    DONE = "done"
    EXPIRED = "expired"
    """A card that came too late."""
    SUPERSEDED = "superseded"
    """Nothing to do any more: the card closed before it was shown."""
    REFUSED = "refused"
    """The CRM will not have it: a dead letter."""
    UNCLEAR = "unclear"
    """Unsafe to repeat, and its answer was lost: a dead letter."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One command to bring to one CRM, and what is known when it sets out."""

    seq: int
    crm: str
    command: Command
    memory: Mapping[str, Any]
    """What this CRM has told of this call so far."""
    attempts: int
    """How often it may have been sent; at least once when it stood in the outbox as the daemon started."""
    nothing_to_close: bool
    """A `card.close` whose `card.open`, the last one before it, was never sent."""
    for_card: bool
    """A card waits for it: it opens one, or stands in the lane before one that does."""
    created_at: float
    """When its command was committed, on the host's clock."""
    expires_at: float | None
    """From when on it is not to be shown any more, on the host's clock; of a card."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an errand."""

    state: State
    why: str | None = None
    not_before: float = 0.0
    """On the host's clock; for `pending`."""
    memory: Mapping[str, Any] | None = None
    """What the CRM has told, all of it; None leaves what is known."""
    sent: bool = True
    """Whether it may have left for the CRM."""


# The most urgent lanes that are not busy and whose first command is not resting, and of each its first command. The
# innermost query walks an index in the right order and stops early: its cost does not grow with the outbox.
_DUE = """
    WITH lane AS (
        SELECT call_id, min(urgency) AS urgency, min(seq) AS since FROM (
            SELECT call_id, urgency, seq FROM delivery AS candidate
            WHERE crm = :crm AND state = 'pending' AND call_id NOT IN (SELECT value FROM json_each(:busy))
                AND NOT EXISTS (
                    SELECT 1 FROM delivery WHERE crm = :crm AND call_id = candidate.call_id AND state = 'pending'
                        AND not_before > :now
                )
            ORDER BY urgency, seq LIMIT 16 * :limit
        )
        GROUP BY call_id ORDER BY urgency, since LIMIT :limit
    )
    SELECT command.*, delivery.attempts, memory.json AS memory, lane.urgency = 0 AS for_card,
        command.type = 'card.close' AND 0 = coalesce((
            SELECT shown.attempts FROM command card JOIN delivery shown ON shown.seq = card.seq AND shown.crm = :crm
            WHERE card.call_id = command.call_id AND card.extension = command.extension AND card.type = 'card.open'
                AND card.seq < command.seq
            ORDER BY card.seq DESC LIMIT 1
        ), 0) AS nothing_to_close
    FROM lane
    JOIN delivery ON delivery.crm = :crm AND delivery.seq = (
        SELECT min(seq) FROM delivery WHERE crm = :crm AND call_id = lane.call_id AND state = 'pending'
    )
    JOIN command ON command.seq = delivery.seq
    LEFT JOIN memory ON memory.call_id = lane.call_id AND memory.crm = :crm
    ORDER BY lane.urgency, lane.since
"""
_DEADLINES = """
    SELECT
        (SELECT min(not_before) FROM delivery
            WHERE crm = :crm AND state = 'pending' AND not_before > 0 AND not_before > :now
                AND call_id NOT IN (SELECT value FROM json_each(:busy))) AS rest,
        (SELECT min(expires_at) FROM delivery
            WHERE crm = :crm AND state = 'pending' AND expires_at > 0
                AND call_id NOT IN (SELECT value FROM json_each(:busy))) AS expiry
"""
_ANY_EXPIRED = """
    SELECT seq, (SELECT key FROM command WHERE command.seq = delivery.seq) AS key FROM delivery
    WHERE crm = :crm AND state = 'pending' AND expires_at > 0 AND expires_at <= :now
        AND call_id NOT IN (SELECT value FROM json_each(:busy))
"""
_EXPIRE = """
    UPDATE delivery SET state = 'expired', error = 'not shown in time', changed_at = ?
    WHERE crm = ? AND seq = ? AND state = 'pending'
"""
_UNREADABLE = """
    UPDATE delivery SET state = 'refused', error = ?, changed_at = ? WHERE seq = ? AND crm = ? AND state = 'pending'
"""
_PENDING = "SELECT crm, count(*) AS number FROM delivery WHERE state = 'pending' GROUP BY crm"
_CLAIM = """
    UPDATE delivery SET state = 'sending', changed_at = ? WHERE seq = ? AND crm = ? AND state = 'pending'
"""
# What was sent and taken is done, whatever has been decided in the meantime; any other answer leaves a decision alone.
_RECORD = """
    UPDATE delivery SET
        state = CASE WHEN ?1 = 'done' OR state IN ('pending', 'sending') THEN ?1 ELSE state END,
        error = CASE WHEN ?1 = 'done' OR state IN ('pending', 'sending') THEN ?2 ELSE error END,
        not_before = ?3, attempts = attempts + ?4, changed_at = ?5
    WHERE seq = ?6 AND crm = ?7
"""
_REMEMBER = """
    INSERT INTO memory (call_id, crm, json) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json
"""
_LOST = """
    UPDATE delivery SET state = 'unclear', error = 'the daemon ended before the answer', attempts = attempts + 1,
        changed_at = ?
    WHERE state = 'sending'
"""
# Also what was decided while it was under way: its card may be on a screen, and then there is something to close.
_MAY_HAVE_BEEN_SENT = """
    UPDATE delivery SET attempts = 1
    WHERE attempts = 0 AND seq IN (
        SELECT command.seq FROM delivery AS waiting JOIN command USING (call_id) WHERE waiting.state = 'pending'
    )
"""
_NOT_SO_LATE = "UPDATE delivery SET not_before = ?1 WHERE state = 'pending' AND not_before > ?1"
# The host's clock was set back while nobody was here: the age of such a card cannot be known.
_FROM_THE_FUTURE = """
    UPDATE delivery SET state = 'expired', error = 'its age is not known: the clock was set back', changed_at = ?
    WHERE state = 'pending' AND expires_at > ?
"""


class Outbox:
    """The deliveries of one store, as the couriers see them."""

    def __init__(self, owner: Owner, now: Now) -> None:
        self._owner = owner
        self._now = now
        self.pressed = 0
        """How often somebody has changed the outbox by hand, and wants it to be looked at now."""

    @contextmanager
    def listening(self, news: asyncio.Event) -> Iterator[None]:
        """Sets `news` after every commit that brought outputs, as long as the context lasts."""
        self._owner.listeners.add(news)
        try:
            yield
        finally:
            self._owner.listeners.discard(news)

    def stir(self) -> None:
        """Wakes the listeners: somebody has changed the outbox by hand."""
        self.pressed += 1
        self._owner.stir()

    async def due(self, crm: str, busy: Collection[str], limit: int) -> list[Errand]:
        """The most urgent errands that may set out now, one a call.

        busy: calls whose errand is under way. What cannot be read becomes a dead letter. Raises StoreFailedError.
        """
        rows = await self._owner.read(
            _DUE,
            {"crm": crm, "busy": dump(list(busy)), "now": self._now(), "limit": limit},
        )
        errands, unreadable = [], []
        for row in rows:
            try:
                errands.append(_errand(crm, row))
            except (ValueError, TypeError) as error:
                unreadable.append((f"it cannot be read: {place(error)}", self._now(), row["seq"], crm))
                log.error("outbox.unreadable", crm=crm, key=row["key"], error=place(error))
        if unreadable:
            await self._owner.write([Statement(_UNREADABLE, unreadable)])
        return errands

    async def deadlines(self, crm: str, busy: Collection[str]) -> tuple[float | None, float | None]:
        """When the first resting delivery may be tried again, and when the first card expires; None for never."""
        (row,) = await self._owner.read(_DEADLINES, {"crm": crm, "busy": dump(list(busy)), "now": self._now()})
        return row["rest"], row["expiry"]

    async def expire(self, crm: str, busy: Collection[str]) -> list[str]:
        """Ends the cards that were not shown in time. Returns their keys."""
        now = self._now()
        rows = await self._owner.read(_ANY_EXPIRED, {"crm": crm, "now": now, "busy": dump(list(busy))})
        if rows:
            await self._owner.write([Statement(_EXPIRE, [(now, crm, row["seq"]) for row in rows])])
        return [row["key"] for row in rows]

    async def pending(self) -> dict[str, int]:
        """How many deliveries wait, by CRM."""
        rows = await self._owner.read(_PENDING, {})
        return {row["crm"]: row["number"] for row in rows}

    async def claim(self, errand: Errand) -> bool:
        """Notes that what is unsafe to repeat is about to be sent. False: it has been superseded meanwhile."""
        (changed,) = await self._owner.write([once(_CLAIM, self._now(), errand.seq, errand.crm)])
        return changed > 0

    async def record(self, errand: Errand, result: Result) -> None:
        """Notes what became of an errand, together with what the CRM told. Returns when it is on the disk."""
        row = (
            result.state,
            clean_or_none(result.why),
            result.not_before,
            result.sent,
            self._now(),
            errand.seq,
            errand.crm,
        )
        written = [once(_RECORD, *row)]
        if result.memory is not None:
            written.append(once(_REMEMBER, errand.command.call_id, errand.crm, dump(result.memory)))
        await self._owner.write(written)


def take_over(now: float) -> Sequence[Statement]:
    """What a new run makes of what a former one left in the outbox."""
    return [
        once(_LOST, now),
        once(_MAY_HAVE_BEEN_SENT),
        once(_NOT_SO_LATE, now + LONGEST_REST),
        once(_FROM_THE_FUTURE, now, now + CARD_EXPIRES),
    ]


def command_of(row: Row) -> Command:
    """The command in a row of its table. Raises ValueError and TypeError where it cannot be read."""
    return Command(
        type=CommandType(row["type"]),
        key=row["key"],
        call_id=row["call_id"],
        extension=row["extension"],
        at=row["at"],
        wall=row["wall"],
        data=load(row["payload"]),
    )


def _errand(crm: str, row: Row) -> Errand:
    return Errand(
        seq=row["seq"],
        crm=crm,
        command=command_of(row),
        memory=load(row["memory"]) if row["memory"] is not None else {},
        attempts=row["attempts"],
        nothing_to_close=bool(row["nothing_to_close"]),
        for_card=bool(row["for_card"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
