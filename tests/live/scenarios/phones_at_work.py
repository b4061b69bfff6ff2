"""What phones do: declining, forwarding, two lines, a three-way call mixed inside; clicks; late recorders."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, IVAN, OUTSIDE, talking
from tests.live.scene import Scene


@scenario()
def declined_by_sole_phone(at: Scene) -> None:
    """134 rings and declines with 603."""
    client = at.client("79031234831")
    call = client.calls(DIRECT)
    olga = at.phone("134").rings()
    at.talk(0.7)
    olga.declines(603)
    call.ended()
    at.call(client, DIRECT, rang=["134"])


@scenario()
def unreachable_phone(at: Scene) -> None:
    """134's phone is not registered."""
    at.phone("134").registers(False)
    try:
        client = at.client("79031234832")
        client.calls(DIRECT).ended()
        at.call(client, DIRECT)
    finally:
        at.phone("134").registers(True)


@scenario()
def vanished_phone(at: Scene) -> None:
    """134's phone is registered and says nothing at all (its cable is out): it never rings; the client gives up."""
    at.phone("134").manner("nothing")
    client = at.client("79031234833")
    call = client.calls(DIRECT)
    at.phone("134").rings()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT)


@scenario()
def forwarded_by_phone(at: Scene) -> None:
    """134's phone forwards to 120 by 302; 120 answers. 134 never rang."""
    at.phone("134").manner("forward", to=f"sip:120@{at.host}:{at.port}")
    client = at.client("79031234834")
    call = client.calls(DIRECT)
    at.phone("120").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["120"], rang=["120"])


@scenario()
def forwarded_by_phone_after_ringing(at: Scene) -> None:
    """134's phone rings for a second, then forwards to 120 by 302 (no answer); 120 answers."""
    client = at.client("79031234835")
    call = client.calls(DIRECT)
    olga = at.phone("134").rings()
    at.talk(1)
    olga.replies(302, headers={"Contact": f"<sip:120@{at.host}:{at.port}>"})
    at.phone("120").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["120"], rang=["120", "134"])


@scenario()
def two_clients_on_one_phone(at: Scene) -> None:
    """134 holds a client, takes a second client's call, hangs up on that one, returns to the first."""
    one, first, olga = talking(at, "79031234836")
    at.phone("134")
    two = at.client("79031234837")
    second = two.calls(DIRECT)
    waiting = at.phone("134").rings()
    olga.holds()
    waiting.answers()
    second.talks()
    at.talk()
    waiting.hangs_up()
    olga.resumes()
    at.talk()
    first.hangs_up()
    at.call(one, DIRECT, ["134"], rang=["134"], talk={"134": 3.0})
    at.call(two, DIRECT, ["134"], rang=["134"], talk={"134": 1.5})


@scenario()
def call_waiting_ignored(at: Scene) -> None:
    """134 talks to a client; a second client's call rings on her second line and is not taken."""
    one, first, _ = talking(at, "79031234838")
    two = at.client("79031234839")
    second = two.calls(DIRECT)
    at.phone("134").rings()
    at.talk(1)
    second.hangs_up()
    at.talk(1)
    first.hangs_up()
    at.call(one, DIRECT, ["134"], rang=["134"])
    at.call(two, DIRECT, rang=["134"])


@scenario()
def three_way_inside_the_phone(at: Scene) -> None:
    """134 holds the client, calls 120, resumes the client and mixes both inside her phone: the PBX cannot see it; 120
    is consulted.
    """
    client, call, olga = talking(at, "79031234840")
    olga.holds()
    second = at.phone("134").dials("120")
    at.phone("120").answers()
    second.talks()
    at.talk(1)
    olga.resumes()
    olga.mixes_with(second)
    at.talk(2)
    second.hangs_up()
    at.talk(1)
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], consulted=["120"])
    at.aside_from("120")


@scenario()
def consultation_on_second_line(at: Scene) -> None:
    """134 holds the client, asks 120 on a second line, hangs that up and returns to the client."""
    client, call, olga = talking(at, "79031234841")
    olga.holds()
    second = at.phone("134").dials("120")
    at.phone("120").answers()
    second.talks()
    at.talk()
    second.hangs_up()
    olga.resumes()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], consulted=["120"])
    at.aside_from("120")


@scenario()
def internal_then_transfer_outside(at: Scene) -> None:
    """134 calls 120; 120 sends 134 by REFER to a client's number; the client answers: an outbound call of 134's."""
    client = at.client("79031234842")
    call = at.phone("134").dials("120")
    ivan = at.phone("120").answers()
    call.talks()
    at.talk(1)
    ivan.refers_to("89031234842")
    client.answers()
    at.talk()
    call.hangs_up()
    at.outbound(client, ["134"], open=["rang", "transfers"])
    at.aside_from("120")


@scenario()
def internal_then_client_brought(at: Scene) -> None:
    """134 dials a client for 120 on a second line: internal call 120-134, then 134 joins 120 and the client by
    REFER/Replaces.
    """
    client = at.client("79031234843")
    ivan = at.phone("120").dials("134")
    olga = at.phone("134").answers()
    ivan.talks()
    at.talk(1)
    olga.holds()
    second = at.phone("134").dials("89031234843")
    client.answers()
    second.talks()
    at.talk()
    second.joins(olga)
    second.transfer_done()
    second.drops()
    olga.drops()
    at.talk()
    ivan.hangs_up()
    at.outbound(client, ["134", "120"], transfers=[("134", "120")], open=["rang"])


@scenario()
def click_local(at: Scene) -> None:
    """Click to call through a Local channel: Originate Local/134@from-internal, then the client is
    dialled and answers.
    """
    client = at.client("79031234844")
    at.does(
        "Originate",
        Channel="Local/134@from-internal",
        Context="click",
        Exten=client.number,
        Priority="1",
        CallerID="79031234844",
        Async="true",
    )
    olga = at.phone("134").answers()
    client.answers()
    at.talk()
    olga.hangs_up()
    at.outbound(client, ["134"], rang=["134"])


@scenario()
def click_local_not_optimised(at: Scene) -> None:
    """Click to call through Local/134@from-internal/n: the pair stays; the client answers."""
    client = at.client("79031234845")
    at.does(
        "Originate",
        Channel="Local/134@from-internal/n",
        Context="click",
        Exten=client.number,
        Priority="1",
        CallerID="79031234845",
        Async="true",
    )
    olga = at.phone("134").answers()
    client.answers()
    at.talk()
    olga.hangs_up()
    at.outbound(client, ["134"], rang=["134"])


@scenario()
def click_application(at: Scene) -> None:
    """Click to call: Originate PJSIP/134 with the application Dial; the client answers."""
    client = at.client("79031234846")
    at.does(
        "Originate",
        Channel="PJSIP/134",
        Application="Dial",
        Data=f"PJSIP/{client.number}@provider,30",
        CallerID="79031234846",
        Async="true",
    )
    olga = at.phone("134").answers()
    client.answers()
    at.talk()
    olga.hangs_up()
    at.outbound(client, ["134"], rang=["134"])


@scenario()
def click_client_first(at: Scene) -> None:
    """A callback: Originate dials the client first; the client answers, then 134 rings and answers."""
    client = at.client("79031234847")
    at.does(
        "Originate",
        Channel=f"PJSIP/{client.number}@provider",
        Context="from-internal",
        Exten="134",
        Priority="1",
        Async="true",
    )
    far = client.answers()
    at.phone("134").answers()
    at.talk()
    far.hangs_up()
    at.outbound(client, ["134"], rang=["134"])


@scenario()
def click_client_does_not_answer(at: Scene) -> None:
    """Click to call: 134 answers, the client rings and does not answer: 134 talked to nobody."""
    client = at.client("79031234848")
    at.does(
        "Originate",
        Channel="PJSIP/134",
        Context="click",
        Exten=client.number,
        Priority="1",
        CallerID="79031234848",
        Async="true",
    )
    olga = at.phone("134").answers()
    client.rings()
    at.talk()
    olga.hangs_up()
    at.outbound(client, rang=["134"], dialled_by="134")


@scenario(late=True)
def recorder_comes_late(at: Scene) -> None:
    """The recorder connects when 134 and the client already talk, and asks for nothing."""
    client, call, _ = talking(at, "79031234849")
    at.connect_recorder()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], partial=True, open=["rang", "did"])


@scenario(late=True)
def recorder_comes_late_and_asks(at: Scene) -> None:
    """The recorder connects when 134 and the client already talk, and asks for CoreShowChannels and BridgeList."""
    client, call, _ = talking(at, "79031234850")
    recorder = at.connect_recorder()
    recorder.action("CoreShowChannels")
    recorder.wait("CoreShowChannelsComplete")
    recorder.action("BridgeList")
    recorder.wait("BridgeListComplete")
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], partial=True, open=["rang", "did"])


@scenario(late=True)
def recorder_comes_before_a_transfer(at: Scene) -> None:
    """The recorder connects when 134 and the client already talk; then 134 sends the client to 120 by REFER."""
    client, call, olga = talking(at, "79031234851")
    at.connect_recorder()
    at.talk(1)
    olga.refers_to("120")
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(
        client,
        DIRECT,
        ["134", "120"],
        rang=["120", "134"],
        transfers=[("134", "120")],
        partial=True,
        open=["rang", "did"],
    )


@scenario(late=True)
def recorder_comes_while_ringing(at: Scene) -> None:
    """The recorder connects while 120 rings; 120 answers."""
    client = at.client("79031234852")
    call = client.calls(IVAN)
    ivan = at.phone("120").rings()
    at.talk(1)
    at.connect_recorder()
    at.talk(0.5)
    ivan.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, IVAN, ["120"], rang=["120"], partial=True, open=["rang", "did"])


@scenario()
def hold_until_hangup(at: Scene) -> None:
    """134 holds the client; the client hangs up on hold: no MusicOnHoldStop is due."""
    client, call, olga = talking(at, "79031234853")
    olga.holds()
    at.sees("MusicOnHoldStart", Channel=OUTSIDE + "-*")
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], talk={"134": 1.5})


@scenario()
def client_holds(at: Scene) -> None:
    """The client puts 134 on hold for two seconds and comes back."""
    client, call, _ = talking(at, "79031234854")
    call.holds()
    at.talk(2)
    call.resumes()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], talk={"134": 3.0})
