"""Queues."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import OUTSIDE
from tests.live.scene import Scene

QUEUE, LINEAR, ANNOUNCED, LINEAR_LOCALS, OPTIMISED = (
    "74950000003",
    "74950000004",
    "74950000021",
    "74950000022",
    "74950000033",
)


@scenario()
def queue_then_blind_transfer(at: Scene) -> None:
    """A queue of Local/EXT@from-queue/n members; 134 answers and sends the client to 135 by REFER."""
    client = at.client("79031234781")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    olga = at.phone("134").answers()
    at.talk()
    olga.refers_to("135")
    at.phone("135").answers()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134", "135"], rang=["120", "134", "135"], transfers=[("134", "135")], queue="700")


@scenario()
def queue_then_feature_blind_transfer(at: Scene) -> None:
    """A queue of Local members; 134 answers and sends the client to 135 with ##."""
    client = at.client("79031234782")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    olga = at.phone("134").answers()
    at.talk()
    at.presses(olga, "##", "PJSIP/134")
    at.sees("MusicOnHoldStart", Channel="Local/134@from-queue-*")
    at.presses(olga, "135", "PJSIP/134")
    at.phone("135").answers()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134", "135"], rang=["120", "134", "135"], transfers=[("134", "135")], queue="700")


@scenario()
def queue_then_attended_transfer(at: Scene) -> None:
    """A queue of Local members; 134 answers, consults 135 with *2 and hangs up."""
    client = at.client("79031234783")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    olga = at.phone("134").answers()
    at.talk()
    at.presses(olga, "*2", "PJSIP/134")
    at.sees("MusicOnHoldStart", Channel="Local/134@from-queue-*")
    at.presses(olga, "135", "PJSIP/134")
    at.phone("135").answers()
    at.talk()
    olga.hangs_up()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134", "135"], rang=["120", "134", "135"], transfers=[("134", "135")], queue="700")


@scenario()
def queue_first_declines(at: Scene) -> None:
    """A linear queue of devices: 120 rings and declines with 603, 134 answers."""
    client = at.client("79031234784")
    call = client.calls(LINEAR)
    ivan = at.phone("120").rings()
    at.talk(0.5)
    ivan.declines(603)
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, LINEAR, ["134"], rang=["120", "134"], queue="701")


@scenario()
def queue_first_declines_locals(at: Scene) -> None:
    """A linear queue of Local members: 120 rings and declines with 603, 134 answers."""
    client = at.client("79031234785")
    call = client.calls(LINEAR_LOCALS)
    ivan = at.phone("120").rings()
    at.talk(0.5)
    ivan.declines(603)
    at.phone("134").answers(15)
    at.talk()
    call.hangs_up()
    at.call(client, LINEAR_LOCALS, ["134"], rang=["120", "134"], queue="703")


@scenario()
def queue_announcement_then_talk(at: Scene) -> None:
    """The member 134 answers and hears the queue's announcement for two seconds before the client is connected."""
    client = at.client("79031234786")
    call = client.calls(ANNOUNCED)
    at.phone("134").answers()
    at.bridged(OUTSIDE)
    at.talk()
    call.hangs_up()
    at.call(client, ANNOUNCED, ["134"], rang=["134"], queue="702", talk={"134": 1.5})


@scenario()
def queue_announcement_client_gone(at: Scene) -> None:
    """134 answers and hears the queue's announcement; the client hangs up meanwhile: nobody talked."""
    client = at.client("79031234787")
    call = client.calls(ANNOUNCED)
    at.phone("134").answers()
    at.talk(0.8)
    call.hangs_up()
    at.call(client, ANNOUNCED, rang=["134"], queue="702")


@scenario()
def queue_announcement_member_gone(at: Scene) -> None:
    """134 answers and hangs up during the queue's announcement; the client leaves: nobody talked."""
    client = at.client("79031234788")
    call = client.calls(ANNOUNCED)
    olga = at.phone("134").answers()
    at.talk(0.8)
    olga.hangs_up()
    at.talk(0.5)
    call.hangs_up()
    at.call(client, ANNOUNCED, rang=["134"], queue="702")


@scenario()
def queue_optimised_locals(at: Scene) -> None:
    """A queue whose Local members are optimised away: 134 answers, then sends the client to 135 by REFER."""
    client = at.client("79031234789")
    call = client.calls(OPTIMISED)
    at.phone("120").rings()
    olga = at.phone("134").answers()
    at.talk()
    olga.refers_to("135")
    at.phone("135").answers()
    at.talk()
    call.hangs_up()
    at.call(client, OPTIMISED, ["134", "135"], rang=["120", "134", "135"], transfers=[("134", "135")], queue="704")


@scenario()
def queue_member_holds(at: Scene) -> None:
    """A queue of Local members; 134 answers, holds the client for two seconds, resumes: the hold is behind a Local
    pair.
    """
    client = at.client("79031234790")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    olga = at.phone("134").answers()
    at.talk()
    olga.holds()
    at.talk(2)
    olga.resumes()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134"], rang=["120", "134"], queue="700", talk={"134": 3.0})


@scenario()
def queue_times_out_then_direct(at: Scene) -> None:
    """The client waits in a linear queue, both members ring out, the queue gives up: nobody talked."""
    client = at.client("79031234791")
    call = client.calls(LINEAR)
    at.phone("120").rings()
    at.phone("134").rings()
    call.ended(30)
    at.call(client, LINEAR, rang=["120", "134"], queue="701")
