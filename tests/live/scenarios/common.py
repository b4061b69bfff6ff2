"""What many stories begin with."""

from tests.live.people import Client
from tests.live.phones import Leg
from tests.live.scene import Scene

DIRECT = "74950000001"  # 134's own number
IVAN = "74950000012"  # 120's
PETER = "74950000035"  # 135's
OUTSIDE = "PJSIP/provider"


def talking(at: Scene, number: str, did: str = DIRECT, extension: str = "134") -> tuple[Client, Leg, Leg]:
    """A client calls somebody's number and is talking to him."""
    client = at.client(number)
    call = client.calls(did)
    leg = at.phone(extension).answers()
    call.talks()
    at.talk()
    return client, call, leg
