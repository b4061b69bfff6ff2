"""What passes from those who know what to write to the one who writes it."""

from collections.abc import Sequence
from dataclasses import dataclass

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, carried out once for each of its rows of parameters."""

    sql: str
    rows: Sequence[Sequence[Value]]


def once(sql: str, *row: Value) -> Statement:
    """The statement for a single row of parameters."""
    return Statement(sql, (row,))
