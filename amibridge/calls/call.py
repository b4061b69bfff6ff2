"""What happened around one client: the call, the legs that belong to it, and each extension's part in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from amibridge.calls.channel import Channel
from amibridge.calls.outputs import Fact, Finding
from amibridge.calls.who import Directory, Kind

TRAIL_LIMIT = 400
"""Facts kept of one call: a conference that lasts a week must not fill the memory."""


@dataclass(slots=True, eq=False)
class Leg:
    """One channel's belonging to one call, and how its dialling ended."""

    channel: Channel
    extension: str | None
    at: float
    called: bool
    """The PBX dialled it; otherwise it came by itself (a pickup, a retrieval, a conference)."""
    by_client: bool
    """Dialled from the client's side: by the client's channel in the dialplan, or by a leg that it dialled."""
    rang: bool = False
    dial_status: str | None = None
    cause: int | None = None
    taken_by: str | None = None
    """The extension that picked this ringing leg up."""
    ended_at: float | None = None
    unseen: bool = False
    """It must have talked, and the stream did not show it (`lacking`)."""


@dataclass(slots=True, eq=False)
class Card:
    """The card of one extension in one call."""

    openings: int = 0
    closings: int = 0
    is_open: bool = False
    order: int = 0
    """Its place among all cards by when they first opened; `first_opened` tells that to people."""
    first_opened: float | None = None
    last_closed: float | None = None
    for_ringing: bool = False
    """Open because the phone rings; nobody has talked yet."""
    due_at: float | None = None
    """When `min_talk_seconds` or the settling of a ring group lets it open."""
    withheld: str | None = None
    """Why it has not opened, although something happened that cards open for; begins with the setting's name."""


@dataclass(slots=True, eq=False)
class Part:
    """One extension's part in one call."""

    extension: str
    rang_at: float | None = None
    dialled_at: float | None = None
    supervised: bool = False
    spying: bool = False
    consulted: str | None = None
    """How it was consulted: the evidence."""
    ringing: dict[Leg, None] = field(default_factory=dict)
    """Its legs that ring now."""
    talks: dict[Channel, None] = field(default_factory=dict)
    """Its channels that are in conversation with the client now."""
    talk_order: int | None = None
    """Its place in the order of first talk."""
    first_from: float | None = None
    first_wall: float = 0.0
    last_wall: float = 0.0
    talk_from: float = 0.0
    talked: float = 0.0
    """Seconds of closed talk; `talk_from` began the open one."""
    device: str = ""
    mobile_only: bool = True
    unverified: bool = True
    """So far nothing but the number that a caller showed says that it talked."""
    key_pressed: bool = False
    ties: dict[Channel, None] = field(default_factory=dict)
    """Its channels that have talked to the client and are still on this call: the card stays while there is one."""
    card: Card = field(default_factory=Card)
    finding: Finding | None = None

    @property
    def participant(self) -> bool:
        return self.first_from is not None

    @property
    def unconfirmed(self) -> bool:
        """It talked only through a mobile on which nobody pressed a key: perhaps the operator's voicemail."""
        return self.mobile_only and not self.key_pressed

    def seconds(self, at: float) -> float:
        """Seconds of talk up to `at`."""
        return self.talked + (max(0.0, at - self.talk_from) if self.talks else 0.0)


@dataclass(slots=True)
class Handover:
    """A transfer under way: who hands the client over, and how."""

    by: str
    kind: str
    phones: tuple[Channel, ...]
    """The transferer's channels: on their way out they may hear the client for a last moment."""


@dataclass(slots=True, eq=False)
class Call:
    """A client's call, or (while `client` is None) what colleagues do among themselves."""

    directory: Directory
    """The map in force when the call began."""
    began_wall: float
    last_at: float
    """When anything was last heard of it."""
    order: int = 0
    """Its place among all calls by when they began."""
    call_id: str | None = None
    """Frozen when the client's channel is first seen. A call between colleagues gets its own when it is recorded."""
    linkedid: str = ""
    anchor: Channel | None = None
    """The client's channel; between colleagues the first person's."""
    client: bool = False
    outbound: bool = False
    client_raw: str | None = None
    client_number: str | None = None
    client_name: str | None = None
    did: str | None = None
    did_sure: bool = True
    """The trunk delivered a number. Otherwise the dialplan may know better than `s` or `account77`."""
    line: str | None = None
    queue: str | None = None
    queue_number: str | None = None
    """The number that was dialled for the queue, where it has another id (`QUEUE-…`)."""
    queue_connected: bool = False
    route: list[str] = field(default_factory=list)
    origin: Channel | None = None
    """The channel whose dialling made this call: the colleague's phone, or the Local channel of a click."""
    initiator: str | None = None
    reached: bool = False
    """The client's own channel has been Up."""
    proves_answer: bool = True
    excluded: str | None = None
    announced: bool = False
    """`call.started` went out."""
    legs: dict[str, Leg] = field(default_factory=dict)
    here: int = 0
    """How many channels are on this call now: those whose `calls` hold it."""
    parts: dict[str, Part] = field(default_factory=dict)
    ringing: dict[str, Part] = field(default_factory=dict)
    """The parts whose phones ring now, by extension."""
    aside: dict[str, Part] = field(default_factory=dict)
    """The parts that somebody else's talk may concern: whose card shows a ringing, or who had the client and is still
    on this call. By extension."""
    talking: dict[Channel, None] = field(default_factory=dict)
    """The device channels in conversation with the anchor now."""
    participants: int = 0
    handover: Handover | None = None
    transfers: list[tuple[str, str, str]] = field(default_factory=list)
    third_parties: dict[str, None] = field(default_factory=dict)
    linked: dict[str, None] = field(default_factory=dict)
    """Ids of other clients' calls."""
    machine: str | None = None
    recorded: dict[Channel, None] = field(default_factory=dict)
    """Its channels whose recording has not heard the client yet."""
    recordings: dict[str, None] = field(default_factory=dict)
    trail: list[Fact] = field(default_factory=list)
    partial: bool = False
    lacks_events: bool = False
    """Somebody of it must have talked, and the stream did not show it."""
    fault: str | None = None
    """The first of our own exceptions that may have spoilt it (`faults`)."""
    ended_at: float | None = None
    ended_wall: float = 0.0

    @property
    def id(self) -> str:
        if self.call_id is None:
            raise ValueError("a call between colleagues has no id before it is recorded")
        return self.call_id

    def id_or(self, give: Callable[[str], str]) -> str:
        """Its id, which a call between colleagues is given only now."""
        if self.call_id is None:
            self.call_id = give(self.linkedid)
        return self.call_id

    @property
    def live(self) -> bool:
        return self.ended_at is None

    def takes(self, channel: Channel) -> None:
        """The channel is on this call from now on."""
        if self not in channel.calls:
            channel.calls[self] = None
            self.here += 1

    def lets_go(self, channel: Channel) -> None:
        """The channel is not on this call any more."""
        if channel.calls.pop(self, 0) is None:
            self.here -= 1

    def begins_to_hear(self, channel: Channel) -> None:
        self.talking[channel] = None
        channel.heard_by[self] = None

    def hears_no_more(self, channel: Channel) -> None:
        del self.talking[channel], channel.heard_by[self]

    def hears_nobody(self) -> None:
        for channel in list(self.talking):
            self.hears_no_more(channel)

    @property
    def believed_number(self) -> str | None:
        """The client's number as E.164. A caller who shows one of the company's own is somebody else."""
        raw = self.client_raw
        if raw is None or (not self.outbound and self.directory.is_own(raw)):
            return None
        return self.directory.e164(raw)

    def part(self, extension: str) -> Part:
        """This extension's part, made on first use."""
        part = self.parts.get(extension)
        if part is None:
            part = self.parts[extension] = Part(extension)
        return part

    def part_of(self, extension: str | None) -> Part | None:
        """This extension's part, if it has one."""
        return None if extension is None else self.parts.get(extension)

    def people(self) -> Iterator[Leg]:
        """The legs behind which there is a person of the company, in the order of joining."""
        return (leg for leg in self.legs.values() if leg.extension is not None)

    def legs_by_extension(self) -> dict[str, list[Leg]]:
        """The legs of people, each extension's in the order of joining."""
        found: dict[str, list[Leg]] = {}
        for leg in self.people():
            found.setdefault(leg.extension or "", []).append(leg)
        return found

    def who_began(self) -> str | None:
        """The extension that dialled or clicked: whose phone began the call, else the first one that a click rang."""
        by_origin = self.origin.who.extension if self.origin is not None else None
        return by_origin or next((leg.extension for leg in self.people()), None)

    def note(self, wall: float, extension: str | None, text: str) -> None:
        """Adds a line of evidence. Of a trail that grows too long the beginning and the latest stay."""
        if len(self.trail) >= TRAIL_LIMIT:
            del self.trail[TRAIL_LIMIT // 2]
        self.trail.append(Fact(wall, extension, text))


def is_line(channel: Channel) -> bool:
    """Whether it is the trunk's side of somebody outside (a client or a third party)."""
    return channel.who.kind is Kind.OUTSIDE
