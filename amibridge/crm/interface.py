"""What a CRM's adapter is to the delivery: one method that sends, and what it declares about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from amibridge.calls import Command, CommandType

Memory = Mapping[str, Any]
"""What a CRM has told about one call, as its adapter wants to find it again: its own ids, for instance. JSON."""


class Repeat(StrEnum):
    """Whether a command may be sent again when nobody knows what became of the first time."""

    SAFE = "safe"
    """The CRM takes the second for the first."""
    LOOKUP = "lookup"
    """Safe too, because the adapter asks the CRM first when it is told that it may be repeating itself."""
    UNSAFE = "unsafe"
    """It would happen twice. Rather never than twice."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many commands a CRM takes: `burst` at once, and `per_second` in the long run."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter declares."""

    can_close: bool
    """It can take a card back. Without, it is never given a `card.close`."""
    repeat: Mapping[CommandType, Repeat]
    concurrency: int = 4
    """Commands under way at once, each of another call."""
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The CRM has it. memory: all that is to be remembered of the call from now on; None: as before."""

    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It was not carried out, or does no harm a second time. after: seconds that the CRM itself asked for."""

    why: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The CRM will not have this command, now or later."""

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """It was sent, and no answer came: it may have been carried out."""

    why: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The CRM wants no command any more. Nothing more is sent to it until the daemon is started again."""

    why: str


Answer = Done | Retry | Refused | Lost | Gone
"""`why` is for the log and the admin: no secrets in it, and no personal data."""


class Adapter(Protocol):
    """One CRM. Made inside a running loop.

    The text in a command is valid Unicode and its data is what JSON can hold. An exception out of `send` counts as
    `Lost`.
    """

    @property
    def name(self) -> str:
        """The CRM's name in the configuration and in the outbox."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        """Brings one command to the CRM.

        memory: what was remembered of this call. No two commands of one call are under way at once.
        repeated: this command may have been sent before.
        """
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
