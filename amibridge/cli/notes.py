"""What a list of calls says beside its columns: who talked and got no card, and whose card was not seen, and why."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from amibridge.calls.lacking import LACKS


def notes(record: Mapping[str, Any], not_shown: Mapping[str, Sequence[str]] = MappingProxyType({})) -> str:
    """`134: no card, open_on is never; 120: too late for sales`. A call between colleagues needs none.

    not_shown: see `fate.not_shown`.
    """
    return "; ".join(_notes(record, not_shown))


def _notes(record: Mapping[str, Any], not_shown: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if record.get("lacks_events"):
        yield LACKS
    if record["direction"] != "internal":
        for extension, verdict in record["verdicts"].items():
            if verdict.get("no_card", LACKS) != LACKS:
                yield f"{extension}: no card, {verdict['no_card']}"
    for extension, where in not_shown.items():
        yield f"{extension}: {', '.join(where)}"
