"""Calls through a dialplan in MikoPBX's manner (`etc/extensions_locals.conf`)."""

from tests.live.people import Client
from tests.live.phones import Leg
from tests.live.scenario import scenario
from tests.live.scene import Scene

MOBILE = "79161112233"  # 134's own
TRUNK, GATE = "PJSIP/SIP-TRUNK-7D2F9C1E", "127.0.0.6"
DIRECT, QUEUE, IVR, FORWARDED, FORWARDED_OUT, MOBILE_DID, FORWARDED_TO_QUEUE = (
    f"749500000{number}" for number in range(71, 78)
)
SALES, SECOND = "QUEUE-7D2F0200", "QUEUE-7D2F0201"


def calls(at: Scene, number: str, did: str) -> tuple[Client, Leg]:
    """A client calls over the trunk of this dialplan."""
    client = at.client(number)
    return client, client.calls(did, via=GATE)


def talking(at: Scene, number: str, did: str, extension: str = "134") -> tuple[Client, Leg, Leg]:
    client, call = calls(at, number, did)
    leg = at.phone(extension).answers()
    call.talks()
    at.talk()
    return client, call, leg


@scenario()
def lo_direct(at: Scene) -> None:
    """134's own number: a Local channel is dialled for it; 134's own channel is recorded."""
    client, call, _ = talking(at, "79031700101", DIRECT)
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], recorded=True)


@scenario()
def lo_direct_missed(at: Scene) -> None:
    """134 does not answer, the client gives up."""
    _, call = calls(at, "79031700102", DIRECT)
    at.phone("134").rings()
    at.talk()
    call.hangs_up()
    at.call("79031700102", DIRECT, rang=["134"])


@scenario()
def lo_queue_134(at: Scene) -> None:
    """The client is sent to the queue by a Dial: the Local half stands in it; 134 answers."""
    client, call = calls(at, "79031700103", QUEUE)
    at.phone("120").rings()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134"], rang=["120", "134"], queue=SALES, recorded=True)


@scenario()
def lo_queue_declines(at: Scene) -> None:
    """120 declines in the queue, 134 answers."""
    client, call = calls(at, "79031700104", QUEUE)
    at.phone("120").rings().declines(603)
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134"], rang=["120", "134"], queue=SALES, open=["rang"])


@scenario()
def lo_queue_abandoned(at: Scene) -> None:
    """Both ring in the queue, the client gives up."""
    _, call = calls(at, "79031700105", QUEUE)
    at.phone("120").rings()
    at.phone("134").rings()
    at.talk()
    call.hangs_up()
    at.call("79031700105", QUEUE, rang=["120", "134"], queue=SALES)


@scenario()
def lo_forward_colleague(at: Scene) -> None:
    """135 does not answer, the call goes on to 120 after three seconds."""
    client, call = calls(at, "79031700106", FORWARDED)
    at.phone("135").rings()
    at.phone("120").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, FORWARDED, ["120"], rang=["120", "135"])


@scenario()
def lo_forward_mobile(at: Scene) -> None:
    """121 does not answer, the call goes on to 134's mobile after three seconds."""
    client, mobile = at.client("79031700107"), at.client(MOBILE)
    call = client.calls(FORWARDED_OUT, via=GATE)
    at.phone("121").rings()
    mobile.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, FORWARDED_OUT, ["134"], rang=["121"], via_mobile=True, open=["rang"])
    at.aside_from("134")


@scenario()
def lo_forward_queue(at: Scene) -> None:
    """137 does not answer, the call goes on to a queue after three seconds; 120 answers there."""
    client, call = calls(at, "79031700108", FORWARDED_TO_QUEUE)
    at.phone("137").rings()
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, FORWARDED_TO_QUEUE, ["120"], rang=["120", "137"], queue=SECOND)


@scenario()
def lo_did_of_a_mobile(at: Scene) -> None:
    """A DID that leads straight to 134's mobile."""
    client, mobile = at.client("79031700109"), at.client(MOBILE)
    call = client.calls(MOBILE_DID, via=GATE)
    mobile.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, MOBILE_DID, ["134"], via_mobile=True, open=["rang"])
    at.aside_from("134")


@scenario()
def lo_ivr_extension(at: Scene) -> None:
    """The client dials 134 in a menu that is recorded: that recording ends before the talk."""
    client, call = calls(at, "79031700110", IVR)
    call.talks()
    at.talk(0.5)
    at.presses(call, "134", TRUNK)
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, IVR, ["134"], rang=["134"], recorded=True)


@scenario()
def lo_ivr_queue(at: Scene) -> None:
    """The client presses 2 in the menu and is sent to the queue; 120 answers."""
    client, call = calls(at, "79031700111", IVR)
    call.talks()
    at.talk(0.5)
    at.presses(call, "2", TRUNK)
    at.phone("134").rings()
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, IVR, ["120"], rang=["120", "134"], queue=SALES)


@scenario()
def lo_blind_to_queue(at: Scene) -> None:
    """134 sends the client to the queue by REFER; 120 answers."""
    client, call, olga = talking(at, "79031700112", DIRECT)
    olga.refers_to("2200201")
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], queue=SECOND, open=["transfers"])


@scenario()
def lo_attended_out_of_the_queue(at: Scene) -> None:
    """A queue call of 134, who consults 120 on a second line and joins the two by REFER/Replaces."""
    client, call = calls(at, "79031700113", QUEUE)
    at.phone("120").rings()
    olga = at.phone("134").answers()
    at.talk()
    olga.holds()
    second = at.phone("134").dials("5120")
    at.phone("120").answers()
    second.talks()
    at.talk()
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")], queue=SALES)


@scenario()
def lo_consults_the_queue(at: Scene) -> None:
    """134 asks the queue for a colleague on a second line, talks to 120, and comes back to the client: it was never
    the client's queue.
    """
    client, call, olga = talking(at, "79031700114", DIRECT)
    olga.holds()
    second = at.phone("134").dials("2200201")
    at.phone("120").answers()
    second.talks()
    at.talk()
    second.hangs_up()
    olga.resumes()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], consulted=["120"], queue=None)
    at.aside_from("120")


@scenario()
def lo_outbound(at: Scene) -> None:
    """134 calls a client; the client's channel is recorded."""
    client = at.client("79031700115")
    olga = at.phone("134").dials("579031700115")
    client.answers()
    olga.talks()
    at.talk()
    olga.hangs_up()
    at.outbound(client, ["134"], recorded=True)


@scenario()
def lo_internal(at: Scene) -> None:
    """134 calls 120: no client, no card."""
    olga = at.phone("134").dials("5120")
    at.phone("120").answers()
    olga.talks()
    at.talk()
    olga.hangs_up()
