"""Callers who mean no good, and moments that are too close together."""

import threading
from typing import Any

from tests.live.scenario import scenario
from tests.live.scenarios.common import DIRECT
from tests.live.scene import Scene

NUMBERS = {
    "plus_and_brackets": b"+7%20(903)%20123-48-61",
    "eight": b"89031234862",
    "no_country": b"9031234863",
    "plus": b"+79031234864",
}


def raw_call(at: Scene, sender: bytes, client: str | None, **more: Any) -> None:
    """A raw caller calls 134, she answers, they talk, the caller hangs up."""
    caller = at.raw(sender, DIRECT).dials()
    at.phone("134").answers()
    caller.until(200)
    at.talk()
    caller.hangs_up()
    at.call(client, DIRECT, ["134"], rang=["134"], **more)


@scenario()
def name_is_an_event(at: Scene) -> None:
    """The caller calls himself `Event: Hangup`."""
    raw_call(at, b'"Event: Hangup" <sip:79031234871@127.0.0.2>', "79031234871")


@scenario()
def name_with_quotes(at: Scene) -> None:
    """The caller's name holds quotes, backslashes, brackets, a semicolon and a comma."""
    raw_call(at, b'"O\\"Neil \\\\ <x>; a=b, [c] ${EXTEN}" <sip:79031234872@127.0.0.2>', "79031234872")


@scenario()
def name_with_line_break(at: Scene) -> None:
    """The caller's name holds a percent-encoded CR LF and an event after it."""
    raw_call(at, b'"Bob%0d%0aEvent: Hangup%0d%0aUniqueid: 1" <sip:79031234873@127.0.0.2>', "79031234873")


@scenario()
def name_with_real_control_bytes(at: Scene) -> None:
    """The caller's name holds a tab, a bell, an escape and a DEL (a lone LF or NUL is refused by the PBX's parser)."""
    raw_call(at, b'"Bob\t\x07\x1b[2J\x7fEvent: Hangup" <sip:79031234874@127.0.0.2>', "79031234874")


@scenario()
def number_with_line_break(at: Scene) -> None:
    """The caller's number holds a percent-encoded CR LF, which the PBX decodes: a header line of the caller's own
    stands in every event.
    """
    raw_call(at, b'"Bob" <sip:79031234875%0d%0aEvent:%20Hangup@127.0.0.2>', "79031234875")


@scenario()
def number_injects_headers(at: Scene) -> None:
    """The caller's number holds encoded CR LF and colons: a false Uniqueid and Linkedid stand in every event of the
    caller's channel.
    """
    raw_call(at, b'"Bob" <sip:79031234887%0d%0aUniqueid%3a%201.1%0d%0aLinkedid%3a%201.1@127.0.0.2>', "79031234887")


@scenario()
def number_injects_channel(at: Scene) -> None:
    """The caller's number names another channel in every event: `Channel: PJSIP/120-00000001` by encoded CR LF."""
    raw_call(at, b'"Bob" <sip:79031234889%0d%0aChannel%3a%20PJSIP%2f120-00000001@127.0.0.2>', "79031234889")


@scenario()
def number_injects_event(at: Scene) -> None:
    """The caller's number holds an encoded empty line: every event of his channel breaks into two packets, the second a
    false Hangup.
    """
    raw_call(at, b'"Bob" <sip:79031234888%0d%0a%0d%0aEvent%3a%20Hangup%0d%0aX%3a%201@127.0.0.2>', "79031234888")


@scenario()
def dialled_number_with_line_break(at: Scene) -> None:
    """The dialled number holds an encoded CR LF: the line stands in Exten; the dialplan knows no such number."""
    caller = at.raw(b"<sip:79031234890@127.0.0.2>", "74950000001%0d%0aUniqueid%3a%201.1").dials()
    caller.until(603)
    at.call("79031234890", None, open=["did"])


@scenario()
def name_two_kilobytes(at: Scene) -> None:
    """The caller's name is two thousand bytes long."""
    raw_call(at, b'"' + b"long name " * 200 + b'" <sip:79031234876@127.0.0.2>', "79031234876")


@scenario()
def name_in_cp1251(at: Scene) -> None:
    """The caller's name is Cyrillic in cp1251: bytes that are not UTF-8."""
    raw_call(at, b'"' + "Ольга Ивановна".encode("cp1251") + b'" <sip:79031234877@127.0.0.2>', "79031234877")


@scenario()
def name_in_utf8(at: Scene) -> None:
    """The caller's name is Cyrillic in UTF-8 with an emoji."""
    raw_call(at, '"Ольга 📞 Ивановна" <sip:79031234878@127.0.0.2>'.encode(), "79031234878")


@scenario()
def number_plus_and_brackets(at: Scene) -> None:
    """The caller's number comes as +7 (903) 123-48-61."""
    raw_call(at, b'"Bob" <sip:' + NUMBERS["plus_and_brackets"] + b"@127.0.0.2>", "79031234861")


@scenario()
def number_with_eight(at: Scene) -> None:
    """The caller's number comes the national way, 89031234862."""
    raw_call(at, b"<sip:" + NUMBERS["eight"] + b"@127.0.0.2>", "79031234862")


@scenario()
def number_without_country(at: Scene) -> None:
    """The caller's number comes without a prefix, 9031234863."""
    raw_call(at, b"<sip:" + NUMBERS["no_country"] + b"@127.0.0.2>", "79031234863")


@scenario()
def number_with_plus(at: Scene) -> None:
    """The caller's number comes as +79031234864 with user=phone."""
    raw_call(at, b"<sip:" + NUMBERS["plus"] + b"@127.0.0.2;user=phone>", "79031234864")


@scenario()
def number_like_an_extension(at: Scene) -> None:
    """A caller on the public trunk says that his number is 120: a client, not a colleague."""
    raw_call(at, b'"Ivan" <sip:120@127.0.0.2>', None, client_raw="120")


@scenario()
def number_is_empty(at: Scene) -> None:
    """A caller without any user part."""
    raw_call(at, b"<sip:127.0.0.2>", None)


@scenario()
def calls_of_a_moment(at: Scene) -> None:
    """Five calls of one number: each is answered at once by 134 and dropped by the caller in the same moment."""
    at.phone("134").manner("answer")
    for _ in range(5):
        caller = at.raw(b"<sip:79031234879@127.0.0.2>", DIRECT)
        caller.at_once = True
        caller.dials().until(200)
        at.sees("Hangup", Channel="PJSIP/provider-*")
        at.sees("Hangup", Channel="PJSIP/134-*")
        at.call("79031234879", DIRECT, open=["answered", "participants", "cards"])


@scenario()
def hundred_milliseconds(at: Scene) -> None:
    """134 answers at once and the caller hangs up after a tenth of a second: a very short talk is a talk."""
    at.phone("134").manner("answer")
    caller = at.raw(b"<sip:79031234880@127.0.0.2>", DIRECT).dials()
    caller.until(200)
    at.bridged("PJSIP/134", "PJSIP/provider")
    at.talk(0.1)
    caller.hangs_up()
    at.call("79031234880", DIRECT, ["134"])


@scenario()
def cancelled_at_once(at: Scene) -> None:
    """The caller cancels in the moment in which 134 begins to ring."""
    caller = at.raw(b"<sip:79031234881@127.0.0.2>", DIRECT).dials()
    at.phone("134").rings()
    caller.cancels()
    caller.until(487)
    at.call("79031234881", DIRECT, rang=["134"], open=["rang"])  # the PBX may never hear that she rings


@scenario()
def answer_meets_cancel(at: Scene) -> None:
    """134 answers exactly as the caller cancels: whether they talked, the script cannot say."""
    for last in (82, 83, 84, 85):
        number = f"790312348{last}"
        caller = at.raw(f"<sip:{number}@127.0.0.2>".encode(), DIRECT).dials()
        olga = at.phone("134").rings()
        at.talk(0.5)
        start = threading.Barrier(2)
        other = threading.Thread(target=lambda c=caller, s=start: (s.wait(), c.cancels()))
        other.start()
        start.wait()
        olga.replies(200)
        other.join()
        at.sees("Hangup", 20, Channel="PJSIP/134-*")
        if 200 in caller.statuses and not caller.over:
            caller.hangs_up()
        at.call(number, DIRECT, rang=["134"], open=["answered", "participants", "cards"])


@scenario()
def answers_in_the_same_moment(at: Scene) -> None:
    """A ring group rings 134 and 120 and both answer in the same moment: one of them has the client,
    the other nobody.
    """
    did = "74950000002"
    client = at.client("79031234886")
    call = client.calls(did)
    legs = [at.phone("134").rings(), at.phone("120").rings()]
    at.talk(0.5)
    for leg in legs:
        leg.replies(200)
    call.talks()
    at.talk()
    winner = next((leg.who for leg in legs if not leg.over), "nobody")
    call.hangs_up()
    at.call(client, did, [winner], rang=["120", "134"])
