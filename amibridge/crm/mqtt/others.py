"""Who else says on a broker that it is this PBX's daemon: two of them undo what the other one has told.

Each daemon says `online` under a name of its own and asks who else is there; whoever is, says so too. That way one that
lives is told from one that has died, whose last word the broker still keeps.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from amibridge.crm.interface import Bucket, Pace

ONLINE, OFFLINE = "online", "offline"
MOST = 8
"""Names that are kept, and new ones within a minute: who invents more of them is one trouble, not many."""
LONGEST = 80
NAMELESS = "one that says no name"


def new_name() -> str:
    """A name for one run of a daemon, by which an admin finds its host."""
    return f"{socket.gethostname()[:40]}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


def signed(name: str, *, asks: bool = False) -> Properties:
    """What goes with a status. asks: whoever else is there shall say so."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("daemon", name), *([("asks", "who else")] if asks else [])]
    return properties


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message on the status topic means to us."""

    came: str | None = None
    """A daemon that we did not know of."""
    went: str | None = None
    """One that we knew of."""
    answer: bool = False
    """Our own status is to be said again: somebody asks for it, or the broker shows one that is not ours."""
    echo: bool = False
    """It was our own: we may read there, and what was retained has come before."""


class Others:
    """The other daemons on one PBX's topics. name: ours. monotonic: seconds that never step."""

    def __init__(self, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._there: dict[str, None] = {}
        self._monotonic = monotonic
        self._comings = Bucket(Pace(MOST / 60, MOST))

    @property
    def there(self) -> list[str]:
        return list(self._there)

    def forget(self) -> None:
        """A new connection begins: who is there will answer."""
        self._there.clear()

    def hear(self, said: aiomqtt.Message) -> Heard:
        """said: a message on the status topic; one of our own too."""
        if said.retain:
            return Heard()  # Who said it may have died since.
        properties = _user_properties(said)
        name = _readable(properties.get("daemon", NAMELESS))
        if name == self.name:
            return Heard(echo=True, answer=said.payload == OFFLINE.encode())
        if said.payload == OFFLINE.encode():
            known = name in self._there
            self._there.pop(name, None)
            return Heard(went=name if known else None, answer=True)
        if said.payload == ONLINE.encode():
            return Heard(came=self._meet(name), answer="asks" in properties)
        return Heard()

    def hear_card(self, said: aiomqtt.Message) -> Heard:
        """said: somebody else's card, as it is told now."""
        name = _user_properties(said).get("daemon")
        return Heard() if name is None else Heard(came=self._meet(_readable(name)))

    def _meet(self, name: str) -> str | None:
        """The name, if it is news."""
        now = self._monotonic()
        if name in self._there or len(self._there) >= MOST or not self._comings.room(now):
            return None
        self._comings.take(now)
        self._there[name] = None
        return name


def _user_properties(said: aiomqtt.Message) -> dict[str, str]:
    properties: Any = getattr(said.properties, "UserProperty", [])
    return dict(properties)


def _readable(name: str) -> str:
    return "".join(sign for sign in name[:LONGEST] if sign.isprintable() and sign.isascii())
