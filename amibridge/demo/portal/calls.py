"""A call at the portal: what was registered, who was shown its card, how it was finished."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

TYPES = (1, 2, 3, 4, 5)
"""Outgoing, incoming, incoming and redirected, callback, informational."""
STATUS_CODES = ("200", "304", "603", "603-S", "403", "404", "486", "484", "503", "480", "402", "423", "OTHER")


class Key(NamedTuple):
    """What makes a second register the same call."""

    phone: str
    type: int
    user: int
    line: str | None
    external_id: str | None


class Happening(NamedTuple):
    """what: register, show, hide or finish. at: seconds since the epoch.

    Shows and hides are those that changed a screen: showing an open card again is none.
    """

    what: str
    call_id: str
    user: int
    at: float


@dataclass(slots=True)
class Showing:
    """A card on a screen, in seconds since the epoch; hidden_at is None while it is open."""

    shown_at: float
    hidden_at: float | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of the CRM that a call belongs to."""

    type: str
    id: int


@dataclass(frozen=True, slots=True)
class Activity:
    """The activity of a finished call in the CRM."""

    id: int
    call_id: str
    user: int
    entity: Entity | None


@dataclass(frozen=True, slots=True)
class Recording:
    """file_id: None until the content has been uploaded. url: where the portal would fetch it itself."""

    filename: str
    file_id: int | None = None
    content: bytes | None = None
    url: str | None = None


@dataclass(slots=True)
class Call:
    """registered: the moments of every register that got this CALL_ID, in seconds since the epoch.

    shown: for each user the times that the card was on the screen. finished: the parameters of the finish.
    """

    id: str
    key: Key
    phone: str
    start: str
    entity: Entity | None = None
    lead: int | None = None
    registered: list[float] = field(default_factory=list)
    shown: dict[int, list[Showing]] = field(default_factory=dict)
    finished: dict[str, Any] | None = None
    finished_at: float | None = None
    activity: Activity | None = None
    recording: Recording | None = None

    @property
    def external_id(self) -> str | None:
        return self.key.external_id

    @property
    def type(self) -> int:
        return self.key.type

    @property
    def line(self) -> str | None:
        return self.key.line

    @property
    def user(self) -> int:
        return self.key.user

    def open_for(self, user: int) -> bool:
        """Whether the user sees the card now."""
        return any(showing.hidden_at is None for showing in self.shown.get(user, ()))

    def viewers(self) -> list[int]:
        """Users who see the card now."""
        return sorted(user for user in self.shown if self.open_for(user))
