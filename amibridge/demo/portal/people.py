"""Who works at the portal, and whom its CRM knows."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class User:
    """inner: the internal number (`UF_PHONE_INNER`)."""

    id: int
    inner: str | None = None
    name: str = ""
    last_name: str = ""
    active: bool = True

    def row(self) -> dict[str, Any]:
        """As `user.get` tells it."""
        return {
            "ID": str(self.id),
            "ACTIVE": self.active,
            "NAME": self.name,
            "LAST_NAME": self.last_name,
            "EMAIL": f"user{self.id}@portal.example",
            "USER_TYPE": "employee",
            "UF_PHONE_INNER": self.inner,
        }


@dataclass(frozen=True, slots=True)
class Contact:
    """An entity of the CRM with its telephone numbers. type: CONTACT, COMPANY or LEAD. assigned_to: a user's id."""

    id: int
    phones: tuple[str, ...]
    name: str = ""
    assigned_to: int = 1
    type: str = "CONTACT"


@dataclass(frozen=True, slots=True)
class Lead:
    """An entity that the portal made itself, for a call of an unknown number."""

    id: int
    phone: str
    assigned_to: int
    call_id: str
    source: str | None = None


def digits(phone: str) -> str:
    """A number as the CRM compares it: digits only, and the trunk prefix 8 of Russia as 7."""
    bare = re.sub(r"\D", "", phone)
    return "7" + bare[1:] if len(bare) == 11 and bare.startswith("8") else bare


@dataclass(slots=True)
class People:
    """Users by id, and the entities of the CRM. Leads are added as calls make them."""

    users: dict[int, User]
    contacts: list[Contact] = field(default_factory=list)
    leads: dict[int, Lead] = field(default_factory=dict)

    def entities(self, phone: str) -> list[Contact]:
        """Everything that has the number: contacts, then companies, then leads."""
        wanted = digits(phone)
        made = [
            Contact(lead.id, (lead.phone,), f"Lead of {lead.phone}", lead.assigned_to, "LEAD")
            for lead in self.leads.values()
        ]
        found = [one for one in [*self.contacts, *made] if wanted in {digits(phone) for phone in one.phones}]
        return sorted(found, key=lambda one: ("CONTACT", "COMPANY", "LEAD").index(one.type))

    def new_lead_id(self) -> int:
        """One above every lead there is."""
        return max([*self.leads, *(one.id for one in self.contacts if one.type == "LEAD")], default=0) + 1


def people(users: Iterable[User], contacts: Iterable[Contact]) -> People:
    """Of lists. Raises ValueError when there is nobody at all."""
    known = {user.id: user for user in users}
    if not known:
        raise ValueError("a portal has at least one user")
    return People(known, list(contacts))


def read_people(path: Path) -> tuple[list[User], list[Contact]]:
    """Of a JSON file: a list of users, or `{"users": […], "contacts": […]}`; keys as in User and Contact.

    Raises ValueError with the file and what is wrong with it.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(told, list):
            told = {"users": told}
        return [User(**user) for user in told["users"]], [_contact(one) for one in told.get("contacts", ())]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: not a list of users: {error}") from error


def _contact(told: Mapping[str, Any]) -> Contact:
    return Contact(**{**told, "phones": tuple(told["phones"])})
