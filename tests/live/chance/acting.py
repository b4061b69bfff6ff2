"""Plays a composed story: whoever is named does what stands there, if it can be done at that moment; else it is left
out. Nothing is expected of the PBX: what came of it the phones have heard.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.live import hearing
from tests.live.chance.story import CALLED, CALLERS, COLLEAGUES, MOBILES, Action, Story
from tests.live.chance.wire import Wire
from tests.live.errors import MissingError
from tests.live.lab import PROVIDER, Lab
from tests.live.phones import Leg, Phone
from tests.live.scene import Scene

IN_A_CALL = {"hangup", "hold", "resume", "refer", "join", "press"}
KNOWN = IN_A_CALL | {"call", "fetch", "click", "answer", "decline", "forward", "redirect", "wait", "cut"}
"""What can be done."""
PATIENCE = 1.5
"""Seconds in which a phone has to ring that is to be answered, and a PBX to act on a digit."""
NOTICE = 1.0
"""Seconds in which it understands a feature code."""
DIGIT = 0.3
"""Seconds after which a digit has been played to everybody."""
STANDARD_LOT = "74"
PORTS_OF_PHONES = 10_000


@dataclass(frozen=True, slots=True)
class Outside:
    """One call with somebody outside, whose tone is of this call alone.

    key: by which the recordings name it. did: what a client dialled; None when the client was called.
    """

    key: str
    number: str
    did: str | None
    voice: int


@dataclass(frozen=True, slots=True)
class Played:
    """What became of an action. skipped: why it was not done."""

    action: Action
    at: float
    skipped: str = ""


class Troupe:
    """Plays stories on one Asterisk; the clients' phones stay from story to story. A context manager."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.callers: dict[str, Phone] = {}
        self.wire = Wire(range(lab.ports.phones_rtp, lab.ports.phones_rtp + PORTS_OF_PHONES))
        self._ending = ExitStack()

    def __enter__(self) -> "Troupe":
        with self._ending:
            self._ending.enter_context(self.wire)
            recordings = self._lab.scratch / "recordings"
            for number in CALLERS:
                identity = f"<sip:{number}@{PROVIDER}>"
                phone = self._lab.start_phone(f"out{number}", number, PROVIDER, identity, 0, recordings)
                self._ending.callback(phone.stop)
                self.callers[number] = phone
            self._ending = self._ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()


class Performance:
    """One story while it is played. cut: cuts the daemon's link."""

    def __init__(self, lab: Lab, troupe: Troupe, scene: Scene, cut: Callable[[], None] | None) -> None:
        self.outside: list[Outside] = []
        self.played: list[Played] = []
        self.pressing: list[tuple[float, float]] = []
        """When somebody pressed digits, from and to."""
        self.codes: Counter[str] = Counter()
        """For how many digits of feature codes who was not heard."""
        self._lab, self._scene, self._callers, self._cut = lab, scene, troupe.callers, cut
        self._voices = itertools.islice(hearing.TONES, len(lab.phones), None)

    def play(self, story: Story) -> None:
        for action in story.actions:
            time.sleep(action.after)  # the pace of the story
            at = time.time()
            try:
                skipped = self._do(action)
            except MissingError as error:
                skipped = str(error)
            self.played.append(Played(action, at, skipped))

    def _do(self, action: Action) -> str:
        """Returns why it was left out."""
        if action.do == "wait":
            return ""
        if action.do == "cut":
            if self._cut is None:
                return "no daemon is beside"
            self._cut()
            return ""
        if action.do in ("call", "fetch"):
            return self._calls(action.who, self._slot() if action.do == "fetch" else action.to)
        if action.do == "click":
            return self._clicks(action.who, action.to)
        if action.do == "redirect":
            return self._redirects(action.who, action.to)
        if action.do in ("answer", "decline", "forward"):
            return self._takes_up(action)
        lines = self._lines(action.who)
        if action.line >= len(lines):
            return "has no such call"
        return self._on_a_line(action, lines)

    def _on_a_line(self, action: Action, lines: Sequence[Leg]) -> str:
        line = lines[action.line]
        if action.do == "hangup":
            line.drops()
        elif not line.up:
            return "is not in a call"
        elif action.do == "hold":
            line.holds(PATIENCE)
        elif action.do == "resume":
            line.resumes(PATIENCE)
        elif action.do == "refer":
            line.refers_to(action.to)
        elif action.do == "join":
            if int(action.to) >= len(lines):
                return "has no second call"
            line.joins(lines[int(action.to)])
        elif action.do == "press":
            self._presses(action.who, line, action.to)
        else:
            raise ValueError(f"nobody knows how to {action.do}")
        return ""

    # ------------------------------------------------------------------ calls
    def _calls(self, who: str, number: str) -> str:
        if who in COLLEAGUES:
            self._lab.phones[who].dials(number)
        elif self._callers[who].lines():
            return "is in a call"
        else:
            outside = self._new_outside(who, number)
            self._callers[who].dials(number, outside.key, outside.voice)
        return ""

    def _clicks(self, who: str, number: str) -> str:
        self._scene.does(
            "Originate",
            Channel=f"PJSIP/{who}",
            Context="click",
            Exten=number,
            Priority="1",
            CallerID=number,
            Async="true",
        )
        return ""

    def _redirects(self, number: str, to: str) -> str:
        """The client's channel, which the console knows by the number."""
        events = self._scene.events
        over = {event.get("Channel") for event in events if event.name == "Hangup"}
        of_client = [
            event.get("Channel")
            for event in events
            if event.name == "Newchannel" and event.get("CallerIDNum") == number and event.get("Channel") not in over
        ]
        of_client = [channel for channel in of_client if channel.startswith("PJSIP/provider-")]
        if not of_client:
            return "has no channel"
        self._scene.does("Redirect", Channel=of_client[-1], Context="from-internal", Exten=to, Priority="1")
        return ""

    def _takes_up(self, action: Action) -> str:
        """Picks up, or does not want to."""
        phone, uri = self._where(action.who)

        def rings() -> Leg | None:
            return next((line for line in phone.lines(uri) if line.ringing), None)

        phone.until(lambda: rings() is not None, float(action.to) if action.do == "answer" and action.to else PATIENCE)
        leg = rings()
        if leg is None:
            return "does not ring"
        if action.do == "decline":
            leg.replies(int(action.to))
        elif action.do == "forward":
            contact = f"<sip:{action.to}@{self._scene.host}:{self._scene.port}>"
            leg.replies(302, headers={"Contact": contact})
        elif action.who in COLLEAGUES:
            leg.replies(200)
        else:
            outside = self._new_outside(action.who, None)
            leg.replies(200, tone=outside.voice, wav=phone.recording(outside.key))
        phone.until(lambda: not leg.ringing, PATIENCE)
        return ""

    def _presses(self, who: str, line: Leg, digits: str) -> None:
        """A feature code; what is pressed behind it once the PBX has understood it."""
        device = f"PJSIP/{who if who in COLLEAGUES else 'provider'}"
        code, number = (digits[:2], digits[2:]) if digits[0] in "*#" else ("", digits)
        mark, begin = self._lab.driver.mark(), time.time()
        try:
            self._scene.presses(line, code, device, PATIENCE)
            if code and number:
                self._lab.driver.wait("MusicOnHoldStart", mark, NOTICE)
            self._scene.presses(line, number, device, PATIENCE)
        finally:
            self.codes[who] += len(code)
            self.pressing.append((begin, time.time() + DIGIT))

    def _slot(self) -> str:
        """Where somebody was parked last."""
        parked = [event for event in self._scene.events if event.name == "ParkedCall"]
        return parked[-1].get("ParkingSpace") if parked else STANDARD_LOT

    # ------------------------------------------------------------------ who
    def _where(self, who: str) -> tuple[Phone, str]:
        """The phone, and what is dialled there to reach this one."""
        if who in COLLEAGUES:
            return self._lab.phones[who], ""
        if who in CALLERS:
            return self._callers[who], ""
        return self._lab.network, f"sip:{who}@"

    def _lines(self, who: str) -> list[Leg]:
        phone, uri = self._where(who)
        return phone.lines(uri)

    def _new_outside(self, number: str, did: str | None) -> Outside:
        voice = next(self._voices, None)
        if voice is None:
            raise MissingError("there is no tone left for another one outside")
        self.outside.append(one := Outside(f"o{len(self.outside)}", number, did, voice))
        return one


def rung_outside(lab: Lab) -> list[str]:
    """The numbers that the provider was asked for, as often as it was: but those of colleagues' mobiles."""
    asked = [str(one["uri"]) for one in lab.network.log if one.get("state") == "ASKED"]
    return [number for number in CALLED for uri in asked if uri.startswith(f"sip:{number}@")]


def whose(number: str) -> str | None:
    """The colleague whose mobile it is."""
    return MOBILES.get(number)
