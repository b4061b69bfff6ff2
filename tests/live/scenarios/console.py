"""What an operator's console does through the manager interface."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, OUTSIDE, talking
from tests.live.scene import Scene


@scenario()
def redirect_client(at: Scene) -> None:
    """The console sends the client from 134 to 120 with an AMI Redirect; 120 answers."""
    client, call, olga = talking(at, "79031234761")
    at.does("Redirect", Channel=at.channel(OUTSIDE), Context="from-internal", Exten="120", Priority="1")
    at.phone("120").answers()
    olga.ended()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"])


@scenario()
def reloaded_while_talking(at: Scene) -> None:
    """The admin reloads the PBX while the client talks to 134."""
    client, call, _ = talking(at, "79031234799")
    at.does("Command", Command="core reload")
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def redirect_client_unanswered(at: Scene) -> None:
    """The console sends the client from 134 to 120 with an AMI Redirect; 120 does not answer."""
    client, call, _ = talking(at, "79031234762")
    at.does("Redirect", Channel=at.channel(OUTSIDE), Context="from-internal", Exten="120", Priority="1")
    at.phone("120").rings()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["120", "134"])


@scenario()
def redirect_both(at: Scene) -> None:
    """An AMI Redirect of both: the client goes to 120, 134 goes to 135."""
    client, call, _ = talking(at, "79031234763")
    at.does(
        "Redirect",
        Channel=at.channel(OUTSIDE),
        ExtraChannel=at.channel("PJSIP/134"),
        Context="from-internal",
        Exten="120",
        Priority="1",
        ExtraContext="from-internal",
        ExtraExten="135",
        ExtraPriority="1",
    )
    at.phone("120").answers()
    peter = at.phone("135").answers()
    at.talk()
    call.hangs_up()
    peter.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"])
    at.aside_from("135")


@scenario()
def clients_joined_by_bridge_action(at: Scene) -> None:
    """134 talks to one client, holds, talks to a second; the console joins the two clients with the Bridge action: two
    calls.
    """
    one, first, olga = talking(at, "79031234764")
    channel_one = at.channel(OUTSIDE)
    olga.holds()
    two, second, _ = talking(at, "79031234765")
    at.does("Bridge", Channel1=channel_one, Channel2=at.channel(OUTSIDE), Tone="no")
    at.bridged(OUTSIDE, OUTSIDE)
    at.talk()
    first.hangs_up()
    second.ended()
    at.call(one, DIRECT, ["134"], rang=["134"])
    at.call(two, DIRECT, ["134"], rang=["134"])


@scenario()
def clients_joined_by_refer(at: Scene) -> None:
    """134 talks to one client, holds, talks to a second, and joins the two with REFER/Replaces: two calls."""
    one, first, olga = talking(at, "79031234766")
    olga.holds()
    two, second, line_two = talking(at, "79031234767")
    line_two.holds()
    line_two.joins(olga)
    line_two.transfer_done()
    line_two.drops()
    olga.drops()
    at.talk()
    first.hangs_up()
    second.ended()
    at.call(one, DIRECT, ["134"], rang=["134"])
    at.call(two, DIRECT, ["134"], rang=["134"])


@scenario()
def bridge_action_to_colleague(at: Scene) -> None:
    """120 talks to 135; the console bridges the client, who talks to 134, with 120."""
    client, call, _ = talking(at, "79031234768")
    at.phone("120").dials("135")
    peter = at.phone("135").answers()
    at.talk(1)
    at.does("Bridge", Channel1=at.channel(OUTSIDE), Channel2=at.channel("PJSIP/120"), Tone="no")
    at.talk()
    call.hangs_up()
    if not peter.over:
        peter.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["134"])
    at.aside_from("135")


@scenario()
def atxfer_action(at: Scene) -> None:
    """The console asks for an attended transfer (AMI Atxfer) from 134 to 120; 120 answers, 134 hangs up."""
    client, call, olga = talking(at, "79031234769")
    at.does("Atxfer", Channel=at.channel("PJSIP/134"), Exten="120", Context="from-internal")
    at.phone("120").answers()
    at.talk()
    olga.hangs_up()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def blind_transfer_action(at: Scene) -> None:
    """The console asks for a blind transfer (AMI BlindTransfer) from 134 to 120; 120 answers."""
    client, call, _ = talking(at, "79031234770")
    at.does("BlindTransfer", Channel=at.channel("PJSIP/134"), Exten="120", Context="from-internal")
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def hung_up_by_console(at: Scene) -> None:
    """134 and the client talk; the console hangs up the client's channel."""
    client, call, _ = talking(at, "79031234771")
    at.does("Hangup", Channel=at.channel(OUTSIDE))
    call.ended()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def park_by_console(at: Scene) -> None:
    """The console parks the client (AMI Park); 120 fetches the client."""
    client, call, _ = talking(at, "79031234772")
    at.does("Park", Channel=at.channel(OUTSIDE), TimeoutChannel=at.channel("PJSIP/134"), Timeout="30000")
    slot = at.sees("ParkedCall").get("ParkingSpace")
    at.talk(0.7)
    at.phone("120").dials(slot).talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["134"])
