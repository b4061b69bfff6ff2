"""One action that was sent, and its answer. When an answer is complete is panoramisk's to say."""

import asyncio
from typing import Any

from panoramisk.actions import Action
from panoramisk.message import Message

from amibridge.ami.faults import UnsafeValueError
from amibridge.calls import Headers

_LINE_ENDS = ("\r", "\n")


class Question:
    """An action on its way. `answer` resolves to the headers of the packet that completes it.

    rows: the packets of a list answer before the one that completes it; None for an action that has none.
    """

    def __init__(self, action: Any) -> None:
        """action: a panoramisk Action; it has given itself an ActionID that no other session has."""
        self.action = action
        self.answer: asyncio.Future[Headers] = asyncio.get_running_loop().create_future()
        self.rows: list[Headers] | None = None

    @property
    def name(self) -> str:
        """The action's name, for people. Its other headers may hold secrets."""
        return str(self.action["Action"])

    def take(self, read: Headers) -> None:
        """Takes in a packet that carries the action's ActionID."""
        if self.answer.done():
            return
        # Only the first line is to be trusted: a caller can write any other header, `EventList` too, into his row.
        kind, name = next(read.lines())
        if self.rows is not None and kind == "Event":
            if name.endswith("Complete"):
                self.answer.set_result(read)
            else:
                self.rows.append(read)
        elif _completes(self.action, read):
            self.answer.set_result(read)

    def fail(self, error: Exception) -> None:
        """There will be no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)
            # Whoever asked may have given up: an exception that nobody fetches is not worth a line in the log.
            self.answer.exception()


def packet(action: Any) -> bytes:
    """The bytes of a panoramisk Action. Raises UnsafeValueError; the text of it holds no value."""
    for name, value in action.items():
        values = value if isinstance(value, list | tuple) else (value,)
        if any(end in str(text) for text in (name, *values) for end in _LINE_ENDS):
            raise UnsafeValueError(f"{name!r} of action {action['Action']!r} holds a line end")
    return str(action).encode("utf-8", "surrogateescape")


def _completes(action: Any, read: Headers) -> bool:
    """What `Action.add_message` says, but for what it does not survive.

    An Originate without `Async` that is answered "successfully queued" is a KeyError inside it: that answer is the only
    one there will be.
    """
    try:
        return bool(action.add_message(Message(read)))
    except KeyError:
        return True


def question(headers: dict[str, Any]) -> Any:
    """A panoramisk Action of these headers; a list of values makes a repeated header."""
    return Action(headers)
