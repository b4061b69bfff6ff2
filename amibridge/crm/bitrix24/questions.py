"""Questions as they go over the wire: one method alone, or up to fifty in one `batch`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

MOST_IN_A_BATCH = 50
LONGEST_ID = 255
"""Signs of an id that is remembered."""


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
    """The answers within that of a batch, in the order of the questions: a reply, or the JSON of an error; an empty
    one for a question that was not answered."""
    # PHP writes an empty mapping as an empty list.
    results, errors, following, times = (
        part if isinstance(part := said.get(name), Mapping) else {}
        for name in ("result", "result_error", "result_next", "result_time")
    )
    readable = isinstance(said.get("result_error") or {}, Mapping)
    for name in map(_name, range(number)):
        if name in results and name not in errors and readable:
            yield Reply(results[name], page(following.get(name)))
        else:
            error = errors.get(name)
            yield {**(error if isinstance(error, Mapping) else {"error": error}), "time": times.get(name)}


def page(following: Any) -> int | None:
    """Where the next page begins, as a portal says it; None for whatever is no place."""
    if isinstance(following, str) and following.isascii() and following.isdecimal():
        following = int(following[:9])
    return following if type(following) is int else None


def text(said: Mapping[str, Any], name: str) -> str | None:
    """What a portal says under a name, as one of its ids may look; None for nothing, and for what is none."""
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()[:LONGEST_ID] or None


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
