"""Conference rooms and waiting rooms."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, OUTSIDE, talking
from tests.live.scene import Scene

ROOM, WAITING, SILENT = "74950000007", "74950000020", "74950000043"


@scenario()
def room_waits_for_leader(at: Scene) -> None:
    """A room with wait_marked: the client and 120 wait and hear nobody; the leader 134 comes and all talk."""
    client = at.client("79031234751")
    call = client.calls(WAITING).talks()
    at.phone("120").dials("801").talks()
    at.talk(2)
    at.phone("134").dials("802").talks()
    at.talk()
    call.hangs_up()
    at.call(client, WAITING, ["120", "134"], open=["participants"])


@scenario()
def room_leader_never_comes(at: Scene) -> None:
    """A room with wait_marked: the client and 120 wait together and never hear each other: nobody took part."""
    client = at.client("79031234752")
    call = client.calls(WAITING).talks()
    ivan = at.phone("120").dials("801").talks()
    at.talk(2.5)
    call.hangs_up()
    at.talk(0.5)
    ivan.hangs_up()
    at.call(client, WAITING)


@scenario()
def room_waits_without_music(at: Scene) -> None:
    """A room with wait_marked and without music: the client and 120 wait and hear nobody; then the leader 134 comes:
    all talk.
    """
    client = at.client("79031234760")
    call = client.calls(SILENT).talks()
    at.phone("120").dials("803").talks()
    at.talk(2)
    at.phone("134").dials("804").talks()
    at.talk()
    call.hangs_up()
    at.call(client, SILENT, ["120", "134"], open=["participants"])


@scenario()
def room_leader_never_comes_no_music(at: Scene) -> None:
    """A room with wait_marked and without music: the client and 120 wait, hear silence, and part: nobody took part."""
    client = at.client("79031234750")
    call = client.calls(SILENT).talks()
    ivan = at.phone("120").dials("803").talks()
    at.talk(2.5)
    call.hangs_up()
    at.talk(0.5)
    ivan.hangs_up()
    at.call(client, SILENT)


@scenario()
def room_leader_leaves(at: Scene) -> None:
    """The leader 134 and the client talk; 134 leaves; 120 comes and waits with the client: 120 never
    heard the client.
    """
    client = at.client("79031234753")
    call = client.calls(WAITING).talks()
    at.talk(0.7)
    olga = at.phone("134").dials("802").talks()
    at.talk()
    olga.hangs_up()
    at.talk(0.7)
    at.phone("120").dials("801").talks()
    at.talk(2)
    call.hangs_up()
    at.call(client, WAITING, ["134"])


@scenario()
def room_of_two_clients(at: Scene) -> None:
    """Two clients and 134 meet in a conference room: 134 gets a card for each of them."""
    one, two = at.client("79031234754"), at.client("79031234755")
    first = one.calls(ROOM).talks()
    at.talk(0.7)
    second = two.calls(ROOM).talks()
    at.talk(0.7)
    at.phone("134").dials("800").talks()
    at.talk()
    first.hangs_up()
    at.talk(0.7)
    second.hangs_up()
    at.call(one, ROOM, ["134"])
    at.call(two, ROOM, ["134"])


@scenario()
def room_by_redirect(at: Scene) -> None:
    """134 and the client are sent into a conference room by an AMI Redirect; 120 dials in."""
    client, call, _ = talking(at, "79031234756")
    at.does(
        "Redirect",
        Channel=at.channel(OUTSIDE),
        ExtraChannel=at.channel("PJSIP/134"),
        Context="rooms-by-console",
        Exten="811",
        Priority="1",
        ExtraContext="rooms-by-console",
        ExtraExten="811",
        ExtraPriority="1",
    )
    at.sees("ConfbridgeJoin", Channel=OUTSIDE + "-*")
    at.sees("ConfbridgeJoin", Channel="PJSIP/134-*")
    at.talk(0.7)
    at.phone("120").dials("811").talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["134"])


@scenario()
def room_muted_listener(at: Scene) -> None:
    """The client and 134 meet in a room; 120 comes in and is muted by the console: it still hears the client."""
    client = at.client("79031234757")
    call = client.calls(ROOM).talks()
    at.phone("134").dials("800").talks()
    at.talk(0.7)
    at.phone("120").dials("800").talks()
    at.sees("ConfbridgeJoin", Channel="PJSIP/120-*")
    at.does("ConfbridgeMute", Conference="800", Channel=at.channel("PJSIP/120"))
    at.talk()
    call.hangs_up()
    at.call(client, ROOM, ["134", "120"])
    at.aside_from("120")


@scenario()
def room_after_the_client(at: Scene) -> None:
    """The client and 134 meet in a room; the client leaves; 120 comes afterwards and never met the client."""
    client = at.client("79031234758")
    call = client.calls(ROOM).talks()
    olga = at.phone("134").dials("800").talks()
    at.talk()
    call.hangs_up()
    at.talk(0.5)
    at.phone("120").dials("800").talks()
    at.talk()
    olga.hangs_up()
    at.call(client, ROOM, ["134"])


@scenario()
def waiting_room_of_bridgewait(at: Scene) -> None:
    """The client and 120 are put into the same holding bridge (BridgeWait): nobody hears anybody."""
    did = "74950000040"
    client = at.client("79031234759")
    call = client.calls(did).talks()
    ivan = at.phone("120").dials("999").talks()
    at.talk(2)
    call.hangs_up()
    ivan.hangs_up()
    at.call(client, did)
