"""Calls through a dialplan in FreePBX's manner (`etc/extensions_groups.conf`)."""

from tests.live.phones import Leg
from tests.live.scenario import scenario
from tests.live.scenarios.common import OUTSIDE, talking
from tests.live.scene import Scene

MOBILE = "79161112233"  # 134's own
OWN = "74957777777"  # the company's
DIRECT, RECORDED, GROUP, QUEUE, IVR, FOLLOW_ME, CONFIRMED, FORWARDED, RECORDED_GROUP, IVAN = (
    f"749500000{number}" for number in range(50, 60)
)
BY_MACRO = "74950000060"


def rung(at: Scene, number: str, did: str) -> Leg:
    """A client calls, and both 134 and 120 ring."""
    call = at.client(number).calls(did)
    at.phone("134").rings()
    at.phone("120").rings()
    at.talk(0.5)
    return call


@scenario()
def gr_group_134(at: Scene) -> None:
    """A ring group that dials in a subroutine: the events of the dialling say `s`; 134 answers."""
    client = at.client("79031600101")
    call = client.calls(GROUP)
    at.phone("120").rings()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, GROUP, ["134"], rang=["120", "134"])


@scenario(only="16")
def gr_group_macro(at: Scene) -> None:
    """A ring group that dials in a Macro: the rung phones show the group's number; 134 answers."""
    client = at.client("79031600123")
    call = client.calls(BY_MACRO)
    at.phone("120").rings()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, BY_MACRO, ["134"], rang=["120", "134"])


@scenario()
def gr_group_missed(at: Scene) -> None:
    """The same group; the client gives up."""
    call = rung(at, "79031600102", GROUP)
    call.hangs_up()
    at.call("79031600102", GROUP, rang=["120", "134"])


@scenario()
def gr_group_recorded(at: Scene) -> None:
    """A ring group whose dialling keeps its number, recorded by force; 120 answers."""
    client = at.client("79031600103")
    call = client.calls(RECORDED_GROUP)
    at.phone("134").rings()
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, RECORDED_GROUP, ["120"], rang=["120", "134"], recorded=True)


@scenario()
def gr_direct_recorded(at: Scene) -> None:
    """134's own number with forced recording."""
    client, call, _ = talking(at, "79031600104", RECORDED)
    call.hangs_up()
    at.call(client, RECORDED, ["134"], rang=["134"], recorded=True)


@scenario()
def gr_did_s(at: Scene) -> None:
    """The trunk delivers the call to `s`, and so does FROM_DID: what was dialled is not known."""
    client, call, _ = talking(at, "79031600105", "s", "120")
    call.hangs_up()
    at.call(client, None, ["120"], rang=["120", "134"])


@scenario()
def gr_did_account(at: Scene) -> None:
    """The trunk delivers its account's name for a number; the dialplan knows the number, channelvars show it."""
    client, call, _ = talking(at, "79031600106", "account77", "120")
    call.hangs_up()
    at.call(client, GROUP if at.telling.channelvars else "account77", ["120"], rang=["120", "134"])


@scenario()
def gr_queue_134(at: Scene) -> None:
    """A queue of Local members, recorded by force; 134 answers."""
    client = at.client("79031600107")
    call = client.calls(QUEUE)
    at.phone("120").rings()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, QUEUE, ["134"], rang=["120", "134"], queue="710", recorded=True)


@scenario()
def gr_queue_abandoned(at: Scene) -> None:
    """The same queue; the client gives up."""
    call = rung(at, "79031600108", QUEUE)
    call.hangs_up()
    at.call("79031600108", QUEUE, rang=["120", "134"], queue="710")


@scenario()
def gr_ivr_group(at: Scene) -> None:
    """A menu; the client presses 2, the group rings, 120 answers."""
    client = at.client("79031600109")
    call = client.calls(IVR)
    call.talks()
    at.talk(0.5)
    at.presses(call, "2", OUTSIDE)
    at.phone("134").rings()
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, IVR, ["120"], rang=["120", "134"])


@scenario()
def gr_ivr_direct_dial(at: Scene) -> None:
    """A menu in which the client dials 134."""
    client = at.client("79031600110")
    call = client.calls(IVR)
    call.talks()
    at.talk(0.5)
    at.presses(call, "134", OUTSIDE)
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, IVR, ["134"], rang=["134"])


@scenario()
def gr_ivr_only(at: Scene) -> None:
    """A menu in which the client hangs up."""
    client = at.client("79031600111")
    call = client.calls(IVR)
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, IVR)


@scenario()
def gr_confirm_mobile(at: Scene) -> None:
    """A group with 134's mobile, which is asked for a key: the mobile presses 1 and has the client."""
    client, mobile = at.client("79031600112"), at.client(MOBILE)
    call = client.calls(CONFIRMED)
    at.phone("120").rings()
    leg = mobile.answers()
    at.talk(0.7)
    at.presses(leg, "1", OUTSIDE)
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, CONFIRMED, ["134"], rang=["120", "134"], via_mobile=True)
    at.aside_from("134")


@scenario()
def gr_confirm_desk(at: Scene) -> None:
    """The same group: the mobile answers and is asked for a key, which nobody presses; 120 takes the call."""
    client, mobile = at.client("79031600113"), at.client(MOBILE)
    call = client.calls(CONFIRMED)
    ivan = at.phone("120").rings()
    mobile.answers()
    at.talk(1)
    ivan.answers()
    at.talk()
    call.hangs_up()
    at.call(client, CONFIRMED, ["120"], rang=["120", "134"])


@scenario()
def gr_confirm_silent(at: Scene) -> None:
    """The same group: voicemail answers at the mobile, the client gives up: nobody talked."""
    mobile = at.client(MOBILE)
    call = rung(at, "79031600114", CONFIRMED)
    mobile.answers()
    at.talk()
    call.hangs_up()
    at.call("79031600114", CONFIRMED, rang=["120", "134"])


@scenario()
def gr_followme_mobile(at: Scene) -> None:
    """Follow-me of 134: the mobile answers and presses 1."""
    client, mobile = at.client("79031600115"), at.client(MOBILE)
    call = client.calls(FOLLOW_ME)
    at.phone("134").rings()
    leg = mobile.answers()
    at.talk(0.7)
    at.presses(leg, "1", OUTSIDE)
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, FOLLOW_ME, ["134"], rang=["134"], via_mobile=True)
    at.aside_from("134")


@scenario()
def gr_followme_desk(at: Scene) -> None:
    """Follow-me of 134, who answers at the desk."""
    client = at.client("79031600116")
    call = client.calls(FOLLOW_ME)
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, FOLLOW_ME, ["134"], rang=["134"])


@scenario()
def gr_forwarded(at: Scene) -> None:
    """121 has forwarded the phone to 120, who answers; 121 never rang."""
    client, call, _ = talking(at, "79031600117", FORWARDED, "120")
    call.hangs_up()
    at.call(client, FORWARDED, ["120"], rang=["120"])


@scenario()
def gr_pickup(at: Scene) -> None:
    """120 rings, 135 dials **120: the dialplan has marked the call for that."""
    client = at.client("79031600118")
    call = client.calls(IVAN)
    at.phone("120").rings()
    at.talk(0.7)
    at.phone("135").dials("**120").talks()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, IVAN, ["135"], rang=["120"])


@scenario()
def gr_attended_to_group(at: Scene) -> None:
    """134 asks the ring group on a second line; 120 answers, and 134 joins the two by REFER/Replaces."""
    client, call, olga = talking(at, "79031600119", DIRECT)
    olga.holds()
    second = at.phone("134").dials("620")
    at.phone("120").answers()
    second.talks()
    at.talk()
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario()
def gr_blind_to_queue(at: Scene) -> None:
    """134 sends the client to the queue by REFER; 120 answers there."""
    client, call, olga = talking(at, "79031600120", DIRECT)
    olga.refers_to("710")
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(
        client, DIRECT, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")], queue="710", open=["transfers"]
    )


@scenario()
def gr_outbound_recorded(at: Scene) -> None:
    """134 calls a client, and the call is recorded by force from before the client answers."""
    client = at.client("79031600121")
    olga = at.phone("134").dials("979031600121")
    client.answers()
    olga.talks()
    at.talk()
    olga.hangs_up()
    at.outbound(client, ["134"], recorded=True)


@scenario()
def gr_click(at: Scene) -> None:
    """Click to call: the console rings 134 through a Local channel, then the client."""
    client = at.client("79031600122")
    at.does(
        "Originate",
        Channel="Local/134@gr-internal/n",
        Context="gr-internal",
        Exten=client.number,
        Priority="1",
        Async="true",
    )
    olga = at.phone("134").answers()
    client.answers()
    at.talk()
    olga.hangs_up()
    at.outbound(client, ["134"], rang=["134"])


@scenario()
def gr_own_number_shown(at: Scene) -> None:
    """A caller from outside shows one of the company's own numbers; 134 answers: a client whose number is unknown."""
    _, call, _ = talking(at, OWN, DIRECT)
    call.hangs_up()
    at.call(None, DIRECT, ["134"], rang=["134"])


@scenario()
def gr_own_number_missed(at: Scene) -> None:
    """A caller who shows one of the company's own numbers hangs up in the menu."""
    call = at.client(OWN).calls(IVR)
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(None, IVR)


@scenario()
def gr_mobile_in_the_menu(at: Scene) -> None:
    """134's mobile calls in and hangs up in the menu: no client, but a call that leaves a record."""
    call = at.client(MOBILE).calls(IVR)
    call.talks()
    at.talk()
    call.hangs_up()
