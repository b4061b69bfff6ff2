"""One scenario while it is played: who is there, what happens, and what is true of it."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.live import hearing
from tests.live.asterisk import EXTENSIONS, HOST
from tests.live.errors import MissingError
from tests.live.lab import PROVIDER, Lab
from tests.live.manager import Event, Manager
from tests.live.people import Client
from tests.live.phones import Leg, Phone
from tests.live.raw_caller import RawCaller

TALK = 1.5
"""Seconds that a talk lasts."""
SETTLING = 15.0
"""Seconds after which whatever still stands is hung up."""
STALE = 0.5
"""Seconds after which a listing is asked for again."""


class Scene:
    def __init__(self, lab: Lab, name: str, guests: Sequence[Phone] = ()) -> None:
        """guests: phones of people outside that stay for the next scene."""
        self.host, self.port, self.ports = HOST, lab.ports.sip, lab.ports
        self.network, self.telling = lab.network, lab.telling
        self.recorder: Manager | None = None
        self.truth: list[dict[str, Any]] = []
        self.aside: set[str] = set()
        """Extensions that the check by ear leaves out."""
        self.voices: dict[str, int] = {}
        """The clients' tones."""
        self.recordings = _emptied(lab.scratch / "recordings" / name)
        self._lab = lab
        self._guests, self._visitors = guests, list[Phone]()
        self._raw_callers: list[RawCaller] = []
        for phone in [*lab.phones.values(), lab.network, *guests]:
            phone.begin(self.recordings)
        self._mark = lab.driver.mark()

    # ------------------------------------------------------------------ people
    def phone(self, extension: str) -> Phone:
        return self._lab.phones[extension]

    def chansip_phone(self, extension: str) -> Phone:
        """A second phone of hers, SIP/134."""
        voice = self._lab.phones[extension].voice
        phone = self._lab.phone_of(extension, voice, f"sip{extension}", self.ports.chansip, self.recordings)
        self._visitors.append(phone)
        return phone

    def new_phone(
        self, name: str, who: str, bind: str, identity: str, voice: int = 0, port: int = 0, pbx: int | None = None
    ) -> Phone:
        """Somebody's phone outside."""
        phone = self._lab.start_phone(name, who, bind, identity, voice, self.recordings, port=port, pbx=pbx)
        self._visitors.append(phone)
        return phone

    def client(self, number: str) -> Client:
        voice = self.voices.setdefault(number, hearing.TONES[len(EXTENSIONS) + len(self.voices)])
        return Client(self, number, voice)

    def raw(self, sender: bytes, did: str) -> RawCaller:
        caller = RawCaller(PROVIDER, (self.host, self.port), sender, did)
        self._raw_callers.append(caller)
        return caller

    # ------------------------------------------------------------------ what happens
    def talk(self, seconds: float = TALK) -> None:
        """Time of the story."""
        time.sleep(seconds)

    def sees(self, event: str, timeout: float = 10, **fields: str) -> Event:
        """Waits for an event of this scenario that was not waited for before; `*` matches, `|` separates."""
        return self._lab.driver.wait(event, self._mark, timeout, **fields)

    @property
    def events(self) -> list[Event]:
        """All of this scenario so far."""
        return self._lab.driver.events[self._mark :]

    def bridged(self, *devices: str) -> None:
        for device in devices:
            self.sees("BridgeEnter", Channel=f"{device}-*")

    def channel(self, device: str) -> str:
        """The name of the newest channel of a device in this scenario."""
        for event in reversed(self.events):
            if event.name == "Newchannel" and event.get("Channel").startswith(f"{device}-"):
                return event.get("Channel")
        raise MissingError(f"no channel of {device}")

    def does(self, action: str, **fields: str | list[str]) -> dict[str, str]:
        """An operator's console."""
        return self._lab.driver.action(action, **fields)

    def presses(self, leg: Leg, digits: str, device: str, timeout: float = 10) -> None:
        """Digits by SIP INFO, each after the PBX has understood the one before."""
        for digit in digits:
            leg.digit(digit)
            self.sees("DTMFEnd", timeout, Channel=f"{device}-*", Digit=digit, Direction="Received")

    def connect_recorder(self) -> Manager:
        self.recorder = Manager(HOST, self.ports.ami, "recorder", "lab-recorder")
        self.recorder.wait("FullyBooted")
        return self.recorder

    # ------------------------------------------------------------------ what is true
    def call(
        self,
        client: str | Client | None,
        did: str | None,
        talked: list[str] | None = None,
        rang: list[str] | None = None,
        transfers: list[tuple[str, str]] | None = None,
        consulted: list[str] | None = None,
        direction: str = "inbound",
        **more: Any,
    ) -> None:
        """A call with somebody outside.

        `talked`: who talked to the client, in order. `open`: what may be told otherwise, too.
        """
        number = client.number if isinstance(client, Client) else client
        call = {
            "direction": direction,
            "client": f"+{number}" if number and re.fullmatch(r"\d{11}", number) else number,
            "did": did,
            "answered": bool(talked),
            "participants": talked or [],
            "rang": sorted(rang or []),
            "consulted": consulted or [],
            "transfers": [list(transfer) for transfer in transfers or []],
        }
        self.truth.append(call | more)

    def outbound(self, client: str | Client, talked: list[str] | None = None, **more: Any) -> None:
        self.call(client, None, talked, direction="outbound", **more)

    def aside_from(self, *extensions: str) -> None:
        """These are heard, or ring, without taking part."""
        self.aside |= set(extensions)

    # ------------------------------------------------------------------ the end
    def clear(self, settling: float = SETTLING) -> None:
        """Everybody hangs up; returns when the PBX has no channel left and the recordings are complete.

        What is left after so many seconds is hung up by the console, and MissingError tells of it.
        """
        deadline = time.monotonic() + settling
        while True:
            for phone in self._phones():  # each time: the PBX may ring somebody once more
                phone.clear()
            mark = self._lab.driver.mark()
            if not (left := self._channels()):
                for phone in self._phones():
                    phone.closed()
                return
            if time.monotonic() > deadline:
                break
            # A listing may show a channel whose end has been told before it: then there is nothing to wait for.
            with suppress(MissingError):
                self._lab.driver.wait("Hangup", mark, STALE)
        for channel in left:
            self.does("Hangup", Channel=channel)
            self._lab.driver.wait("Hangup", mark, Channel=channel)
        raise MissingError(f"nobody hung up {', '.join(left)}")

    def rang(self) -> set[str]:
        """The extensions whose phones rang."""
        return {phone.who for phone in self._phones() if phone.rang and phone.who in self._lab.phones}

    def close(self) -> None:
        for phone in self._visitors:
            phone.stop()
        for caller in self._raw_callers:
            caller.close()
        if self.recorder:
            self.recorder.await_silence(0.5, 5)
            self.recorder.close()

    def _phones(self) -> list[Phone]:
        return [*self._lab.phones.values(), *self._guests, *self._visitors, self.network]

    def _channels(self) -> list[str]:
        driver = self._lab.driver
        mark = driver.mark()
        driver.action("CoreShowChannels")
        driver.wait("CoreShowChannelsComplete", mark)
        return [event.get("Channel") for event in driver.events[mark:] if event.name == "CoreShowChannel"]


def _emptied(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    return folder
