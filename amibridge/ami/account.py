"""What the account may do: the least one is `read = system,call,agent`, `write = reporting`.

`write` can be asked for. `read` shows only in what comes: each event says its class (`Privilege: call,all`), and an
account without the class never gets one.
"""

from collections.abc import Callable, Iterable

from amibridge.ami.clock import Clock
from amibridge.ami.connection import Connection
from amibridge.ami.faults import LinkError, NoAnswerError
from amibridge.ami.resync import take_picture
from amibridge.calls import Picture

FIRST_LOOK, LAST_LOOK = 60.0, 3600.0
"""Seconds between two looks, doubling from the first to the last."""

NOTICED = {
    "write = reporting": "CoreShowChannels is denied: calls that run when amibridge connects stay unknown",
    "read = system": "FullyBooted did not come after the login",
    "read = call": "channels come and go and no event tells of them: no call will ever be seen",
    "read = agent": "callers wait in queues and no event tells of them: calls will not name their queue",
}
"""What an account is missing, as it is written in manager.conf, and how that was noticed."""

_PRIVILEGE = b"\r\nPrivilege: "


async def lacking_write(connection: Connection) -> tuple[str, ...]:
    """What is missing of `write`. The answer to `ListCommands` has a header for each action that is allowed."""
    try:
        commands = await connection.ask({"Action": "ListCommands"})
    except NoAnswerError:
        return ()
    return () if "CoreShowChannels" in commands else ("write = reporting",)


class ReadClasses:
    """Which read classes have shown that the account has them, and which must be missing.

    `system` shows right after the login, or when Asterisk has started. `call` and `agent` are missing when the PBX
    shows a channel, or a caller in a queue, that came while we listened, and no event told of it until the next look.
    """

    def __init__(self) -> None:
        self.unproven = {b"system", b"call", b"agent"}
        self._known: frozenset[str] | None = None
        self._untold: set[bytes] = set()
        """The classes of which an event should come before the next look."""

    def notice(self, packets: Iterable[bytes]) -> None:
        """Takes in packets as they arrive."""
        if not self.unproven:
            return
        for packet in packets:
            start = packet.find(_PRIVILEGE) + len(_PRIVILEGE)
            # Of an event with two classes either is enough to get it: it proves neither.
            if start >= len(_PRIVILEGE):
                self.unproven.discard(packet[start : packet.find(b",all", start)])

    def look(self, picture: Picture) -> tuple[str, ...]:
        """Compares what the PBX shows with what it showed before. Returns what must be missing; it is said once."""
        missing = self._untold & self.unproven
        self.unproven -= missing
        came = [channel for channel in picture.channels if self._known is not None and channel.uid not in self._known]
        self._untold.add(b"system")
        if came:
            self._untold.add(b"call")
        if any(channel.application == "Queue" for channel in came):
            self._untold.add(b"agent")
        self._known = frozenset(channel.uid for channel in picture.channels)
        return tuple(f"read = {name.decode()}" for name in sorted(missing))


async def look_for_read_classes(
    connection: Connection, reading: ReadClasses, clock: Clock, lacks: Callable[[tuple[str, ...]], None]
) -> None:
    """Looks now and then, until every class has shown itself or is known to be missing. lacks: is told what is."""
    delay = FIRST_LOOK
    while reading.unproven:
        await clock.sleep(delay)
        delay = min(delay * 2, LAST_LOOK)
        try:
            picture = await take_picture(connection)
        except NoAnswerError:
            continue
        except LinkError:
            return
        if missing := reading.look(picture or Picture((), ())):
            lacks(missing)
