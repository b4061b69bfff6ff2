"""Who listens to a session."""

from collections.abc import Sequence
from typing import Protocol

from amibridge.calls import Event, Picture


class Handler(Protocol):
    """Told one thing at a time, in order; meanwhile nothing is read. What it raises is logged and changes nothing.

    It must not wait for an action of the session that calls it: the answer cannot come while nothing is read.
    """

    async def events(self, group: Sequence[Event]) -> None:
        """The events of one read that the core has a use for. One group is what belongs into one transaction."""

    async def picture(self, picture: Picture, at: float, wall: float) -> None:
        """What the PBX shows after a (re)connect, at this place on its line of time; what came since follows as events.

        Not called where the account may not list channels (`Status.lacking`).
        """

    async def lost(self, why: str, at: float, wall: float) -> None:
        """The connection is gone: until the next `picture` nothing is known of the PBX."""
