"""Turns of the dialplan: options of Dial, early media, groups while somebody is busy."""

from tests.live.scenario import scenario
from tests.live.scenarios.common import IVAN, talking
from tests.live.scene import Scene

GROUP, GOTO, SCREENED, ANNOUNCED, EARLY, MACRO = (
    "74950000002",
    "74950000029",
    "74950000030",
    "74950000031",
    "74950000032",
    "74950000037",
)


@scenario()
def group_while_120_talks(at: Scene) -> None:
    """120 talks to one client; another calls the ring group, both phones ring, 134 answers."""
    one, first, _ = talking(at, "79031234901", IVAN, "120")
    two = at.client("79031234902")
    second = two.calls(GROUP)
    at.phone("120").rings()
    at.phone("134").answers()
    second.talks()
    at.talk()
    second.hangs_up()
    first.hangs_up()
    at.call(one, IVAN, ["120"], rang=["120"])
    at.call(two, GROUP, ["134"], rang=["120", "134"])


@scenario()
def dial_goto_room(at: Scene) -> None:
    """Dial with G: when 134 answers, both are sent on in the dialplan and meet in a room."""
    client = at.client("79031234903")
    call = client.calls(GOTO)
    at.phone("134").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, GOTO, ["134"], rang=["134"])


@scenario()
def screened_callee_hangs_up(at: Scene) -> None:
    """Dial with U: 134 answers, hears a prompt and hangs up in it: nobody talked."""
    client = at.client("79031234904")
    call = client.calls(SCREENED)
    olga = at.phone("134").answers()
    at.talk(0.8)
    olga.hangs_up()
    call.drops()
    call.ended()
    at.call(client, SCREENED, rang=["134"])


@scenario()
def screened_then_talk(at: Scene) -> None:
    """Dial with U: 134 answers, hears a prompt of two seconds, then talks to the client."""
    client = at.client("79031234905")
    call = client.calls(SCREENED)
    at.phone("134").answers()
    call.talks()
    at.bridged("PJSIP/134", "PJSIP/provider")
    at.talk()
    call.hangs_up()
    at.call(client, SCREENED, ["134"], rang=["134"], talk={"134": 1.5})


@scenario()
def screened_client_gone(at: Scene) -> None:
    """Dial with U: 134 answers and hears the prompt; the client gives up meanwhile: nobody talked."""
    client = at.client("79031234906")
    call = client.calls(SCREENED)
    at.phone("134").answers()
    at.talk(0.8)
    call.hangs_up()
    at.call(client, SCREENED, rang=["134"])


@scenario(only="16")
def macro_callee_hangs_up(at: Scene) -> None:
    """Dial with M (a real macro): 134 answers, hears a prompt and hangs up in it: nobody talked."""
    client = at.client("79031234907")
    call = client.calls(MACRO)
    olga = at.phone("134").answers()
    at.talk(0.8)
    olga.hangs_up()
    call.drops()
    call.ended()
    at.call(client, MACRO, rang=["134"])


@scenario()
def announced_then_talk(at: Scene) -> None:
    """Dial with A: 134 answers and hears an announcement, then talks to the client."""
    client = at.client("79031234908")
    call = client.calls(ANNOUNCED)
    at.phone("134").answers()
    call.talks()
    at.bridged("PJSIP/134", "PJSIP/provider")
    at.talk()
    call.hangs_up()
    at.call(client, ANNOUNCED, ["134"], rang=["134"], talk={"134": 1.5})


@scenario()
def announced_callee_hangs_up(at: Scene) -> None:
    """Dial with A: 134 answers, hears the announcement and hangs up in it: nobody talked."""
    client = at.client("79031234909")
    call = client.calls(ANNOUNCED)
    olga = at.phone("134").answers()
    at.talk(0.8)
    olga.hangs_up()
    call.drops()
    call.ended()
    at.call(client, ANNOUNCED, rang=["134"])


@scenario()
def early_media_only(at: Scene) -> None:
    """The client hears an announcement before any answer, then 134 rings and does not answer."""
    client = at.client("79031234910")
    call = client.calls(EARLY)
    at.phone("134").rings()
    call.ended()
    at.call(client, EARLY, rang=["134"])


@scenario()
def early_media_then_answer(at: Scene) -> None:
    """The client hears an announcement before any answer, then 134 answers."""
    client = at.client("79031234911")
    call = client.calls(EARLY)
    at.phone("134").answers()
    call.talks()
    at.talk()
    call.hangs_up()
    at.call(client, EARLY, ["134"], rang=["134"])
