"""Who is who: what the core asks the directory about a channel, a number or a person.

The core never reads a configuration file. It asks these questions, and `amibridge.directory` answers them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What stands behind a device channel."""

    EXTENSION = "extension"
    """A person of the company, at a device or at a mobile of their own."""
    OUTSIDE = "outside line"
    """A trunk's channel: the far end of it is a client."""
    MACHINE = "machine"
    """A voice bot, a paging group, a recorder: no person and no client."""
    OWN = "own line"
    """A trunk's channel by which one of the company's own numbers was dialled: no client."""
    NOBODY = "nobody"
    """An ignored technology (spies' and announcers' channels): as if it were not there."""


@dataclass(frozen=True, slots=True)
class Who:
    """The answer to "who is behind this channel?"."""

    kind: Kind
    extension: str | None = None
    """The person's number; only for `Kind.EXTENSION`."""
    via_mobile: bool = False
    """The person is at a mobile of the map, over a trunk."""
    unverified: bool = False
    """Nothing but the number that a caller shows says that it is this person, and a number can be forged."""
    proves_answer: bool = True
    """False for a line without answer supervision: "Up" on it does not mean that anybody answered."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the map says of an extension. An extension that no map lists has only its number."""

    extension: str
    name: str | None = None
    crm_user: str | None = None


class OpenOn(StrEnum):
    """When a card opens."""

    ANSWER = "answer"
    RING_SOLE = "ring_sole"
    RING = "ring"
    NEVER = "never"


class MobileCard(StrEnum):
    """Whether talk through the extension's own mobile opens a card."""

    ANSWER = "answer"
    CONFIRMED = "confirmed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class CardRule:
    """How cards open for one extension in one call."""

    open_on: OpenOn = OpenOn.ANSWER
    min_talk_seconds: float = 0.0
    supervisor: bool = False
    """This extension gets a card when it listens in with ChanSpy."""


class Directory(Protocol):
    """The extension map, the numbers, the lines and the card policies, as the core asks for them.

    Answers must not change during the life of one Directory: a changed map is a new Directory (`Calls.use`).
    """

    mobile_card: MobileCard

    def who(self, device: str, number: str | None, *, shown: bool = False) -> Who:
        """Who stands behind a device channel.

        device: the channel's name as Asterisk writes it (``PJSIP/134-0000002a``), never a Local channel.
        number: the far end's number as it came: the caller's when the channel began a call, the dialled one when it was
            called.
        shown: the number is the caller's. Whoever calls in may show any: an own number, which is a client all the same,
            or a colleague's mobile.
        """

    def person(self, extension: str) -> Person:
        """What the map says of an extension; a Person with only its number when no map lists it."""

    def e164(self, raw: str) -> str | None:
        """A client's number as E.164 (``+79031234504``), or None when it is withheld or no valid number."""

    def is_own(self, raw: str) -> bool:
        """Whether this is one of the company's own numbers: as the number of a caller it is not to be believed."""

    def mobile_of(self, raw: str) -> str | None:
        """The extension whose mobile this is, or None."""

    def rule(self, extension: str, did: str | None, queue: str | None, queue_number: str | None = None) -> CardRule:
        """How cards open for this extension in a call to this DID that came through this queue.

        queue: the queue's id. queue_number: the number that was dialled for it. The map may say either.
        """

    def excluded(
        self,
        *,
        client: str | None,
        client_raw: str | None,
        did: str | None,
        queue: str | None,
        queue_number: str | None = None,
        route: Sequence[str] = (),
    ) -> str | None:
        """Why this whole call is excluded ("did 74950000099 is excluded"), or None when it is not.

        route: the internal numbers that the call has come by: ring groups, queues, forwarded extensions.
        """

    def excluded_extension(self, extension: str) -> str | None:
        """Why this extension gets no card in any call, or None."""

    def language(self, did: str | None) -> str | None:
        """The language of the texts that operators see for this call ("ru"), or None where nothing says."""

    def line(self, device: str, did: str | None) -> str | None:
        """The name of the line (from the map) that the call came or went by, or None."""
