"""What people ask the store: which calls there were, why a card opened or did not, what waits in the outbox."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amibridge.calls import Fact, Finding, Verdict
from amibridge.store.connection import Connection, Row
from amibridge.store.encoding import dump, load
from amibridge.store.opening import opened_to_read
from amibridge.store.outbox import State


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call in a list."""

    call_id: str
    pbx: str
    began: float
    ended: float | None
    """None while it is live."""
    how_ended: str | None
    """One of `calls.End`."""
    client: str | None
    client_raw: str | None
    did: str | None
    outbound: bool
    record: Mapping[str, Any] | None
    """The object of the output contract, once the call is over."""


@dataclass(frozen=True, slots=True)
class CardLine:
    """The card of one extension in one call; times in seconds since the epoch."""

    extension: str
    openings: int
    closings: int
    opened_at: float | None
    closed_at: float | None


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """What became of a command at a CRM."""

    seq: int
    key: str
    type: str
    crm: str
    state: State
    attempts: int
    created_at: float
    changed_at: float
    not_before: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A command at a CRM with what it says."""

    line: DeliveryLine
    data: Mapping[str, Any]
    memory: Mapping[str, Any]
    """What the CRM has told about the call."""


@dataclass(frozen=True, slots=True)
class CallStory:
    """Everything the store knows of a call."""

    line: CallLine
    verdicts: Sequence[Verdict]
    cards: Sequence[CardLine]
    trail: Sequence[Fact]
    """The evidence, once the call is over."""
    deliveries: Sequence[DeliveryLine]


_CALLS = """
    SELECT * FROM call
    WHERE began >= :since AND began < :until
        AND (:client IS NULL OR client = :client OR client_raw IN (:client, :bare))
        AND (:extension IS NULL OR EXISTS (
            SELECT 1 FROM verdict WHERE verdict.call_id = call.call_id AND extension = :extension))
    ORDER BY began DESC, call_id DESC LIMIT :limit
"""
_DELIVERIES = "SELECT delivery.*, key, type, created_at FROM delivery JOIN command USING (seq)"
_OPENINGS = f"""
    {_DELIVERIES} WHERE command.call_id IN (SELECT value FROM json_each(:ids)) AND type = 'card.open' ORDER BY seq, crm
"""
_SHOWN = """
    SELECT delivery.*, key, type, created_at, payload, memory.json AS memory
    FROM delivery JOIN command USING (seq)
    LEFT JOIN memory ON memory.call_id = delivery.call_id AND memory.crm = delivery.crm
    WHERE seq = :seq ORDER BY delivery.crm
"""
OPEN_OR_DEAD = (State.PENDING, State.SENDING, State.REFUSED, State.UNCLEAR)
"""What an admin looks for in the outbox: what waits, and what will never go by itself."""


class Archive:
    """The store, read beside the daemon that writes it. Its questions raise StoreFailedError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @staticmethod
    @asynccontextmanager
    async def opened(path: Path) -> AsyncIterator["Archive"]:
        """Raises NotOurDatabaseError and StoreFailedError."""
        async with opened_to_read(path) as connection:
            yield Archive(connection)

    async def calls(
        self,
        *,
        since: float = 0.0,
        until: float = float("inf"),
        client: str | None = None,
        extension: str | None = None,
        limit: int = 100,
    ) -> list[CallLine]:
        """Calls by when they began, the latest first.

        client: E.164 or as it came; of a number that is not believed only the latter is known, mostly without its plus.
        extension: one with a verdict.
        """
        bare = None if client is None else client.removeprefix("+")
        parameters = {
            "since": since,
            "until": until,
            "client": client,
            "bare": bare,
            "extension": extension,
            "limit": limit,
        }
        return [_call(row) for row in await self._connection.fetch(_CALLS, parameters)]

    async def call(self, call_id: str) -> CallStory | None:
        """The story of one call, or None."""
        by_id = {"id": call_id}
        fetch = self._connection.fetch
        rows = await fetch("SELECT * FROM call WHERE call_id = :id", by_id)
        if not rows:
            return None
        verdicts = await fetch("SELECT * FROM verdict WHERE call_id = :id ORDER BY rowid", by_id)
        cards = await fetch("SELECT * FROM card WHERE call_id = :id ORDER BY opened_at, extension", by_id)
        deliveries = await fetch(f"{_DELIVERIES} WHERE command.call_id = :id ORDER BY seq, crm", by_id)
        (row,) = rows
        return CallStory(
            line=_call(row),
            verdicts=[_verdict(verdict) for verdict in verdicts],
            cards=[_card(card) for card in cards],
            trail=[Fact(*fact) for fact in load(row["trail"] or "[]")],
            deliveries=[_delivery(delivery) for delivery in deliveries],
        )

    async def card_deliveries(self, call_ids: Sequence[str]) -> dict[str, list[DeliveryLine]]:
        """What became of the cards of these calls, by call."""
        found: dict[str, list[DeliveryLine]] = {call_id: [] for call_id in call_ids}
        for row in await self._connection.fetch(_OPENINGS, {"ids": dump(list(call_ids))}):
            found[row["call_id"]].append(_delivery(row))
        return found

    async def outbox(
        self, states: Sequence[State] = OPEN_OR_DEAD, crm: str | None = None, limit: int = 100
    ) -> list[DeliveryLine]:
        """Deliveries in these states, the oldest first."""
        each = f"{_DELIVERIES} WHERE state = '{{}}' AND crm = coalesce(:crm, crm)"
        sql = f"{_for_each(states, each)} ORDER BY seq, crm LIMIT :limit"
        return [_delivery(row) for row in await self._connection.fetch(sql, {"crm": crm, "limit": limit})]

    async def delivery(self, seq: int) -> list[Delivery]:
        """One command at each of its CRMs, with what it says."""
        rows = await self._connection.fetch(_SHOWN, {"seq": seq})
        return [Delivery(_delivery(row), load(row["payload"]), load(row["memory"] or "{}")) for row in rows]

    async def counts(self, states: Sequence[State] = OPEN_OR_DEAD) -> dict[tuple[str, State], int]:
        """How many deliveries are in these states, by CRM and state."""
        each = "SELECT crm, state, count(*) AS number FROM delivery WHERE state = '{}' GROUP BY crm"
        rows = await self._connection.fetch(_for_each(states, each))
        return {(row["crm"], State(row["state"])): row["number"] for row in rows}


def _for_each(states: Sequence[State], query: str) -> str:
    """The query for each of the states. SQLite takes a state's small index only where the state stands in the SQL."""
    return " UNION ALL ".join(query.format(state.value) for state in states)


def _call(row: Row) -> CallLine:
    return CallLine(
        call_id=row["call_id"],
        pbx=row["pbx"],
        began=row["began"],
        ended=row["ended"],
        how_ended=row["how_ended"],
        client=row["client"],
        client_raw=row["client_raw"],
        did=row["did"],
        outbound=bool(row["outbound"]),
        record=None if row["record"] is None else load(row["record"]),
    )


def _verdict(row: Row) -> Verdict:
    # The PBX's line of time ends with the daemon: of a stored verdict only the wall clock's time has a meaning.
    finding, wall = Finding(row["finding"]), row["wall"]
    return Verdict(row["call_id"], row["extension"], finding, row["because"], wall, wall, row["no_card"])


def _card(row: Row) -> CardLine:
    return CardLine(row["extension"], row["openings"], row["closings"], row["opened_at"], row["closed_at"])


def _delivery(row: Row) -> DeliveryLine:
    return DeliveryLine(
        seq=row["seq"],
        key=row["key"],
        type=row["type"],
        crm=row["crm"],
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        not_before=row["not_before"],
        error=row["error"],
    )
