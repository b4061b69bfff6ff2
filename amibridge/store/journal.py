"""From what the core says to what is written: the outputs of one read chunk become the statements of one transaction.

Every statement may be carried out twice: after a restart the core says again what it said before, with the same keys.
The statements of one chunk go table by table, not output by output, so each table is one `executemany`; that is why
each says only what does not depend on its neighbours (a card counts its openings and closings, it has no "is open").
"""

from collections.abc import Sequence
from datetime import datetime
from math import isnan
from typing import Any

import structlog

from amibridge.calls import DEFECT, Anchored, Command, CommandType, Ended, Output, Verdict
from amibridge.calls.faults import place
from amibridge.store.encoding import clean, clean_or_none, dump
from amibridge.store.statements import Statement, Value

log = structlog.get_logger(__name__)

CARD_EXPIRES = 30.0
"""Seconds after which a card that was not shown is not shown any more."""

URGENCY = {
    CommandType.CARD_OPEN: 0,
    CommandType.CARD_CLOSE: 1,
    CommandType.CALL_STARTED: 2,
    CommandType.CALL_FINISHED: 3,
}
"""The less, the sooner: cards first, then what prepares a card, then what can wait."""


_CALL = "INSERT INTO call (call_id, pbx, began) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_ANCHORED = "UPDATE call SET began = ?, client_raw = ?, did = ?, outbound = ? WHERE call_id = ?"
_CHANNEL = "INSERT OR REPLACE INTO call_channel (pbx, uniqueid, call_id) VALUES (?, ?, ?)"
_ANNOUNCED = "UPDATE call SET announced = 1, client = ? WHERE call_id = ?"
_OPENED = """
    INSERT INTO card (call_id, extension, openings, opened_at) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        openings = max(openings, excluded.openings), opened_at = coalesce(opened_at, excluded.opened_at)
"""
_CLOSED = """
    INSERT INTO card (call_id, extension, closings, closed_at) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET closings = max(closings, excluded.closings), closed_at = excluded.closed_at
"""
_VERDICT = """
    INSERT INTO verdict (call_id, extension, finding, because, no_card, wall) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET finding = excluded.finding, because = excluded.because, no_card = excluded.no_card,
        wall = CASE WHEN finding = excluded.finding THEN wall ELSE excluded.wall END
"""
_COMMAND = """
    INSERT INTO command (key, call_id, extension, type, payload, at, wall, created_at, expires_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_DELIVERY = """
    INSERT INTO delivery (seq, crm, call_id, urgency, expires_at, changed_at)
    SELECT seq, ?, call_id, ?, expires_at, created_at FROM command WHERE key = ? ON CONFLICT DO NOTHING
"""
# The `+` keeps SQLite from walking everything that rests instead of the one lane.
_NO_MORE_REST = """
    UPDATE delivery SET not_before = 0 WHERE crm = ? AND call_id = ? AND state = 'pending' AND +not_before > 0
"""
_SUPERSEDED = """
    UPDATE delivery SET state = 'superseded', error = 'closed before it was shown', changed_at = ?
    WHERE state = 'pending' AND seq IN (
        SELECT card.seq FROM command closing JOIN command card USING (call_id, extension)
        WHERE closing.key = ? AND card.type = 'card.open' AND card.seq < closing.seq
    )
"""
_POISONED = """
    UPDATE delivery SET state = 'refused', error = ?, changed_at = ?
    WHERE state = 'pending' AND seq = (SELECT seq FROM command WHERE key = ?)
"""
_ENDED = """
    UPDATE call SET ended = ?, how_ended = ?, began = coalesce(?, began), client = ?, client_raw = ?, did = ?,
        outbound = ?, record = ?, trail = ?
    WHERE call_id = ?
"""
_OVER = """
    UPDATE delivery SET state = 'expired', error = 'the call was over before it was shown', changed_at = ?
    WHERE state = 'pending' AND seq IN (SELECT seq FROM command WHERE call_id = ? AND type = 'card.open')
"""

_IN_ORDER = (
    *(_CALL, _ANCHORED, _CHANNEL, _ANNOUNCED, _OPENED, _CLOSED, _VERDICT),
    *(_COMMAND, _DELIVERY, _POISONED, _NO_MORE_REST, _SUPERSEDED, _ENDED, _OVER),
)


def statements(outputs: Sequence[Output], pbx: str, crms: Sequence[str], now: float) -> Sequence[Statement]:
    """What one read chunk of a PBX writes.

    crms: who is to be told; without any, calls, cards and verdicts are kept and no command is.
    now: the host's clock: the age of the commands is counted from it.
    """
    rows: dict[str, list[Sequence[Value]]] = {sql: [] for sql in _IN_ORDER}
    for output in outputs:
        call_id = clean(output.call_id)
        if isinstance(output, Anchored):
            _anchored(rows, output, call_id, pbx, now)
            continue
        rows[_CALL].append((call_id, pbx, _or(now, output.wall)))
        if isinstance(output, Verdict):
            said = clean(output.extension), output.finding, clean(output.because), clean_or_none(output.no_card)
            rows[_VERDICT].append((call_id, *said, _or(now, output.wall)))
        elif isinstance(output, Ended):
            _ended(rows, output, call_id, now)
        else:
            _noted(rows, output, call_id)
            if crms:
                _told(rows, output, call_id, crms, now)
    return [Statement(sql, rows[sql]) for sql in _IN_ORDER if rows[sql]]


def ordinal(key: str) -> int:
    """Of a key `…/card.open` 1, of `…/card.open/2` 2: how often that was said."""
    last = key.rpartition("/")[2]
    return int(last) if last.isdecimal() else 1


_Rows = dict[str, list[Sequence[Value]]]


def _anchored(rows: _Rows, anchored: Anchored, call_id: str, pbx: str, now: float) -> None:
    began = _or(now, anchored.began_wall)
    rows[_CALL].append((call_id, pbx, began))
    did, client = clean_or_none(anchored.did), clean_or_none(anchored.client_raw)
    rows[_ANCHORED].append((began, client, did, anchored.outbound, call_id))
    rows[_CHANNEL].append((pbx, clean(anchored.channel), call_id))


def _noted(rows: _Rows, command: Command, call_id: str) -> None:
    """What a command says about the call and its cards, whoever is told."""
    if command.type is CommandType.CALL_STARTED:
        client = command.data.get("call", {}).get("client")
        rows[_ANNOUNCED].append((clean_or_none(client), call_id))
    elif command.extension is not None and command.type in (CommandType.CARD_OPEN, CommandType.CARD_CLOSE):
        sql = _OPENED if command.type is CommandType.CARD_OPEN else _CLOSED
        rows[sql].append((call_id, clean(command.extension), ordinal(command.key), command.wall))


def _told(rows: _Rows, command: Command, call_id: str, crms: Sequence[str], now: float) -> None:
    """The command itself, and its delivery to each CRM."""
    key = clean(command.key)
    payload, fault = _json(command.data, key)
    if payload is None:
        # It can never be sent, and a person has to know.
        payload = dump({"key": key})
        rows[_POISONED].append((f"its data cannot be written: {fault}", now, key))
    opens = command.type is CommandType.CARD_OPEN
    expires = now + CARD_EXPIRES if opens else None
    extension = clean_or_none(command.extension)
    rows[_COMMAND].append(
        (key, call_id, extension, command.type, payload, command.at, _or(now, command.wall), now, expires)
    )
    rows[_DELIVERY].extend((crm, URGENCY[command.type], key) for crm in crms)
    if opens:
        # What failed a while ago is tried at once when a card has to wait for it.
        rows[_NO_MORE_REST].extend((crm, call_id) for crm in crms)
    elif command.type is CommandType.CARD_CLOSE:
        rows[_SUPERSEDED].append((now, key))


def _ended(rows: _Rows, ended: Ended, call_id: str, now: float) -> None:
    record = ended.record
    client, client_raw, did = (clean_or_none(record.get(name)) for name in ("client", "client_raw", "did"))
    written, _ = _json(record, f"{call_id}, its record")
    trail, _ = _json([[fact.wall, fact.extension, fact.text] for fact in ended.trail], f"{call_id}, its evidence")
    outbound = record.get("direction") == "outbound"
    began = _wall(record.get("started_at"))
    rows[_ENDED].append(
        (_or(now, ended.wall), ended.end, began, client, client_raw, did, outbound, written, trail, call_id)
    )
    rows[_OVER].append((now, call_id))


def _json(value: Any, what: str) -> tuple[str | None, str | None]:
    """The value as JSON; or None, and why. What cannot be written must not keep its neighbours from being written."""
    try:
        return dump(value), None
    except Exception as error:
        log.exception("store.unwritable", what=what, remedy=DEFECT)
        return None, place(error)


def _or(now: float, wall: float) -> float:
    """The wall time; the host's where the PBX has told none."""
    return now if isnan(wall) else wall


def _wall(iso: Any) -> float | None:
    return None if iso is None else datetime.fromisoformat(iso).timestamp()
