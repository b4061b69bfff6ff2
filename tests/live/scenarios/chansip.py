"""Old phones of chan_sip, which only Asterisk 16 has: devices named SIP/134."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT
from tests.live.scene import Scene

CHANSIP = "74950000039"


@scenario(only="16")
def chansip_answered(at: Scene) -> None:
    """134's phone is SIP/134 (chan_sip); she answers the client."""
    phone = at.chansip_phone("134")
    client = at.client("79031234921")
    call = client.calls(CHANSIP)
    phone.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, CHANSIP, ["134"], rang=["134"])


@scenario(only="16")
def chansip_missed(at: Scene) -> None:
    """134's phone is SIP/134; it rings and the client gives up."""
    phone = at.chansip_phone("134")
    client = at.client("79031234922")
    call = client.calls(CHANSIP)
    phone.rings()
    at.talk(1)
    call.hangs_up()
    at.call(client, CHANSIP, rang=["134"])


@scenario(only="16")
def chansip_blind_transfer(at: Scene) -> None:
    """134's phone is SIP/134; she sends the client by REFER to 120."""
    phone = at.chansip_phone("134")
    client = at.client("79031234923")
    call = client.calls(CHANSIP)
    olga = phone.answers()
    call.talks()
    at.talk()
    olga.refers_to("120")
    at.phone("120").answers()
    at.talk()
    call.hangs_up()
    at.call(client, CHANSIP, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario(only="16")
def chansip_attended_transfer(at: Scene) -> None:
    """134's phone is SIP/134; she holds the client, consults 120 and joins the two by REFER/Replaces."""
    phone = at.chansip_phone("134")
    client = at.client("79031234924")
    call = client.calls(CHANSIP)
    olga = phone.answers()
    call.talks()
    at.talk()
    olga.holds()
    second = phone.dials("120")
    at.phone("120").answers()
    second.talks()
    at.talk(1)
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk()
    call.hangs_up()
    at.call(client, CHANSIP, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario(only="16")
def chansip_blonde_transfer(at: Scene) -> None:
    """134's phone is SIP/134; she joins the client by REFER/Replaces to a 120 that still rings; 120 answers."""
    phone = at.chansip_phone("134")
    client = at.client("79031234925")
    call = client.calls(CHANSIP)
    olga = phone.answers()
    call.talks()
    at.talk()
    olga.holds()
    second = phone.dials("120")
    ivan = at.phone("120").rings()
    second.hears_ringing()
    at.talk(0.5)
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk(0.5)
    ivan.answers()
    at.talk()
    call.hangs_up()
    at.call(client, CHANSIP, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


@scenario(only="16")
def chansip_hold(at: Scene) -> None:
    """134's phone is SIP/134; she holds the client for two seconds and resumes."""
    phone = at.chansip_phone("134")
    client = at.client("79031234926")
    call = client.calls(CHANSIP)
    olga = phone.answers()
    call.talks()
    at.talk()
    olga.holds()
    at.talk(2)
    olga.resumes()
    at.talk()
    call.hangs_up()
    at.call(client, CHANSIP, ["134"], rang=["134"], talk={"134": 3.0})


@scenario(only="16")
def chansip_dials_client(at: Scene) -> None:
    """134's phone is SIP/134; she dials a client."""
    phone = at.chansip_phone("134")
    client = at.client("79031234927")
    call = phone.dials("89031234927")
    client.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.outbound(client, ["134"])


@scenario(only="16")
def chansip_feature_transfer(at: Scene) -> None:
    """134's phone is SIP/134; she consults 120 with *2 and hangs up."""
    phone = at.chansip_phone("134")
    client = at.client("79031234928")
    call = client.calls(CHANSIP)
    olga = phone.answers()
    call.talks()
    at.talk()
    at.presses(olga, "*2", "SIP/134")
    at.sees("MusicOnHoldStart", Channel="PJSIP/provider-*")
    at.presses(olga, "120", "SIP/134")
    at.phone("120").answers()
    at.talk()
    olga.hangs_up()
    at.talk()
    call.hangs_up()
    at.call(client, CHANSIP, ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])


TRUNKS = "[PJSIP/provider, SIP/provider]"


@scenario(only="16", trunks=TRUNKS)
def chansip_trunk_inbound(at: Scene) -> None:
    """A client comes in over a chan_sip trunk (SIP/provider); 134 (PJSIP) answers."""
    client = at.client("79031234929")
    call = client.calls(DIRECT, via="127.0.0.6", pbx=at.ports.chansip)
    at.phone("134").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])


@scenario(only="16", trunks=TRUNKS)
def chansip_trunk_missed(at: Scene) -> None:
    """A client comes in over a chan_sip trunk to the ring group; nobody answers."""
    client = at.client("79031234930")
    call = client.calls("74950000002", via="127.0.0.6", pbx=at.ports.chansip)
    at.phone("134").rings()
    at.phone("120").rings()
    at.talk(1)
    call.hangs_up()
    at.call(client, "74950000002", rang=["120", "134"])


@scenario(only="16", trunks=TRUNKS)
def chansip_trunk_outbound(at: Scene) -> None:
    """134's phone is SIP/134; she dials a client over a chan_sip trunk; the client answers."""
    far_end = at.new_phone(
        "trunk",
        "79031234931",
        "127.0.0.6",
        "<sip:provider@127.0.0.6>",
        at.client("79031234931").voice,
        port=at.ports.provider,
    )
    phone = at.chansip_phone("134")
    call = phone.dials("679031234931")
    far_end.answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.outbound("79031234931", ["134"])


@scenario(only="16", trunks=TRUNKS)
def chansip_trunk_transfer(at: Scene) -> None:
    """A client comes in over a chan_sip trunk; 134's phone is SIP/134; she consults 120 and joins the two by
    REFER/Replaces.
    """
    phone = at.chansip_phone("134")
    client = at.client("79031234932")
    call = client.calls("74950000039", via="127.0.0.6", pbx=at.ports.chansip)
    olga = phone.answers()
    call.talks()
    at.talk()
    olga.holds()
    second = phone.dials("120")
    at.phone("120").answers()
    second.talks()
    at.talk(1)
    olga.joins(second)
    olga.transfer_done()
    olga.drops()
    second.drops()
    at.talk()
    call.hangs_up()
    at.call(client, "74950000039", ["134", "120"], rang=["120", "134"], transfers=[("134", "120")])
