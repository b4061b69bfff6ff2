"""A stand-in of a Bitrix24 portal on loopback: for trying amibridge out, and for testing it against a peer of its own.

It knows nothing of the rest of amibridge; it follows the vendor's public documentation of REST, limits and errors
included. `async with running(Portal(users, contacts)) as portal:` serves one; `python -m amibridge.demo.portal` too.
"""

from amibridge.demo.portal.access import Access, Caller, Pair
from amibridge.demo.portal.calls import Activity, Call, Entity, Happening, Recording, Showing
from amibridge.demo.portal.errors import RestError
from amibridge.demo.portal.faults import EVERY, TOKEN, Faults
from amibridge.demo.portal.people import Contact, Lead, User, read_people
from amibridge.demo.portal.portal import Command, Portal, Request
from amibridge.demo.portal.server import running

__all__ = [
    "EVERY",
    "TOKEN",
    "Access",
    "Activity",
    "Call",
    "Caller",
    "Command",
    "Contact",
    "Entity",
    "Faults",
    "Happening",
    "Lead",
    "Pair",
    "Portal",
    "Recording",
    "Request",
    "RestError",
    "Showing",
    "User",
    "read_people",
    "running",
]
