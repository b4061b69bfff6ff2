"""What stays from scenario to scenario: an Asterisk, its phones, the outside world, a session with its manager."""

import itertools
import random
from contextlib import ExitStack
from pathlib import Path

from tests.live import hearing
from tests.live.asterisk import EXTENSIONS, HOST, Asterisk
from tests.live.manager import Manager
from tests.live.phones import Phone, Setup

PROVIDER, OFFICE = "127.0.0.2", "127.0.0.3"
"""The addresses of the provider and of the phones."""
RTP_PORTS, LASTING, VISITORS = 40, 10, 220
"""Ports a phone, lasting phones, phones of a story before the first ports are used again."""


class Lab:
    """A context manager. `scratch` takes what a look at a failure needs: recordings, the phones' logs."""

    def __init__(self, asterisk: Asterisk, scratch: Path, verbose: bool = False) -> None:
        self.ports, self.scratch, self.telling = asterisk.ports, scratch, asterisk.telling
        self.phones: dict[str, Phone] = {}
        self._asterisk, self._verbose = asterisk, verbose
        self._rtp = asterisk.ports.phones_rtp + 2 * random.randrange(100)
        self._slots = itertools.chain(range(LASTING), itertools.cycle(range(LASTING, LASTING + VISITORS)))
        self._ending = ExitStack()

    def __enter__(self) -> "Lab":
        with self._ending:
            self._ending.enter_context(self._asterisk)
            (self.scratch / "phones").mkdir(parents=True, exist_ok=True)
            self.driver = Manager(HOST, self.ports.ami, "driver", "lab-driver")
            self._ending.callback(self.driver.close)
            self.driver.wait("FullyBooted", timeout=30)
            self.version = self.driver.action("CoreSettings")["AsteriskVersion"]
            recordings = self.scratch / "recordings"
            self.network = self.start_phone(
                "network", "network", PROVIDER, f"<sip:network@{PROVIDER}>", 0, recordings, port=self.ports.provider
            )
            self._ending.callback(self.network.stop)
            for extension, voice in zip(EXTENSIONS, hearing.TONES, strict=False):
                phone = self.phone_of(extension, voice, extension, self.ports.sip, recordings)
                self._ending.callback(phone.stop)
                self.phones[extension] = phone
            self._ending = self._ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def start_phone(
        self,
        name: str,
        who: str,
        bind: str,
        identity: str,
        voice: int,
        recordings: Path,
        port: int = 0,
        registrar: str = "",
        pbx: int | None = None,
    ) -> Phone:
        logs = self.scratch / "phones"
        setup = Setup(
            name=name,
            who=who,
            bind=bind,
            identity=identity,
            rtp=self._rtp + RTP_PORTS * next(self._slots),
            port=port,
            registrar=registrar,
            log=str(logs / f"{name}.siplog") if self._verbose else "",
        )
        return Phone(setup, f"{HOST}:{pbx or self.ports.sip}", voice, recordings, logs / f"{name}.err")

    def phone_of(self, who: str, voice: int, name: str, pbx: int, recordings: Path) -> Phone:
        """A registered phone of a colleague; `pbx` is the port of PJSIP or of chan_sip."""
        return self.start_phone(
            name,
            who,
            OFFICE,
            f'"Phone {who}" <sip:{who}@{HOST}:{pbx}>',
            voice,
            recordings,
            registrar=f"sip:{HOST}:{pbx}",
            pbx=pbx,
        )
