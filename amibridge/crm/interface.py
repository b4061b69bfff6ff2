"""What a CRM's adapter is to the delivery: one method that sends, and what it declares about itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from amibridge.calls import Command, CommandType

Memory = Mapping[str, Any]
"""What a CRM has told about one call, as its adapter wants to find it again: its own ids, for instance. JSON."""


LONGEST_WISH = 3600.0
"""Seconds that a CRM may ask to be left alone; more is not believed."""


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


class Bucket:
    """A pace as a bucket of tokens: one for each command, filled again at the CRM's own rate. It is full at first.

    All times are seconds on one clock of the caller's.
    """

    def __init__(self, pace: Pace) -> None:
        self._burst = pace.burst
        self._seconds = 1.0 / pace.per_second
        """How long one token takes to come."""
        self._full_at = 0.0

    def room(self, now: float) -> int:
        """How many commands may set out."""
        missing = max(0.0, self._full_at - now) / self._seconds
        # A hair's breadth is forgiven: the sum of many small times never quite makes a whole token.
        return max(0, int(self._burst - missing + 1e-3))

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._seconds

    def spill(self, now: float) -> None:
        """The CRM says that there is none left: somebody else has taken them."""
        self._full_at = max(self._full_at, now + self._burst * self._seconds)

    def next_at(self, now: float) -> float | None:
        """When the next token will be there; None when there is one."""
        return None if self.room(now) else self._full_at - (self._burst - 1) * self._seconds


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter declares."""

    can_close: bool
    """It can take a card back. Without, it is never given a `card.close`."""
    repeat: Mapping[CommandType, Repeat]
    has_rights: bool = False
    """It may be let in and still not be allowed everything: it is probed when the daemon starts."""
    concurrency: int = 4
    """Commands under way at once, each of another call."""
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The CRM has it. memory: all that is to be remembered of the call from now on; None: as before."""

    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It was not carried out, or does no harm a second time."""

    why: str
    after: float | None = None
    """Seconds that the CRM itself asked for; more than LONGEST_WISH counts as that."""
    alone: bool = False
    """It is this command that has to wait. Without, it is the CRM that is down or has asked for time."""
    memory: Memory | None = None
    """What has been learnt on the way all the same; None: as before."""
    unreached: bool = False
    """Nobody was there: whatever the command says, it cannot have been its fault."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The CRM will not have this command, now or later."""

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """It was sent, and no answer came: it may have been carried out."""

    why: str
    memory: Memory | None = None
    """What has been learnt before; None: as before."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The CRM wants no command any more. Nothing more is sent to it until the daemon is started again."""

    why: str


Answer = Done | Retry | Refused | Lost | Gone
"""`why` is for the log and the admin: no secrets in it, and no personal data."""


class Adapter(Protocol):
    """One CRM. Made inside a running loop.

    The text in a command is valid Unicode and its data is what JSON can hold. An exception out of `send` is taken for
    the command's fault and makes it a dead letter; an OSError, which may be the network's, counts as `Lost`.
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

    async def probe(self) -> Sequence[str]:
        """Asks the CRM, without changing anything in it, whether it would take commands. Returns what is missing, each
        with its remedy; nothing: it would."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...
