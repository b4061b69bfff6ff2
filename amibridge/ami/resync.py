"""Resync: a PBX replays nothing after a (re)connect, so it is asked what is there."""

from amibridge.ami.connection import Connection
from amibridge.ami.faults import LinkLostError, NoAnswerError
from amibridge.ami.inbox import Inbox
from amibridge.ami.listing import picture
from amibridge.calls import Picture

LISTINGS = 3
"""So often the list is taken when more events come meanwhile than can be held back."""


async def take_picture(connection: Connection) -> Picture | None:
    """What channels and bridges there are now, or None where the account may not list them (it takes `reporting`).

    Raises NoAnswerError and LinkLostError.
    """
    channels = await connection.rows({"Action": "CoreShowChannels"})
    if channels is None:
        return None
    bridges = await connection.rows({"Action": "BridgeList"})
    return picture(channels, bridges or ())


async def take_first_picture(connection: Connection, inbox: Inbox) -> Picture | None:
    """The picture that the inbox holds events back for: none that came after it is missing there.

    Raises LinkLostError, also when the PBX does not answer or sends more than can be held.
    """
    try:
        for _ in range(LISTINGS):
            inbox.overflowed = False
            picture = await take_picture(connection)
            if not inbox.overflowed:
                return picture
    except NoAnswerError as error:
        raise LinkLostError(f"while the channels were listed, {error}", "is Asterisk overloaded?") from None
    why = f"more than {inbox.limit} events came while the channels were listed, {LISTINGS} times"
    raise LinkLostError(why, "take `dialplan` and `reporting` out of the account's read classes")
