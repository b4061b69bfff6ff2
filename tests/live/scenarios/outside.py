"""Mobiles, third parties, several trunks, the other office."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, IVAN, OUTSIDE, talking
from tests.live.scene import Scene

MOBILE = "79161112233"  # 134's own
FOLLOW_CONFIRMED, FOLLOW_PLAIN, FORWARDED, DISA, GROUP_G, GROUP_LOCAL_MOBILE = (
    "74950000006",
    "74950000023",
    "74950000024",
    "74950000028",
    "74950000027",
    "74950000038",
)

GATES = "[PJSIP/provider, PJSIP/gate2]"
BRANCH = "[PJSIP/provider, {device: PJSIP/branch, kind: internal}]"
OFFICES = r"[12]\d\d"


@scenario()
def followme_mobile_without_key(at: Scene) -> None:
    """134 does not answer; her mobile, dialled straight over the trunk, answers without any key press."""
    client, mobile = at.client("79031234801"), at.client(MOBILE)
    call = client.calls(FOLLOW_PLAIN)
    at.phone("134").rings()
    mobile.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, FOLLOW_PLAIN, ["134"], rang=["134"], via_mobile=True, open=["rang"])
    at.aside_from("134")


@scenario()
def followme_mobile_never_presses(at: Scene) -> None:
    """134 does not answer; her mobile answers but nobody presses 1 (a voicemail): nobody talked."""
    client, mobile = at.client("79031234802"), at.client(MOBILE)
    call = client.calls(FOLLOW_CONFIRMED)
    at.phone("134").rings()
    mobile.answers()
    at.talk(8)
    call.hangs_up()
    at.call(client, FOLLOW_CONFIRMED, rang=["134"], open=["rang"])


@scenario()
def followme_mobile_hangs_up_in_prompt(at: Scene) -> None:
    """134 does not answer; her mobile answers and hangs up while it is asked for the 1."""
    client, mobile = at.client("79031234803"), at.client(MOBILE)
    call = client.calls(FOLLOW_CONFIRMED)
    at.phone("134").rings()
    leg = mobile.answers()
    at.talk(1)
    leg.hangs_up()
    at.talk(0.5)
    call.hangs_up()
    at.call(client, FOLLOW_CONFIRMED, rang=["134"], open=["rang"])


@scenario()
def mobile_calls_in(at: Scene) -> None:
    """134's own mobile calls 120's number from outside: two colleagues, no client, no card."""
    mobile = at.client(MOBILE)
    call = mobile.calls(IVAN)
    at.phone("120").answers()
    call.talks()
    at.talk()
    call.hangs_up()


@scenario()
def blind_transfer_to_outside(at: Scene) -> None:
    """134 sends the client by REFER to an outside number, which answers: a third party, no second call."""
    client, call, olga = talking(at, "79031234804")
    third = at.client("79261110000")
    olga.refers_to("79261110000")
    third.answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def blind_transfer_to_outside_by_feature(at: Scene) -> None:
    """134 sends the client with ## to an outside number, which answers and hangs up."""
    client, call, olga = talking(at, "79031234805")
    third = at.client("79261110000")
    at.presses(olga, "##", "PJSIP/134")
    at.sees("MusicOnHoldStart", Channel=OUTSIDE + "-*")
    at.presses(olga, "89261110000", "PJSIP/134")
    leg = third.answers()
    at.talk()
    leg.hangs_up()
    call.ended()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario()
def attended_transfer_to_outside(at: Scene) -> None:
    """134 consults an outside number on a second line, and joins it to the client by REFER/Replaces: an outbound call
    of its own.
    """
    client, call, olga = talking(at, "79031234806")
    other = at.client("79261110002")
    olga.holds()
    second = at.phone("134").dials("89261110002")
    other.answers()
    second.talks()
    at.talk()
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])
    at.outbound(other, ["134"])


@scenario()
def forwarded_to_outside(at: Scene) -> None:
    """134 is forwarded by the PBX to an outside number, which answers: a third party; no person of the
    company talked.
    """
    client, third = at.client("79031234807"), at.client("79261110000")
    call = client.calls(FORWARDED)
    third.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, FORWARDED)


@scenario()
def forwarded_by_phone_to_outside(at: Scene) -> None:
    """134's phone forwards by 302 to an outside number, which answers: a third party."""
    client, third = at.client("79031234808"), at.client("79261110000")
    at.phone("134").manner("forward", to=f"sip:79261110000@{at.host}:{at.port}")
    call = client.calls(DIRECT)
    third.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT)


@scenario(trunks=GATES)
def outbound_second_trunk(at: Scene) -> None:
    """134 dials a client; the first trunk answers 503, the second one works: one call."""
    gate = at.new_phone("gate2", "gate2", "127.0.0.4", "<sip:gate2@127.0.0.4>", port=at.ports.provider)
    gate.manner("reject", code=503)
    client = at.client("78122345678")
    call = at.phone("134").dials("88122345678")
    client.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.outbound(client, ["134"])


@scenario(trunks=GATES)
def outbound_both_trunks_fail(at: Scene) -> None:
    """134 dials a client; the first trunk answers 503, on the second the client is busy: one call, unanswered."""
    gate = at.new_phone("gate2", "gate2", "127.0.0.4", "<sip:gate2@127.0.0.4>", port=at.ports.provider)
    gate.manner("reject", code=503)
    client = at.client("78122345679")
    call = at.phone("134").dials("88122345679")
    client.rings().declines(486)
    call.ended()
    at.outbound(client, dialled_by="134")


@scenario()
def outbound_emergency(at: Scene) -> None:
    """134 dials 112: a short number on a public trunk is a client, not a colleague."""
    service = at.client("112")
    call = at.phone("134").dials("112")
    service.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(None, None, ["134"], direction="outbound", client_raw="112")


@scenario()
def outbound_then_transfer(at: Scene) -> None:
    """134 dials a client and sends the client to 120 by REFER."""
    client = at.client("79031234809")
    call = at.phone("134").dials("89031234809")
    far = client.answers()
    call.talks()
    at.talk()
    call.refers_to("120")
    at.phone("120").answers()
    at.talk()
    far.hangs_up()
    at.outbound(client, ["134", "120"], rang=["120"], transfers=[("134", "120")])


@scenario()
def outbound_early_media(at: Scene) -> None:
    """134 dials a client, hears an operator's announcement (183) and never gets an answer."""
    client = at.client("79031234810")
    call = at.phone("134").dials("89031234810")
    far = client.rings()
    far.replies(183, tone=client.voice)
    at.talk(2)
    call.hangs_up()
    at.outbound(client, dialled_by="134")


@scenario(trunks=BRANCH, internal=OFFICES)
def branch_internal(at: Scene) -> None:
    """134 calls 250 in the other office over the inter-office trunk, and 250 calls 120: two internal calls."""
    branch = at.new_phone("branch", "250", "127.0.0.5", '"Branch 250" <sip:250@127.0.0.5>', port=at.ports.provider)
    call = at.phone("134").dials("250")
    branch.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    back = branch.dials("120")
    at.phone("120").answers()
    back.talks()
    at.talk()
    back.hangs_up()


@scenario(trunks=BRANCH, internal=OFFICES)
def branch_transfer(at: Scene) -> None:
    """134 sends the client by REFER to 250 in the other office, who answers: 250 took part."""
    branch = at.new_phone("branch", "250", "127.0.0.5", '"Branch 250" <sip:250@127.0.0.5>', port=at.ports.provider)
    client, call, olga = talking(at, "79031234811")
    olga.refers_to("250")
    branch.answers()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "250"], rang=["134", "250"], transfers=[("134", "250")])
    at.aside_from("250")


@scenario(trunks=BRANCH, internal=OFFICES)
def branch_brings_client(at: Scene) -> None:
    """A client's call comes in over the inter-office trunk, with the client's number; 134 answers: a client."""
    client = at.client("79031234812")
    call = client.calls("134", via="127.0.0.5")
    at.phone("134").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, "134", ["134"], rang=["134"], open=["did"])


@scenario()
def group_with_mobile_over_trunk(at: Scene) -> None:
    """A ring group of 134 and 134's mobile dialled straight over the trunk (option g); the mobile answers."""
    client, mobile = at.client("79031234813"), at.client(MOBILE)
    call = client.calls(GROUP_G)
    at.phone("134").rings()
    mobile.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP_G, ["134"], rang=["134"], via_mobile=True)
    at.aside_from("134")


@scenario()
def group_with_mobile_hangs_up(at: Scene) -> None:
    """The same group; 134 answers at the desk and hangs up; the client goes on in the dialplan (option g)."""
    client, mobile = at.client("79031234814"), at.client(MOBILE)
    call = client.calls(GROUP_G)
    mobile.rings()
    olga = at.phone("134").answers()
    at.talk()
    olga.hangs_up()
    call.ended()
    at.call(client, GROUP_G, ["134"], rang=["134"])


@scenario()
def group_with_mobile_behind_local(at: Scene) -> None:
    """A ring group of 120 and 134's mobile behind a Local channel; the mobile answers."""
    client, mobile = at.client("79031234815"), at.client(MOBILE)
    call = client.calls(GROUP_LOCAL_MOBILE)
    at.phone("120").rings()
    mobile.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP_LOCAL_MOBILE, ["134"], rang=["120"], via_mobile=True, open=["rang"])
    at.aside_from("134")


@scenario()
def disa_outside_to_outside(at: Scene) -> None:
    """A client calls in and is let out again to another outside number, which answers: no person took part."""
    client, third = at.client("79031234816"), at.client("79261110001")
    call = client.calls(DISA)
    third.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, DISA)


@scenario()
def outbound_two_lines(at: Scene) -> None:
    """134 dials a client, holds, dials a second client, returns to the first: two calls."""
    one, two = at.client("79031234817"), at.client("79031234818")
    first = at.phone("134").dials("89031234817")
    one.answers()
    first.talks()
    at.talk(1)
    first.holds()
    second = at.phone("134").dials("89031234818")
    two.answers()
    second.talks()
    at.talk(1)
    second.hangs_up()
    first.resumes()
    at.talk(1)
    first.hangs_up()
    at.outbound(one, ["134"])
    at.outbound(two, ["134"])
