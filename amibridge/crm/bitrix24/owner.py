"""Whose a call is before anybody talked, and when nobody did."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from amibridge.crm.bitrix24.people import People


@dataclass(frozen=True, slots=True)
class MissedOwner:
    """What the configuration says. choose: `responsible`, `rang_first` or `default`. default: an extension."""

    choose: str = "responsible"
    default: str | None = None


async def owner(
    rule: MissedOwner, people: People, responsible: str | None, rang: Sequence[str], *others: str | None
) -> str | None:
    """The user's id. responsible: for the client, at the portal. rang: extensions, by who rang first.

    others: users' ids, for want of anybody better. Raises PortalError.
    """
    async for user in _candidates(rule, people, responsible, rang):
        if user is not None:
            return user
    return next((user for user in others if user is not None), None)


async def _candidates(
    rule: MissedOwner, people: People, responsible: str | None, rang: Sequence[str]
) -> AsyncIterator[str | None]:
    """In the order in which they are asked."""
    if rule.choose == "responsible":
        yield responsible
    if rule.choose == "rang_first":
        for extension in rang:
            yield await people.user(extension)
    if rule.default is not None:
        yield await people.user(rule.default)
    # The choice has found nobody, and so has the default.
    yield responsible
    for extension in rang:
        yield await people.user(extension)
