"""Those outside."""

import time
from typing import TYPE_CHECKING

from tests.live.phones import HESITATION, Leg, Phone

if TYPE_CHECKING:
    from tests.live.scene import Scene


class Client:
    """Somebody outside, known by a number; the provider's phone rings for all of them."""

    def __init__(self, scene: "Scene", number: str, voice: int) -> None:
        self.number, self.voice = number, voice
        self._scene = scene
        self._phone: Phone | None = None

    def calls(self, did: str, via: str = "127.0.0.2", pbx: int | None = None) -> Leg:
        """`via` is the address of the trunk, `pbx` the port of another channel driver."""
        if self._phone is None:
            self._phone = self._scene.new_phone(
                f"out{self.number}", self.number, via, f"<sip:{self.number}@{via}>", self.voice, pbx=pbx
            )
        return self._phone.dials(did)

    def rings(self, timeout: float = 15) -> Leg:
        """The provider rings this number."""
        leg = self._scene.network.rings(timeout, uri=f"sip:{self.number}@")
        leg.who = self.number
        return leg

    def answers(self, timeout: float = 15) -> Leg:
        leg = self.rings(timeout)
        time.sleep(HESITATION)
        leg.replies(200, tone=self.voice, wav=self._scene.network.recording(self.number))
        return leg.talks()
