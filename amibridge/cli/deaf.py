"""A handler for a session whose events nobody listens to."""

from collections.abc import Sequence

from amibridge.calls import Event, Picture


class Deaf:
    """Nothing means anything to it."""

    async def events(self, group: Sequence[Event]) -> None:
        """Not listened to."""

    async def picture(self, picture: Picture, at: float, wall: float) -> None:
        """Not listened to."""

    async def lost(self, why: str, at: float, wall: float) -> None:
        """Not listened to."""
