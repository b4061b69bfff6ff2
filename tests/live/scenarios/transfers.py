"""Transfers by feature code, and the blonde ones (the transferor hangs up while the target still rings)."""

from tests.live.phones import Leg
from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, OUTSIDE, talking
from tests.live.scene import Scene


def consult(at: Scene, leg: Leg, number: str = "120") -> None:
    """134 asks for a colleague with *2: the client hears music, the colleague is dialled."""
    at.presses(leg, "*2", "PJSIP/134")
    at.sees("MusicOnHoldStart", Channel=OUTSIDE + "-*")
    at.presses(leg, number, "PJSIP/134")


def blind(at: Scene, leg: Leg, number: str = "120") -> None:
    at.presses(leg, "##", "PJSIP/134")
    at.sees("MusicOnHoldStart", Channel=OUTSIDE + "-*")
    at.presses(leg, number, "PJSIP/134")


@scenario()
def feature_blind_answered(at: Scene) -> None:
    """134 sends the client on with the feature code ##120; 120 answers."""
    client, call, olga = talking(at, "79031234711")
    blind(at, olga)
    at.phone("120").answers()
    olga.ended()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def feature_blind_unanswered(at: Scene) -> None:
    """134 sends the client on with ##120; 120 rings, the client gives up."""
    client, call, olga = talking(at, "79031234712")
    blind(at, olga)
    at.phone("120").rings()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["120", "134"])


@scenario()
def feature_attended_completed(at: Scene) -> None:
    """134 consults 120 with *2 and hangs up: the client talks to 120."""
    client, call, olga = talking(at, "79031234713")
    consult(at, olga)
    at.phone("120").answers()
    at.talk()
    olga.hangs_up()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def feature_attended_colleague_hangs_up(at: Scene) -> None:
    """134 consults 120 with *2, 120 does not want the call and hangs up: the client is back with 134."""
    client, call, olga = talking(at, "79031234714")
    consult(at, olga)
    ivan = at.phone("120").answers()
    at.talk()
    ivan.hangs_up()
    at.sees("MusicOnHoldStop", Channel=OUTSIDE + "-*")
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], consulted=["120"])
    at.aside_from("120")


@scenario()
def feature_attended_aborted(at: Scene) -> None:
    """134 consults 120 with *2 and returns to the client with *1: 120 never met the client."""
    client, call, olga = talking(at, "79031234715")
    consult(at, olga)
    at.phone("120").answers()
    at.talk()
    at.presses(olga, "*1", "PJSIP/134")
    at.sees("MusicOnHoldStop", Channel=OUTSIDE + "-*")
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], consulted=["120"])
    at.aside_from("120")


@scenario()
def feature_attended_client_gone(at: Scene) -> None:
    """134 consults 120 with *2; the client hangs up meanwhile; the two colleagues talk on."""
    client, call, olga = talking(at, "79031234716")
    consult(at, olga)
    ivan = at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.talk()
    if not ivan.over:
        ivan.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], consulted=["120"])
    at.aside_from("120")


@scenario()
def feature_attended_threeway(at: Scene) -> None:
    """134 consults 120 with *2 and makes it a three-way call with *3: all three talk."""
    client, call, olga = talking(at, "79031234717")
    consult(at, olga)
    at.phone("120").answers()
    at.talk()
    at.presses(olga, "*3", "PJSIP/134")
    at.sees("MusicOnHoldStop", Channel=OUTSIDE + "-*")
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], open=["transfers"])


@scenario()
def feature_attended_swapped(at: Scene) -> None:
    """134 consults 120 with *2, swaps to the client and back with *4, then hangs up: the client talks to 120."""
    client, call, olga = talking(at, "79031234718")
    consult(at, olga)
    at.phone("120").answers()
    at.talk(1)
    at.presses(olga, "*4", "PJSIP/134")
    at.sees("MusicOnHoldStop", Channel=OUTSIDE + "-*")
    at.talk()
    at.presses(olga, "*4", "PJSIP/134")
    at.sees("MusicOnHoldStart", Channel=OUTSIDE + "-*")
    at.talk(1)
    olga.hangs_up()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def feature_blonde_answered(at: Scene) -> None:
    """134 dials 120 with *2 and hangs up while 120 still rings; 120 answers and has the client."""
    client, call, olga = talking(at, "79031234719")
    consult(at, olga)
    ivan = at.phone("120").rings()
    at.talk(0.7)
    olga.hangs_up()
    at.talk(0.7)
    ivan.answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def feature_blonde_comes_back(at: Scene) -> None:
    """134 dials 120 with *2 and hangs up while 120 rings; 120 never answers; the PBX rings 134 again, who takes the
    client back.
    """
    client, call, olga = talking(at, "79031234720")
    consult(at, olga)
    at.phone("120").rings()
    at.talk(0.7)
    olga.hangs_up()
    at.phone("134").answers(15)
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["120", "134"], open=["rang"])


@scenario()
def feature_blonde_never_answered(at: Scene) -> None:
    """134 dials 120 with *2 and hangs up while 120 rings; nobody answers any more; the client gives up."""
    client, call, olga = talking(at, "79031234721")
    consult(at, olga)
    at.phone("120").rings()
    at.talk(0.7)
    olga.hangs_up()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["120", "134"], open=["rang"])


@scenario()
def refer_replaces_blonde(at: Scene) -> None:
    """134 dials 120 on a second line and joins the two by REFER/Replaces while 120 still rings; 120 answers."""
    client, call, olga = talking(at, "79031234722")
    olga.holds()
    second = at.phone("134").dials("120")
    ivan = at.phone("120").rings()
    second.hears_ringing()
    at.talk(0.5)
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk(0.7)
    ivan.answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def refer_replaces_blonde_unanswered(at: Scene) -> None:
    """134 joins the client to a 120 that still rings; 120 never answers, the client gives up."""
    client, call, olga = talking(at, "79031234723")
    olga.holds()
    second = at.phone("134").dials("120")
    at.phone("120").rings()
    second.hears_ringing()
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["120", "134"], open=["rang"])


@scenario()
def refer_chain(at: Scene) -> None:
    """134 sends the client to 120 by REFER, 120 answers and sends the client on to 135."""
    client, call, olga = talking(at, "79031234724")
    olga.refers_to("120")
    ivan = at.phone("120").answers()
    at.talk()
    ivan.refers_to("135")
    at.phone("135").answers()
    at.talk()
    call.hangs_up()
    at.call(
        client, DIRECT, ["134", "120", "135"], rang=["120", "134", "135"], transfers=[("134", "120"), ("120", "135")]
    )


@scenario()
def refer_to_busy_comes_back(at: Scene) -> None:
    """134 sends the client by REFER to 120, who is busy; nobody else is there."""
    at.phone("120").manner("busy")
    client, call, olga = talking(at, "79031234725")
    olga.refers_to("120")
    call.ended()
    at.call(client, DIRECT, ["134"], rang=["134"])
