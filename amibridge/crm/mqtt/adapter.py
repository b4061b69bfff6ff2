"""The adapter of one broker: each PBX has a connection and topics of its own."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from amibridge.calls import Command, CommandType
from amibridge.crm.interface import Answer, Capabilities, Memory, Repeat
from amibridge.crm.mqtt.pbx import PbxOnBroker, pbx_of
from amibridge.crm.mqtt.settings import MqttSettings, arguments
from amibridge.crm.mqtt.topics import below
from amibridge.crm.mqtt.trial import trial


class Mqtt:
    """The adapter of one broker. Whoever keeps a message's property `key` takes nothing twice.

    opened: the `card.open` commands whose cards were shown by the life before, and the seconds since each was told.
    warn: hears what somebody should see to, and of which PBX; None: it is over.
    Raises ValueError for settings that no broker can be reached with.
    """

    def __init__(
        self,
        settings: MqttSettings,
        opened: Sequence[tuple[Command, float]] = (),
        warn: Callable[[str, str | None], None] = lambda pbx, what: None,
    ) -> None:
        self.name = settings.name
        self.capabilities = Capabilities(can_close=True, repeat=dict.fromkeys(CommandType, Repeat.SAFE))
        self._settings = settings
        self._arguments = arguments(settings)
        self._pbxs = {pbx: PbxOnBroker(settings, self._arguments, pbx, partial(warn, pbx)) for pbx in settings.pbxs}
        for command, age in opened:
            self._whose(command).opens(command, age)
        self._starting = asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        for pbx in self._pbxs.values():
            pbx.connection.start()

    def _whose(self, command: Command) -> PbxOnBroker:
        # What is left of a PBX that is configured no more goes out over another one's connection.
        return self._pbxs.get(pbx_of(command)) or next(iter(self._pbxs.values()))

    async def send(self, command: Command, memory: Memory, *, repeated: bool) -> Answer:
        self._start()
        return await self._whose(command).send(command)

    async def probe(self) -> Sequence[str]:
        """Tries each right. An adapter made for that alone never says that a PBX is online."""
        self._starting.cancel()
        return await trial(self._arguments, [below(self._settings.prefix, pbx) for pbx in self._pbxs])

    async def close(self) -> None:
        self._starting.cancel()
        await asyncio.gather(*(pbx.close() for pbx in self._pbxs.values()))
