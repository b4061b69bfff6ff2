"""An office with a Bitrix24 portal: its people, a stand-in of the portal on loopback, and the adapter to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from amibridge.calls import Command, CommandType
from amibridge.crm.bitrix24 import Bitrix24, Bitrix24Settings, MissedOwner, Wishes
from amibridge.crm.interface import Pace
from amibridge.demo.portal import Contact, Portal, User, running
from tests.unit.durable import CALL, WALL

ADMIN, OLGA, IVAN, PETER, SUPERVISOR, RECEPTION, ANNA = 1, 12, 15, 17, 18, 19, 16
EXTENSIONS = {"134": OLGA, "120": IVAN, "135": PETER, "136": SUPERVISOR, "137": RECEPTION, "121": ANNA}
CLIENT = "+79031234504"
FAST = Pace(per_second=100_000.0, burst=100_000)
"""No limit, where a test is not about limits."""


def users() -> list[User]:
    names = {OLGA: "Ольга", IVAN: "Иван", PETER: "Пётр", SUPERVISOR: "Анна", RECEPTION: "Вера", ANNA: "Анна"}
    staff = [User(user, inner, names[user]) for inner, user in EXTENSIONS.items()]
    return [User(ADMIN, None, "Admin"), *staff]


@asynccontextmanager
async def office(
    *contacts: Contact, capacity: float = 100_000, rate: float = 100_000, **more: Any
) -> AsyncIterator[Portal]:
    """A portal at work."""
    async with running(Portal(users(), contacts, capacity=capacity, rate=rate, **more)) as portal:
        yield portal


@asynccontextmanager
async def bitrix24(
    portal: Portal,
    *,
    wishes: Wishes | None = None,
    missed_owner: MissedOwner | None = None,
    pace: Pace = FAST,
    seconds: float = 5.0,
    of_map: dict[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Bitrix24]:
    """The adapter. of_map: what the extension map says."""
    settings = Bitrix24Settings(
        "sales",
        more.pop("url", portal.webhook_url),
        wishes=wishes or Wishes(),
        missed_owner=missed_owner or MissedOwner(),
        pace=pace,
        timeout=seconds,
        **more,
    )
    adapter = Bitrix24(settings, (of_map or {}).get)
    try:
        yield adapter
    finally:
        await adapter.close()


def call(call_id: str = CALL, **more: Any) -> dict[str, Any]:
    """A call as commands carry it."""
    return {
        "id": call_id,
        "direction": "inbound",
        "client": CLIENT,
        "client_raw": "79031234504",
        "client_name": None,
        "did": "74950000002",
        "line": None,
        "queue": None,
        "route": [],
        "initiator": None,
        "language": None,
        "started_at": "2026-11-21T19:56:11.250Z",
        **more,
    }


def _command(type_: CommandType, call_id: str, extension: str | None, time: int, data: dict[str, Any]) -> Command:
    parts = (call_id, extension, type_.value, str(time) if time > 1 else None)
    key = "/".join(part for part in parts if part)
    return Command(type_, key, call_id, extension, 5.0, WALL, {"key": key, **data})


def started(call_id: str = CALL, **more: Any) -> Command:
    return _command(CommandType.CALL_STARTED, call_id, None, 1, {"call": call(call_id, **more)})


def opens(extension: str = "134", call_id: str = CALL, time: int = 1, reason: str = "talks", **more: Any) -> Command:
    said = {"extension": extension, "crm_user": None, "again": time > 1, "reason": reason}
    return _command(CommandType.CARD_OPEN, call_id, extension, time, {**said, "call": call(call_id, **more)})


def closes(extension: str = "134", call_id: str = CALL, time: int = 1, **more: Any) -> Command:
    said = {"extension": extension, "crm_user": None, "again": time > 1}
    return _command(CommandType.CARD_CLOSE, call_id, extension, time, {**said, "call": call(call_id, **more)})


def finished(
    *talked: str,
    call_id: str = CALL,
    rang: tuple[str, ...] = (),
    outcome: str | None = None,
    seconds: float = 7.4,
    **more: Any,
) -> Command:
    """talked: extensions, in order of first talk. rang: by who rang first."""
    participants = [{"extension": one, "from": "2026-11-21T19:56:20.100Z", "talk_seconds": seconds} for one in talked]
    record = {
        **call(call_id, **more),
        "call_id": call_id,
        "participants": participants,
        "outcome": outcome or ("answered" if talked else "missed"),
    }
    record.pop("id")
    said = {"record": record, "missed_candidates": list(rang)}
    return _command(CommandType.CALL_FINISHED, call_id, None, 1, said)
