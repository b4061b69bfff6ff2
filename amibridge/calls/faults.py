"""Faults: an exception of the core's own spoils what was done at one event, and nothing else.

What was decided before it stands. The calls concerned say in their evidence and their record that they may be told
wrongly from then on. The core has no log: whoever made it is told of each fault, and a core whose maker does not want
to be told raises, as tests do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amibridge.calls.event import Event

if TYPE_CHECKING:
    from amibridge.calls.call import Call
    from amibridge.calls.state import State

DEFECT = "this is a defect of amibridge: please report it with these lines"
"""The remedy for exceptions of our own."""

LISTING = "a listing"
"""At what it was raised, where no event was it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception of the core's own."""

    what: str
    """At what it was raised: the event's name, `a deadline`, `a listing`, `the end of the capture`."""
    calls: tuple[str, ...]
    """The ids of the calls concerned; a call between colleagues has its linkedid for one."""
    error: Exception


TellFault = Callable[[Fault], None]


@contextmanager
def contained(state: "State", what: str, *calls: "Call") -> Iterator[None]:
    """What is raised inside ends what is done inside. calls: the live ones that it is about."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - it is told of, or raised again
        contain(state, what, error, calls)


def contain(state: "State", what: str, error: Exception, calls: "tuple[Call, ...]") -> None:
    """Marks the calls and tells of the fault; raises it again where nobody wants to be told."""
    if state.tell_fault is None:
        raise error
    fault = f"{what}: {place(error)}"
    for call in calls:
        call.fault = call.fault or fault
        call.note(state.wall, None, f"amibridge failed at {fault}; what follows may be told wrongly")
    state.tell_fault(Fault(what, tuple(call.call_id or call.linkedid for call in calls), error))


def concerned(state: "State", event: Event) -> "tuple[Call, ...]":
    """The live calls with a leg that the event names, be it by a Uniqueid or by a channel's name."""
    named = {value for name, value in event.headers.lines() if name.endswith(("Uniqueid", "Channel"))}
    return tuple(
        call for call in state.live if any(uid in named or leg.channel.name in named for uid, leg in call.legs.items())
    )


def place(error: BaseException) -> str:
    """What kind of error it was, and where: `KeyError at parking.py:17`. Its own text may hold personal data."""
    trace = error.__traceback__
    if trace is None:
        return type(error).__name__
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{type(error).__name__} at {file}:{trace.tb_lineno}"
