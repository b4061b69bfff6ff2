"""The phones of a story: what people do with them, and what can be waited for."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.live.errors import MissingError

REPOSITORY = Path(__file__).parents[2]
HESITATION = 0.3
"""A moment before somebody picks up, in seconds."""
News = dict[str, Any]
"""What a phone's process tells."""


@dataclass(frozen=True)
class Setup:
    """A phone: who has it, and its account."""

    name: str
    who: str
    bind: str
    identity: str
    rtp: int
    port: int = 0
    registrar: str = ""
    log: str = ""


class Leg:
    """One call as one phone sees it."""

    def __init__(self, phone: "Phone", ident: int, who: str) -> None:
        self.phone, self.ident, self.who = phone, ident, who

    @property
    def over(self) -> bool:
        return any(one.get("call") == self.ident and one.get("state") == "DISCONNECTED" for one in self.phone.log)

    @property
    def up(self) -> bool:
        """Answered, and nobody has hung up."""
        return self._last("state") == "CONFIRMED"

    @property
    def ringing(self) -> bool:
        """It comes in, and nobody has picked up."""
        came = any(one.get("call") == self.ident and one.get("state") == "ASKED" for one in self.phone.log)
        return came and self._last("state") in ("ASKED", "EARLY")

    @property
    def held(self) -> bool:
        """This phone has put the other side on hold."""
        return self._last("media") == "held here"

    def replies(self, code: int, **more: Any) -> None:
        """A SIP answer, and nothing waited for."""
        self._do("answer", code=code, **more)

    def answers(self) -> "Leg":
        self.replies(200)
        return self.talks()

    def talks(self, timeout: float = 15) -> "Leg":
        """Waits until the call is established."""
        if self._until("CONFIRMED", "DISCONNECTED", timeout=timeout)["state"] != "CONFIRMED":
            raise MissingError(f"{self.who}: the call ended instead of being answered")
        return self

    def hears_ringing(self) -> "Leg":
        self._until("EARLY")
        return self

    def declines(self, code: int = 603) -> None:
        self.replies(code)
        self.ended()

    def hangs_up(self) -> None:
        self.drops()
        self.ended()

    def drops(self) -> None:
        """Hangs up without waiting for anything."""
        self._do("hangup")

    def ended(self, timeout: float = 20) -> "Leg":
        self._until("DISCONNECTED", timeout=timeout)
        return self

    def holds(self, timeout: float = 10) -> "Leg":
        with self.phone.expecting(lambda one: self._media(one) == "held here", f"{self.who} holds", timeout):
            self._do("hold")
        return self

    def resumes(self, timeout: float = 10) -> "Leg":
        with self.phone.expecting(lambda one: self._media(one) == "active", f"{self.who} resumes", timeout):
            self._do("unhold")
        return self

    def refers_to(self, number: str) -> "Leg":
        """Blind transfer by SIP REFER."""
        self._do("refer", to=self.phone.uri(number))
        return self

    def joins(self, other: "Leg") -> "Leg":
        """Attended transfer by REFER with Replaces: this call to that one."""
        self._do("replaces", other=other.ident)
        return self

    def transfer_done(self, timeout: float = 10) -> None:
        self.phone.wait(
            lambda one: one.get("call") == self.ident and one.get("transfer", 0) >= 200,
            f"{self.who} transfers",
            timeout,
        )

    def mixes_with(self, other: "Leg") -> None:
        """A three-way call inside the phone."""
        self._do("mix", other=other.ident)

    def digit(self, digit: str) -> None:
        self._do("dtmf", digits=digit)

    def _do(self, what: str, **order: Any) -> None:
        self.phone.order(do=what, call=self.ident, **order)

    def _until(self, *states: str, timeout: float = 15) -> News:
        return self.phone.wait(
            lambda one: one.get("call") == self.ident and one.get("state") in states,
            f"{self.who} {' or '.join(states)}",
            timeout,
        )

    def _last(self, key: str) -> str:
        return str(
            next((one[key] for one in reversed(self.phone.log) if one.get("call") == self.ident and key in one), "")
        )

    def _media(self, one: News) -> str:
        return str(one["media"]) if one.get("call") == self.ident and "media" in one else ""


class Phone:
    """A process with one SIP account."""

    def __init__(self, setup: Setup, pbx: str, voice: int, recordings: Path, errors: Path) -> None:
        self.name, self.who, self.voice = setup.name, setup.who, voice
        self.log: list[News] = []
        self._pbx, self._recordings = pbx, recordings
        self._taken: set[int] = set()
        self._tickets = 0
        self._news = threading.Condition()
        with errors.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.live.phone_process", json.dumps(asdict(setup))],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.wait(lambda one: bool(one.get("ready")), f"{self.name} starts", 15)
            if setup.registrar:
                self.wait(lambda one: one.get("registered") is True, f"{self.name} registers")
        except MissingError:
            self.stop()
            raise
        self.manner("ring")

    @property
    def rang(self) -> bool:
        with self._news:
            asked = {one["call"] for one in self.log if one.get("state") == "ASKED"}
            return any(one.get("state") == "EARLY" and one["call"] in asked for one in self.log)

    def order(self, **order: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def wait(self, match: Callable[[News], bool], what: str, timeout: float = 10, since: int = 0) -> News:
        """The first news that match."""
        found: list[News] = []

        def there() -> bool:
            found[:] = [one for one in self.log[since:] if match(one)][:1]
            return bool(found)

        with self._news:
            if not self._news.wait_for(there, timeout):
                errors = [one for one in self.log if "error" in one][-2:]
                raise MissingError(f"{what}: did not happen within {timeout:.0f} s; {errors}")
        return found[0]

    def until(self, reached: Callable[[], bool], timeout: float) -> bool:
        """Waits until something is so, as this phone's news tell. Returns whether it is."""
        with self._news:
            return self._news.wait_for(reached, timeout)

    def lines(self, uri: str = "") -> list[Leg]:
        """The calls that are not over, the oldest first. uri: what those that came in were sent to begins so."""
        with self._news:
            over = {one["call"] for one in self.log if one.get("state") == "DISCONNECTED"}
            begun = [one for one in self.log if one.get("state") in ("ASKED", "DIALLING") and one["call"] not in over]
            return [Leg(self, one["call"], self.who) for one in begun if str(one.get("uri", uri)).startswith(uri)]

    def expecting(self, match: Callable[[News], bool], what: str, timeout: float = 10) -> "Expectation":
        """A block: at its end it waits for news that came after its beginning."""
        return Expectation(self, match, what, timeout)

    def uri(self, number: str) -> str:
        return number if number.startswith("sip:") else f"sip:{number}@{self._pbx}"

    def recording(self, who: str) -> str:
        """The process fills in the number of the call."""
        return str(self._recordings / f"{who}-{self.name}-{{0}}.wav")

    def dials(self, number: str, who: str = "", voice: int = 0) -> Leg:
        self._tickets += 1
        ticket, who = self._tickets, who or self.who
        self.order(do="call", to=self.uri(number), tone=voice or self.voice, wav=self.recording(who), ticket=ticket)
        return self._leg(self.wait(lambda one: one.get("ticket") == ticket, f"{who} dials"), who)

    def rings(self, timeout: float = 10, uri: str = "") -> Leg:
        """Waits for an incoming call that nobody in the story has taken up yet."""
        news = self.wait(
            lambda one: one.get("state") == "ASKED" and one["call"] not in self._taken and uri in one["uri"],
            f"{self.name} rings",
            timeout,
        )
        return self._leg(news, self.who)

    def answers(self, timeout: float = 10) -> Leg:
        """Rings, and is picked up a moment later."""
        leg = self.rings(timeout)
        time.sleep(HESITATION)
        return leg.answers()

    def manner(self, do: str, **more: Any) -> None:
        """What it does by itself with incoming calls: ring, answer, busy, reject, forward, nothing.

        Returns when it does so: an INVITE that a console brings about is there within a millisecond.
        """
        self._tickets += 1
        ticket, manner = self._tickets, {"do": do, "tone": self.voice, "wav": self.recording(self.who), **more}
        self.order(do="manner", manner=manner, ticket=ticket)
        self.wait(lambda one: one.get("manner") == ticket, f"{self.name} learns its manner")

    def registers(self, on: bool) -> None:
        with self.expecting(lambda one: one.get("registered") is on, f"{self.name} registers: {on}"):
            self.order(do="register", on=on)

    def begin(self, recordings: Path) -> None:
        """A new scenario begins."""
        with self._news:
            self.log.clear()
            self._taken.clear()
        self._recordings = recordings
        self.manner("ring")

    def clear(self) -> None:
        """Hangs up whatever is left."""
        with self._news:
            over = {one["call"] for one in self.log if one.get("state") in ("DISCONNECTED", "CLOSED")}
            left = {one["call"] for one in self.log if "call" in one} - over
        for call in left:
            self.order(do="hangup", call=call)

    def closed(self) -> None:
        """Waits until its recordings are complete."""

        with self._news:
            calls = {one["call"] for one in self.log if "call" in one}
        for call in calls:
            self.wait(
                lambda one, call=call: one.get("call") == call and one.get("state") == "CLOSED",  # type: ignore[misc]
                f"{self.name} closes its recording",
            )

    def stop(self) -> None:
        """It ends by itself when its orders end."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _leg(self, news: News, who: str) -> Leg:
        self._taken.add(news["call"])
        return Leg(self, news["call"], who)

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                try:
                    self.log.append(json.loads(line))
                except ValueError:
                    self.log.append({"noise": line.decode(errors="replace")})
                self._news.notify_all()


class Expectation:
    def __init__(self, phone: Phone, match: Callable[[News], bool], what: str, timeout: float) -> None:
        self._phone, self._match, self._what, self._timeout = phone, match, what, timeout

    def __enter__(self) -> None:
        self._since = len(self._phone.log)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._phone.wait(self._match, self._what, self._timeout, since=self._since)
