"""Lists as a portal gives them: filtered, sorted, in pages of 50."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from amibridge.demo.portal.parameters import Params, number, several, text, truth

PAGE = 50
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """next: where the following page starts; None at the end."""

    rows: list[Row]
    total: int
    next: int | None


def page(rows: Sequence[Row], params: Params) -> Page:
    """The page that `start` asks for."""
    start = max(0, number(params, "start") or 0)
    following = start + PAGE
    return Page(list(rows[start:following]), len(rows), following if following < len(rows) else None)


def filtered(rows: Sequence[Row], params: Params) -> list[Row]:
    """The rows that `FILTER` (or `filter`) leaves. Unknown fields are no condition, as at a portal."""
    told = params.get("FILTER") or params.get("filter")
    conditions = told.items() if isinstance(told, Mapping) else ()
    return [row for row in rows if all(_meets(row, name, wanted) for name, wanted in conditions)]


def ordered(rows: list[Row], params: Params) -> list[Row]:
    """The rows in the order of `SORT` and `ORDER`, else as they came."""
    field = text(params, "SORT") or text(params, "sort")
    if field is None or any(field not in row for row in rows):
        return rows
    descending = (text(params, "ORDER") or text(params, "order") or "ASC").upper() == "DESC"
    return sorted(rows, key=lambda row: _rank(row[field]), reverse=descending)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda have, wanted: bool(have >= wanted),
    "<=": lambda have, wanted: bool(have <= wanted),
    ">": lambda have, wanted: bool(have > wanted),
    "<": lambda have, wanted: bool(have < wanted),
}


def _meets(row: Row, name: str, wanted: Any) -> bool:
    sign, field = re.fullmatch(r"([><=!%?]*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    if field not in row:
        return True
    have = row[field]
    if sign in _COMPARE:
        return _COMPARE[sign](_rank(have), _rank(wanted))
    if isinstance(have, bool):
        return have == truth(wanted)
    found = any(_text(have) == one for one in several(wanted)) if sign in ("", "=", "!", "!=") else _has(have, wanted)
    return not found if sign.startswith("!") else found


def _has(have: Any, wanted: Any) -> bool:
    return any(one.strip("%").lower() in _text(have).lower() for one in several(wanted))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _rank(value: Any) -> tuple[int, float, str]:
    """What is compared: numbers and moments by their value, the rest as text."""
    told = _text(value)
    for read in (float, _moment):
        with suppress(ValueError):
            return 0, read(told), ""
    return 1, 0.0, told


def _moment(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()
