"""One method for one caller, with its time; and a batch of them."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from amibridge.demo.portal.access import Caller
from amibridge.demo.portal.errors import RestError
from amibridge.demo.portal.listing import Page
from amibridge.demo.portal.methods import documented, find_method
from amibridge.demo.portal.parameters import Params, query, switch
from amibridge.demo.portal.portal import Command, Portal

BATCH = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]+\])+)")


@dataclass(frozen=True, slots=True)
class Done:
    """The answer of a method: result, total and next of a list, and the times."""

    result: Any
    time: dict[str, Any]
    total: int | None = None
    next: int | None = None

    def body(self) -> dict[str, Any]:
        """As JSON has it."""
        told: dict[str, Any] = {"result": self.result}
        if self.next is not None:
            told["next"] = self.next
        if self.total is not None:
            told["total"] = self.total
        return told | {"time": self.time}


def carry_out(portal: Portal, caller: Caller, name: str, params: Params) -> Done:
    """Does what a method says. Raises RestError."""
    method = find_method(name)
    portal.access.permit(caller, method.name, method.scope)
    began, began_real = portal.wall(), time.perf_counter()
    if portal.operating.exceeded(caller.kind, method.name):
        told = _times(portal, began) | _operating(portal, caller, method.name)
        raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit", told)
    result = method.call(portal, caller, params)
    portal.operating.add(caller.kind, method.name, time.perf_counter() - began_real)
    times = _times(portal, began) | _operating(portal, caller, method.name)
    if isinstance(result, Page):
        return Done(result.rows, times, result.total, result.next)
    return Done(result, times)


def carry_out_batch(portal: Portal, caller: Caller, params: Params) -> tuple[Done, list[Command]]:
    """Each command in turn; a reference takes its value from an earlier result. Raises RestError.

    Returns the answer, and what the commands were. Mistakes of a command are in the answer.
    """
    began = portal.wall()
    asked = params.get("cmd")
    if not isinstance(asked, (dict, list)):
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'cmd' is null or empty")
    named = asked if isinstance(asked, dict) else {str(place): told for place, told in enumerate(asked)}
    halt = switch(params, "halt", False)
    done: dict[str, Done] = {}
    refusals: dict[str, RestError] = {}
    commands: list[Command] = []
    for place, (name, told) in enumerate(named.items()):
        method, _, rest = str(told).partition("?")
        inner = _resolved(query(rest), done)
        try:
            if place >= BATCH:
                raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
            if method.lower() == "batch":
                raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
            done[name] = carry_out(portal, caller, method, inner)
        except RestError as error:
            refusals[name] = error
        outcome = refusals[name].code if name in refusals else "ok"
        commands.append(Command(name, documented(method), inner, outcome))
        if halt and refusals:
            break
    times = {name: one.time for name, one in done.items()}
    times |= {name: error.time for name, error in refusals.items() if error.time is not None}
    errors = {n: {"error": error.code, "error_description": error.description} for n, error in refusals.items()}
    result = {
        "result": _php({name: one.result for name, one in done.items()}),
        "result_error": _php(errors),
        "result_total": _php({name: one.total for name, one in done.items() if one.total is not None}),
        "result_next": _php({name: one.next for name, one in done.items() if one.next is not None}),
        "result_time": _php(times),
    }
    return Done(result, _times(portal, began)), commands


def _php(named: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """As PHP writes it in JSON: a list when it is empty or its names count from 0. Values are left alone."""
    return list(named.values()) if list(named) == [str(place) for place in range(len(named))] else named


def _resolved(value: Any, done: dict[str, Done]) -> Any:
    """Parameters with the references of a batch replaced; a reference to nothing is null."""
    if isinstance(value, dict):
        return {name: _resolved(inner, done) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, done) for inner in value]
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _looked_up(whole[1], done)
    return _REFERENCE.sub(lambda found: str(_looked_up(found[1], done) or ""), value)


def _looked_up(path: str, done: dict[str, Done]) -> Any:
    name, *steps = re.findall(r"\[([^\[\]]+)\]", path)
    here: Any = done[name].result if name in done else None
    for step in steps:
        if isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        elif isinstance(here, dict):
            here = here.get(step)
        else:
            return None
    return here


def _times(portal: Portal, began: float) -> dict[str, Any]:
    ended = portal.wall()
    return {
        "start": began,
        "finish": ended,
        "duration": ended - began,
        "processing": ended - began,
        "date_start": _date(began),
        "date_finish": _date(ended),
        "operating_reset_at": int(ended + 600),
        "operating": 0,
    }


def _operating(portal: Portal, caller: Caller, method: str) -> dict[str, Any]:
    """What the method has used of its time, and when the oldest minute of it is forgotten."""
    return {
        "operating_reset_at": int(portal.wall() + portal.operating.reset_in(caller.kind, method)),
        "operating": portal.operating.spent(caller.kind, method),
    }


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
