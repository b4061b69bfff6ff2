"""What happens in every office every day."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, OUTSIDE, talking
from tests.live.scene import Scene

GROUP, QUEUE, LOCALS, FOLLOW_ME, ROOM = ("74950000002", "74950000003", "74950000008", "74950000006", "74950000007")
AGENT, MENU, RECORDED, VOICEMAIL = ("74950000044", "74950000045", "74950000046", "74950000047")
MOBILE = "79161112233"


@scenario()
def ringgroup_134_answers(at: Scene) -> None:
    """A ring group rings 134 and 120; 134 answers. 120 never spoke to anyone."""
    client = at.client("79031234601")
    call = client.calls(GROUP)
    at.phone("120").rings()
    at.phone("134").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP, ["134"], rang=["120", "134"])


@scenario()
def ringgroup_missed(at: Scene) -> None:
    """A ring group rings 134 and 120; nobody answers and the client gives up."""
    client = at.client("79031234602")
    call = client.calls(GROUP)
    at.phone("120").rings()
    at.phone("134").rings()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP, rang=["120", "134"])


@scenario()
def ringgroup_of_locals(at: Scene) -> None:
    """A ring group of Local channels rings 134, 120 and 135; 120 answers."""
    client = at.client("79031234603")
    call = client.calls(LOCALS)
    at.phone("134").rings()
    at.phone("135").rings()
    at.phone("120").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, LOCALS, ["120"], rang=["120", "134", "135"])


@scenario()
def direct_held_and_resumed(at: Scene) -> None:
    """134 answers, holds the client for two seconds, and returns."""
    client, call, olga = talking(at, "79031234604")
    olga.holds()
    at.talk(2.0)
    olga.resumes()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def blind_transfer_by_refer(at: Scene) -> None:
    """134 answers and sends the client to 120 by REFER."""
    client, call, olga = talking(at, "79031234605")
    olga.refers_to("120")
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def attended_transfer_by_refer(at: Scene) -> None:
    """134 holds the client, asks 120 on a second line and joins the two."""
    client, call, olga = talking(at, "79031234606")
    olga.holds()
    second = at.phone("134").dials("120")
    at.phone("120").answers()
    second.talks()
    at.talk()
    olga.joins(second)
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def two_clients_at_once(at: Scene) -> None:
    """134 talks to one client, 120 to another: each has a card of their own."""
    first, one, _ = talking(at, "79031234607")
    second, two, _ = talking(at, "79031234608", "74950000012", "120")
    at.talk()
    one.hangs_up()
    two.hangs_up()
    at.call(first, DIRECT, ["134"], rang=["134"])
    at.call(second, "74950000012", ["120"], rang=["120"])


@scenario()
def same_client_twice(at: Scene) -> None:
    """One client calls 134, hangs up and calls again: two calls, a card for each."""
    for _ in range(2):
        client, call, _ = talking(at, "79031234609")
        call.hangs_up()
        at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def outbound_answered(at: Scene) -> None:
    """134 dials a client, who answers."""
    client = at.client("79031234610")
    call = at.phone("134").dials(client.number)
    client.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.outbound(client, ["134"])


@scenario()
def outbound_no_answer(at: Scene) -> None:
    """134 dials a client, who does not answer."""
    client = at.client("79031234611")
    call = at.phone("134").dials(client.number)
    client.rings()
    at.talk()
    call.hangs_up()
    at.outbound(client)


@scenario()
def internal_call(at: Scene) -> None:
    """134 calls 120: colleagues, no client, no card."""
    call = at.phone("134").dials("120")
    at.phone("120").answers()
    call.talks()
    at.talk()
    call.hangs_up()


@scenario()
def menu_then_ringgroup(at: Scene) -> None:
    """A menu answers, the client presses 1, the ring group rings, 120 answers: the menu talked to nobody."""
    client = at.client("79031234612")
    call = client.calls(MENU)
    call.talks()
    at.talk()
    at.presses(call, "1", OUTSIDE)
    at.phone("134").rings()
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, MENU, ["120"], rang=["120", "134"])


@scenario()
def menu_abandoned(at: Scene) -> None:
    """A menu answers and the client hangs up in it."""
    client = at.client("79031234613")
    call = client.calls(MENU)
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, MENU)


@scenario()
def voicemail_after_134(at: Scene) -> None:
    """134 rings out and voicemail answers: nobody talked."""
    client = at.client("79031234614")
    call = client.calls(VOICEMAIL)
    at.phone("134").rings()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, VOICEMAIL, rang=["134"])


@scenario()
def queue_of_locals(at: Scene) -> None:
    """A queue of Local members rings 134 and 120; 134 answers."""
    client = at.client("79031234615")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134"], rang=["120", "134"], queue="700")


@scenario()
def queue_abandoned(at: Scene) -> None:
    """A queue rings 134 and 120, and the client gives up."""
    client = at.client("79031234616")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    at.phone("134").rings()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, rang=["120", "134"], queue="700")


@scenario()
def followme_with_key(at: Scene) -> None:
    """134 does not answer; her mobile does, she presses 1 and talks to the client."""
    client = at.client("79031234617")
    call = client.calls(FOLLOW_ME)
    at.phone("134").rings()
    mobile = at.client(MOBILE).answers()
    at.sees("DialBegin", DialString=f"{MOBILE}@provider")
    at.talk()
    at.presses(mobile, "1", OUTSIDE)
    call.talks()
    at.talk()
    call.hangs_up()
    at.aside_from("134")
    at.call(client, FOLLOW_ME, ["134"], rang=["134"])


@scenario()
def agent_serves_two_clients(at: Scene) -> None:
    """134 logs in as an agent and stays: two clients, one after the other, are two calls and two cards."""
    agent = at.phone("134").dials("555")
    agent.talks()
    at.bridged("PJSIP/134")
    for number in ("79031234618", "79031234619"):
        client = at.client(number)
        call = client.calls(AGENT)
        at.bridged(OUTSIDE, "PJSIP/134")
        at.talk()
        call.hangs_up()
        at.bridged("PJSIP/134")
        at.call(client, AGENT, ["134"])
    agent.hangs_up()


@scenario()
def agent_serves_fifty_clients(at: Scene) -> None:
    """134 logs in as an agent and stays: ten clients call five times each in turn; fifty calls, fifty cards."""
    agent = at.phone("134").dials("555")
    agent.talks()
    at.bridged("PJSIP/134")
    clients = [at.client(f"790312346{number}") for number in range(70, 80)]
    for client in clients * 5:
        call = client.calls(AGENT)
        at.bridged(OUTSIDE, "PJSIP/134")
        at.talk(0.7)
        call.hangs_up()
        at.bridged("PJSIP/134")
        at.call(client, AGENT, ["134"])
    agent.hangs_up()


@scenario()
def recorded_ringgroup(at: Scene) -> None:
    """The call is recorded; the record names the file."""
    client = at.client("79031234620")
    call = client.calls(RECORDED)
    at.phone("120").rings()
    at.phone("134").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, RECORDED, ["134"], rang=["120", "134"])


@scenario()
def conference(at: Scene) -> None:
    """The client, 134 and 120 meet in a conference room: both talk to the client."""
    first = at.phone("134").dials("800")
    first.talks()
    client = at.client("79031234621")
    call = client.calls(ROOM)
    call.talks()
    second = at.phone("120").dials("800")
    second.talks()
    at.talk()
    call.hangs_up()
    first.hangs_up()
    second.hangs_up()
    at.call(client, ROOM, ["134", "120"])
