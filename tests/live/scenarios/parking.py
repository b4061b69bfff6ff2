"""Parking and pickup."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, IVAN, talking
from tests.live.scene import Scene

GROUP_OF_LOCALS, QUEUE, PARKING_ALLOWED = "74950000036", "74950000003", "74950000042"


@scenario()
def park_timed_out_comes_back(at: Scene) -> None:
    """134 parks the client by REFER; nobody fetches the client; the PBX rings 134 again, who answers."""
    client, call, olga = talking(at, "79031234731")
    olga.refers_to("80")
    at.sees("ParkedCall")
    at.sees("ParkedCallTimeOut")
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def park_timed_out_unanswered(at: Scene) -> None:
    """134 parks the client by REFER; the parking times out, 134 rings and does not answer, the client gives up."""
    client, call, olga = talking(at, "79031234732")
    olga.refers_to("80")
    at.sees("ParkedCallTimeOut")
    at.phone("134").rings()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def park_timed_out_goes_elsewhere(at: Scene) -> None:
    """134 parks the client by REFER; the parking times out and the dialplan sends the client to 135."""
    client, call, olga = talking(at, "79031234733")
    olga.refers_to("90")
    at.sees("ParkedCallTimeOut")
    at.phone("135").answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "135"], rang=["134", "135"])


@scenario()
def park_by_feature_retrieved(at: Scene) -> None:
    """134 parks the client with the feature code #7; 135 fetches the client from the slot."""
    client, call, olga = talking(at, "79031234734", PARKING_ALLOWED)
    at.presses(olga, "#7", "PJSIP/134")
    slot = at.sees("ParkedCall").get("ParkingSpace")
    at.talk(0.7)
    at.phone("135").dials(slot).talks()
    at.talk()
    call.hangs_up()
    at.call(client, PARKING_ALLOWED, ["134", "135"], rang=["134"])


@scenario()
def park_retrieved_by_the_parker(at: Scene) -> None:
    """134 parks the client by REFER and fetches the client again: one card."""
    client, call, olga = talking(at, "79031234735")
    olga.refers_to("70")
    slot = at.sees("ParkedCall").get("ParkingSpace")
    at.talk(0.7)
    at.phone("134").dials(slot).talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def park_abandoned(at: Scene) -> None:
    """134 parks the client by REFER; the client hangs up in the parking."""
    client, call, olga = talking(at, "79031234736")
    olga.refers_to("70")
    at.sees("ParkedCall")
    at.talk(0.7)
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def pickup_directed(at: Scene) -> None:
    """120's phone rings; 135 dials **120 and takes the call."""
    client = at.client("79031234737")
    call = client.calls(IVAN)
    at.phone("120").rings()
    at.talk(0.7)
    at.phone("135").dials("**120").talks()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, IVAN, ["135"], rang=["120"])


@scenario()
def pickup_of_a_channel(at: Scene) -> None:
    """120's phone rings; 135 takes the call with PickupChan."""
    client = at.client("79031234738")
    call = client.calls(IVAN)
    at.phone("120").rings()
    at.talk(0.7)
    at.phone("135").dials("*7120").talks()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, IVAN, ["135"], rang=["120"])


@scenario()
def pickup_in_group_of_locals(at: Scene) -> None:
    """A ring group of Local channels rings 134 and 120; 135 takes 134's Local half by
    PickupChan(Local/134@from-internal,p).
    """
    client = at.client("79031234739")
    call = client.calls(GROUP_OF_LOCALS)
    at.phone("134").rings()
    at.phone("120").rings()
    at.talk(0.7)
    at.phone("135").dials("*6134").talks()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP_OF_LOCALS, ["135"], rang=["120", "134"])


@scenario()
def pickup_behind_a_local(at: Scene) -> None:
    """A ring group of Local channels rings 134 and 120; 135 takes the call from 134's device, behind the Local pair."""
    client = at.client("79031234740")
    call = client.calls(GROUP_OF_LOCALS)
    at.phone("134").rings()
    at.phone("120").rings()
    at.talk(0.7)
    at.phone("135").dials("**134").talks()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP_OF_LOCALS, ["135"], rang=["120", "134"])


@scenario()
def pickup_in_queue(at: Scene) -> None:
    """A queue of Local members rings 134 and 120; 135, who is no member, takes the call from 134's device."""
    client = at.client("79031234741")
    call = client.calls(QUEUE)
    at.phone("134").rings()
    at.phone("120").rings()
    at.talk(0.7)
    at.phone("135").dials("**134").talks()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["135"], rang=["120", "134"], queue="700")
