"""Everything the core remembers, and the few moves that all rooms share: finding channels, time, deadlines, ids."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan

from amibridge.calls.call import Call
from amibridge.calls.channel import Bridge, Channel
from amibridge.calls.faults import TellFault
from amibridge.calls.ids import GONE_MEMORY, Ids
from amibridge.calls.outputs import Command, CommandType, Output
from amibridge.calls.who import Directory

UP = "Up"
RING = "Ring"
RINGING = "Ringing"
HOLDING = "holding_bridge"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the core waits for what may never come; all in seconds."""

    forget_after: float = 12 * 3600.0
    """A call of which nothing was heard for so long is closed and said to have been forgotten."""
    ring_settles: float = 0.2
    """After the first ringing, the rest of a ring group has been dialled by then (`ring_sole`)."""
    unhold_settles: float = 0.1
    """After an Unhold, the transfer that Asterisk sent it for has been told by then. Busy PBXs took up to 0.05 s."""


@dataclass(frozen=True, slots=True)
class Known:
    """A call that the store knew when the daemon started: it keeps its id and its cards."""

    call_id: str
    channel: str
    """The Uniqueid of its client's channel."""
    client_raw: str | None = None
    did: str | None = None
    outbound: bool = False
    began_wall: float = 0.0
    announced: bool = True
    openings: Mapping[str, int] = field(default_factory=dict)
    """Extension to how often its card was opened."""
    opened_at: Mapping[str, float] = field(default_factory=dict)
    """Extension to when its card was first opened, epoch seconds."""
    open_cards: frozenset[str] = frozenset()
    participants: Mapping[str, float] = field(default_factory=dict)
    """Extension to when it first talked to the client, epoch seconds; in the order of first talk."""
    ended: bool = False
    """The call is over, but no other call may get its id."""


@dataclass(slots=True)
class State:
    """The picture of one PBX and the calls seen in it."""

    pbx: str
    directory: Directory
    patience: Patience
    tell_fault: TellFault | None = None
    """Who is told of the core's own exceptions; None: they are raised."""
    known: dict[str, Known] = field(default_factory=dict)
    """Calls from before a restart that have not been seen again, by their clients' channels."""
    at: float = 0.0
    wall: float = 0.0
    channels: dict[str, Channel] = field(default_factory=dict)
    names: dict[str, Channel] = field(default_factory=dict)
    """The same channels by name."""
    bridges: dict[str, Bridge] = field(default_factory=dict)
    live: dict[Call, None] = field(default_factory=dict)
    among_themselves: dict[str, dict[Call, None]] = field(default_factory=dict)
    """Extension to the calls between colleagues in which it is talking."""
    engaged: dict[str, dict[Call, None]] = field(default_factory=dict)
    """Extension to the clients' calls on which it is talking, holding or consulting."""
    out: list[Output] = field(default_factory=list)
    deadlines: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    recorders_due: list[Call] = field(default_factory=list)
    """Calls in which somebody has begun to talk, and some channel is recorded that had not heard the client before."""
    unsettled: list[Call] = field(default_factory=list)
    """Calls whose anchor has changed in the middle of a conversation: who hears it is still to be compared."""
    serial: int = 0
    channelvars: frozenset[str] = frozenset()
    """The variables that the PBX attaches to channels, as far as it has shown any."""
    shows_bridges: bool = False
    """A BridgeEnter has come on this link: the PBX is not kept from telling of bridges."""
    unbridged: int = 0
    """Calls in which somebody answered and talked for a while as it seems, and no bridge was seen."""
    watching: bool = False
    _gone: set[str] = field(default_factory=set)
    _gone_order: deque[tuple[float, str]] = field(default_factory=deque)
    ids: Ids = field(init=False)

    def __post_init__(self) -> None:
        self.ids = Ids(self.pbx)

    @property
    def timeless(self) -> bool:
        """Nothing has told any time: how long something takes cannot be known."""
        return isnan(self.wall)

    def number(self) -> int:
        """The next serial: what came first has the smaller one."""
        self.serial += 1
        return self.serial

    def add(self, channel: Channel) -> None:
        self.channels[channel.uid] = channel
        self.names[channel.name] = channel

    def remove(self, channel: Channel) -> None:
        """Takes a channel out of the picture for good."""
        channel.gone = True
        del self.channels[channel.uid]
        for dialled in channel.dialled:
            dialled.dialled_by = None
        if self.names.get(channel.name) is channel:
            del self.names[channel.name]
        if channel.dialled_by is not None:
            channel.dialled_by.dialled.pop(channel, None)
        self._gone.add(channel.uid)
        self._gone_order.append((self.at, channel.uid))
        while self._gone_order[0][0] < self.at - GONE_MEMORY:
            self._gone.discard(self._gone_order.popleft()[1])
        if not self.channels:
            self._forget_ids()

    def has_gone(self, uid: str) -> bool:
        """Whether a channel with this Uniqueid hung up a moment ago: what comes now of it is an echo."""
        return uid in self._gone

    def bridge(self, uid: str) -> Bridge:
        bridge = self.bridges.get(uid)
        if bridge is None:
            bridge = self.bridges[uid] = Bridge(uid)
        return bridge

    def enter(self, channel: Channel, bridge: Bridge) -> None:
        """A channel enters a bridge, and by that leaves the one it was in."""
        if channel.bridge is not bridge:
            self.leave(channel)
            bridge.members[channel] = None
            channel.bridge = bridge

    def leave(self, channel: Channel) -> None:
        """A channel leaves its bridge, if it is in one; an empty bridge is forgotten."""
        bridge = channel.bridge
        if bridge is not None:
            channel.bridge = None
            bridge.members.pop(channel, None)
            if not bridge.members:
                self.bridges.pop(bridge.uid, None)

    def at_deadline(self, at: float, then: Callable[[], None]) -> None:
        """Calls `then` when the line of time passes `at`."""
        heapq.heappush(self.deadlines, (at, self.number(), then))

    def is_over(self, call: Call, *, forgotten: bool) -> None:
        """The call's id may be forgotten when it cannot be given again."""
        if forgotten:
            self.ids.forgotten(call.linkedid, self.at)
        else:
            self.ids.over(call.linkedid, self.at)
        if self.ids.many:
            self._forget_ids()

    def _forget_ids(self) -> None:
        carried = {linkedid for one in self.channels.values() for linkedid in (one.linkedid, one.carries)}
        self.ids.forget(self.at, carried)

    def part_from(self, call: Call, *extensions: str) -> None:
        """These, or else all, talk no more in this call between colleagues."""
        for extension in extensions or call.parts:
            calls = self.among_themselves.get(extension)
            if calls is not None and calls.pop(call, 0) is None and not calls:
                del self.among_themselves[extension]

    def take_known(self, known: Iterable[Known]) -> None:
        """Calls from before a restart: their ids are taken, and those that were live may be found again."""
        for call in known:
            linkedid = self.ids.taken(call.call_id)
            if call.ended:
                self.ids.over(linkedid, self.at)
            else:
                self.known[call.channel] = call

    def command(
        self, call: Call, type_: CommandType, key: str, extension: str | None, data: Mapping[str, object]
    ) -> None:
        """Sends a command, unless the call was excluded before the world heard of it."""
        if call.announced:
            self.out.append(
                Command(type_, key, call.id, extension, self.at, self.wall, {"key": key, **data}),
            )
