"""Questions as they go over the wire: one method alone, or up to fifty in one `batch`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

MOST_IN_A_BATCH = 50


@dataclass(frozen=True, slots=True)
class Question:
    """One method and its parameters, which JSON can hold."""

    method: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answers. following: where the next page begins; None: this is the last one."""

    result: Any
    following: int | None = None


def batch(questions: Sequence[Question]) -> dict[str, Any]:
    """The parameters of the method `batch` that asks them all, and goes on when one fails."""
    return {"halt": 0, "cmd": {_name(at): f"{one.method}?{query(one.params)}" for at, one in enumerate(questions)}}


def replies(said: Mapping[str, Any], number: int) -> Iterator[Reply | Mapping[str, Any]]:
    """The answers within that of a batch, in the order of the questions: a reply, or the JSON of an error."""
    # PHP writes an empty mapping as an empty list.
    results, errors, following, times = (
        part if isinstance(part := said.get(name), Mapping) else {}
        for name in ("result", "result_error", "result_next", "result_time")
    )
    for name in map(_name, range(number)):
        if name in results and name not in errors:
            yield Reply(results[name], following.get(name))
        else:
            error = errors.get(name)
            yield {"time": times.get(name), **(error if isinstance(error, Mapping) else {"error": str(error or "")})}


def query(params: Mapping[str, Any]) -> str:
    """The parameters as PHP reads them: `FILTER[CALL_ID]=1&USER_ID[0]=12`."""
    return urlencode(list(_flat(params)))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list | tuple):
        yield from _flat(dict(enumerate(value)), name)
    else:
        yield name, str(value)


def _name(at: int) -> str:
    return f"q{at}"
