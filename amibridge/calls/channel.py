"""Channels and bridges as Asterisk describes them, and what can be read out of their names."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amibridge.calls.event import UNKNOWN
from amibridge.calls.who import Kind, Who

if TYPE_CHECKING:
    from amibridge.calls.call import Call

NOBODY = Who(Kind.NOBODY)


@dataclass(slots=True, eq=False)
class Bridge:
    """A mixing or a holding bridge and who is in it, in the order of entering."""

    uid: str
    holding: bool = False
    """Parking, agent pools: whoever is in it hears music, not the others."""
    consultation: bool = False
    """Made by a feature code, for a colleague who is asked before a transfer."""
    members: dict["Channel", None] = field(default_factory=dict)
    joined: "dict[Channel, Bridge]" = field(default_factory=dict)
    """The bridges that sound passes to through Local pairs, by the halves that are members here."""
    conversation: "Conversation" = field(init=False)

    def __post_init__(self) -> None:
        self.conversation = Conversation({self: None})


@dataclass(slots=True, eq=False)
class Conversation:
    """Device channels that hear each other, in the order of coming, and the bridges that join them."""

    bridges: dict[Bridge, None] = field(default_factory=dict)
    people: "dict[Channel, None]" = field(default_factory=dict)
    lines: "dict[Channel, None]" = field(default_factory=dict)
    machines: "dict[Channel, None]" = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.bridges) + len(self.people) + len(self.lines) + len(self.machines)


@dataclass(slots=True, eq=False)
class Channel:
    """One Asterisk channel, keyed by its Uniqueid.

    It is related to calls in several ways. `call` is the one that it belongs to: what it dials extends that call. With
    `anchors` it stands in the middle of one: as its client, or between colleagues as the first person. `calls` are all
    live calls it is a leg of, since in a conference of two clients one phone is heard in both. `second_line` is what it
    began while it was part of somebody else's call. `listens_to` are the calls it spies on.
    """

    uid: str
    name: str
    linkedid: str
    """The linkedid it had when it was first seen: later ones only confirm what is known by then."""
    carries: str
    """The linkedid that its last bridge showed: what it makes has that one."""
    began: bool
    """Born in state Ring: it began a call. Otherwise it was called."""
    number: str
    """The far end's number: the caller's, or the dialled one. Empty until known."""
    caller_name: str
    exten: str
    """What was dialled when the channel was born."""
    serial: int
    """Counts channels by their first sight: an older channel has a smaller one."""
    who: Who = NOBODY
    local: bool = False
    up: bool = False
    phone_holds: bool = False
    """Its phone provably put the others on hold: that goes with the channel from bridge to bridge."""
    code_holds: bool = False
    """A feature code put the others on hold for it; or a phone did, whose hold cannot be told from that."""
    unhold_at: float = 0.0
    """When its last Unhold came."""
    unheld_at: list[float] = field(default_factory=list)
    """When Unholds came that have not been believed yet."""
    moved_at: float | None = None
    """When a feature code took it into a consultation or back."""
    consults: bool = False
    """It went into a consultation that it began by a feature code, and has not come back."""
    music: bool = False
    """Music began for it while it was in no bridge (a queue, a conference that waits for its leader)."""
    held: bool = False
    """Music began for it in a bridge: somebody there put it on hold."""
    partial: bool = False
    """Not seen from its beginning."""
    last_at: float = 0.0
    bridge: Bridge | None = None
    last_bridge: Bridge | None = None
    other: "Channel | None" = None
    """The other half of a Local pair."""
    joins: Bridge | None = None
    """Of a Local half: the bridge from which sound passes to the other half's."""
    hears: Conversation | None = None
    """The conversation that it is in now."""
    heard_by: "dict[Call, None]" = field(default_factory=dict)
    """The calls whose client (or first person) hears it now."""
    dialled_by: "Channel | None" = None
    dialled: "dict[Channel, None]" = field(default_factory=dict)
    was_dialled: bool = False
    rang_at: float | None = None
    rang_wall: float = 0.0
    key_pressed: bool = False
    answered_at: float | None = None
    """When it answered somebody who was up already: what follows is a bridge, or a prompt before one."""
    connected_at: float | None = None
    """When its answer was handed on to who dialled it, or a queue had connected it: a bridge follows at once."""
    recording: str | None = None
    call: "Call | None" = None
    """The call it belongs to; what it dials extends that call."""
    anchors: "Call | None" = None
    """The call whose client (or, between colleagues, whose first person) it is."""
    second_line: "Call | None" = None
    """The call that it began while it was part of another one: a consultation."""
    calls: "dict[Call, None]" = field(default_factory=dict)
    """The live calls it is a leg of: its own, and those it has been heard in."""
    call_over: bool = False
    """The call that it belonged to has ended, and it lives on: it begins nothing new by what it still does."""
    listens_to: "list[Call]" = field(default_factory=list)
    heir: "Channel | None" = None
    """Which channel has taken its place in an application, and so in the bridge that it seems to enter from there."""
    leaving: bool = False
    """Its far end has hung up: what it still does in the PBX nobody hears."""
    gone: bool = False

    @property
    def on_hold(self) -> bool:
        """Whether its side put the others on hold."""
        return self.phone_holds or self.code_holds

    @property
    def born(self) -> float:
        """The epoch's second in its Uniqueid (behind a `systemname-`): when Asterisk made it. UNKNOWN without one."""
        second = self.uid.rpartition(".")[0].rpartition("-")[2]
        return float(second) if len(second) == 10 and second.isdecimal() else UNKNOWN

    @property
    def audible(self) -> bool:
        """Whether sound passes it: a Local half is only plumbing, a device has to be Up; nobody hears through music."""
        return (self.up or self.local) and not (self.on_hold or self.music or self.held or self.leaving)

    @property
    def device(self) -> str:
        """`PJSIP/134-0000002a` -> `PJSIP/134`."""
        return self.name.rpartition("-")[0] or self.name


def pair_name(name: str) -> str | None:
    """The name of the other half of a Local channel, or None: `Local/134@from-queue-00000003;1` -> `…;2`."""
    if name.startswith("Local/"):
        if name.endswith(";1"):
            return name[:-1] + "2"
        if name.endswith(";2"):
            return name[:-1] + "1"
    return None


def dialled_number(dial_string: str) -> str | None:
    """The number in a `DialString`, which Asterisk writes as the channel driver takes it.

    `79031234504@provider` (PJSIP), `provider/79031234504` (SIP, IAX2), `provider/sip:79031234504@host` (PJSIP with a
    URI), `g1/79031234504` (DAHDI); Queue() keeps the technology in front: `PJSIP/134`.
    """
    technology, _, rest = dial_string.partition("/")
    if rest and technology.isupper() and technology.isalnum() and "/" in rest:
        dial_string = rest
    target = dial_string.partition("/")[2] or dial_string
    for scheme in ("sip:", "sips:", "tel:"):
        if target.lower().startswith(scheme):
            target = target[len(scheme) :]
    for end in "@;!,":
        target = target.partition(end)[0]
    return target or None
