"""Supervisors, pages, announcements and machines."""

from tests.live.bot import Bot
from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT, PETER, talking
from tests.live.scene import Scene

ANNOUNCED, BOT_APPLICATION, BOT_CHANNEL = "74950000026", "74950000025", "74950000041"


def listens_in(at: Scene, number: str, prefix: str) -> None:
    client, call, _ = talking(at, number)
    spy = at.phone("136").dials(prefix + "134").talks()
    at.talk()
    call.hangs_up()
    if not spy.over:
        spy.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])
    at.aside_from("136")


@scenario()
def supervisor_whispers(at: Scene) -> None:
    """136 whispers to 134 with ChanSpy: the client does not hear it; a supervisor, not a participant."""
    listens_in(at, "79031234821", "223")


@scenario()
def supervisor_barges(at: Scene) -> None:
    """136 barges into 134's call with ChanSpy and all three talk: still a supervisor by the design."""
    listens_in(at, "79031234822", "224")


@scenario()
def page_during_a_call(at: Scene) -> None:
    """135 talks to a client; 137 pages 120 and 134, whose phones answer by themselves: only 135 took part."""
    client, call, _ = talking(at, "79031234823", PETER, "135")
    for extension in ("120", "134"):
        at.phone(extension).manner("answer")
    page = at.phone("137").dials("900").talks()
    at.bridged("PJSIP/120", "PJSIP/134")
    at.talk()
    page.hangs_up()
    call.hangs_up()
    at.call(client, PETER, ["135"], rang=["135"])


@scenario()
def page_reaches_a_busy_phone(at: Scene) -> None:
    """134 talks to a client; 137 pages 120 and 134, whose phone rings a second line and is picked up: only 134 took
    part.
    """
    client, call, olga = talking(at, "79031234824")
    page = at.phone("137").dials("901").talks()
    at.phone("120").answers()
    olga.holds()
    at.phone("134").answers()
    at.talk(1)
    page.hangs_up()
    olga.resumes()
    at.talk(1)
    call.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"])
    at.aside_from("120")


@scenario()
def announcement_then_134(at: Scene) -> None:
    """The PBX answers and plays an announcement, then 134 rings and answers."""
    client = at.client("79031234825")
    call = client.calls(ANNOUNCED).talks()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    at.call(client, ANNOUNCED, ["134"], rang=["134"], talk={"134": 1.5})


@scenario()
def announcement_abandoned(at: Scene) -> None:
    """The PBX answers and plays an announcement; the client hangs up in it."""
    client = at.client("79031234826")
    call = client.calls(ANNOUNCED).talks()
    at.talk(1)
    call.hangs_up()
    at.call(client, ANNOUNCED)


@scenario(only="22")
def bot_application_then_134(at: Scene) -> None:
    """A voice bot (application AudioSocket, no channel of its own) talks to the client and hands over to 134."""
    bot = Bot(at.ports.bot, 2)
    client = at.client("79031234827")
    call = client.calls(BOT_APPLICATION).talks()
    bot.met.wait(5)
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    bot.close()
    at.call(client, BOT_APPLICATION, ["134"], rang=["134"], talk={"134": 1.5})


@scenario(only="22")
def bot_channel_then_134(at: Scene) -> None:
    """A voice bot on a channel AudioSocket/… is bridged with the client, then 134 answers: a machine is no person."""
    bot = Bot(at.ports.bot, 2)
    client = at.client("79031234828")
    call = client.calls(BOT_CHANNEL).talks()
    at.phone("134").answers()
    at.talk()
    call.hangs_up()
    bot.close()
    at.call(client, BOT_CHANNEL, ["134"], rang=["134"], talk={"134": 1.5})


@scenario(only="22")
def bot_channel_only(at: Scene) -> None:
    """A voice bot on a channel AudioSocket/… is bridged with the client, who hangs up: only a machine answered."""
    bot = Bot(at.ports.bot, 10)
    client = at.client("79031234829")
    call = client.calls(BOT_CHANNEL).talks()
    at.talk()
    call.hangs_up()
    bot.close()
    at.call(client, BOT_CHANNEL)
