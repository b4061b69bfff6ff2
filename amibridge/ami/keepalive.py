"""Keep-alive: a PBX that is silent without closing the connection (a cut cable, a hung process) is noticed."""

from amibridge.ami.clock import Clock
from amibridge.ami.connection import Connection
from amibridge.ami.faults import LinkError, LinkLostError, NoAnswerError


async def watch(connection: Connection, silence: float, clock: Clock) -> None:
    """Ends the connection when the PBX has sent nothing for `silence` seconds, a ping's answer neither.

    Anything received is a sign of life: an answer may stand in line behind a minute of events. While nobody reads,
    nothing can be heard, and that is not the PBX's fault.
    """
    stream = connection.stream
    while True:
        quiet = 0.0 if stream.paused else clock.monotonic() - stream.heard_at
        if quiet >= silence:
            remedy = "is the network to it cut, or Asterisk stuck? `asterisk -rx 'core show uptime'` there says"
            stream.abort(LinkLostError(f"the PBX was silent for {silence:g} s", remedy))
            return
        if quiet < silence / 2:
            await clock.sleep(silence / 2 - quiet)
            continue
        try:
            await connection.ask({"Action": "Ping"}, silence - quiet)
        except NoAnswerError:
            continue
        except LinkError:
            return
