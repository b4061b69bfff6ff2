"""Layouts: which headers Asterisk writes into an event, in which order, and whose values others can write.

Asterisk writes every header of an event in a fixed order, and every description of a channel alike (`BLOCK`, behind it
one `ChanVariable` for each of manager.conf's `channelvars`). Numbers, what was dialled and variables may hold line ends
and behind them whole headers (tried on 16 and 22); names are escaped. The orders are those of 16 and 22.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

BLOCK = (
    *("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum"),
    *("ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid"),
)
"""The description of a channel: each name has the block's prefix (`Dest`, `LocalOne` …) before it."""
VARIABLE = "ChanVariable"

NEVER, RARELY, EASILY = 0, 1, 2
"""Whether the value can hold lines that Asterisk did not write: it cannot, it is escaped as far as is known, it can."""

_WRITTEN = {
    **dict.fromkeys(("CallerIDNum", "ConnectedLineNum", "AccountCode", "Exten", VARIABLE), EASILY),
    **dict.fromkeys(("Channel", "CallerIDName", "ConnectedLineName", "Language"), RARELY),
}
_MAY_LACK = frozenset(BLOCK[4:11])
"""Headers of a block that older versions do not write. What begins and what ends a block is always there."""


@dataclass(frozen=True, slots=True)
class Item:
    """One header of a layout."""

    name: str
    written: int = NEVER
    optional: bool = False
    may_lack: bool = False
    """Optional, but never in one packet only: a version of Asterisk writes it always or never."""
    repeats: bool = False
    heads: bool = False
    """It begins a channel's description, of which nothing is known yet."""


@dataclass(frozen=True, slots=True)
class Group:
    """Headers that stand together, or a channel's description."""

    items: tuple[Item, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """An event's headers in their order."""

    groups: tuple[Group, ...]
    closing: str
    """The last header that every such event has."""
    names: frozenset[str] = field(repr=False)
    behind: frozenset[str] = field(repr=False)
    """Headers behind the last description of a channel."""
    described: bool
    """Whether it describes a channel, and nobody else can end the packet before that."""


def _item(word: str) -> Item:
    """`Name` by Asterisk; `Name~` rarely, `Name+` easily written by others; `…?` may be absent."""
    optional = word.endswith("?")
    word = word.removesuffix("?")
    written = EASILY if word.endswith("+") else RARELY if word.endswith("~") else NEVER
    return Item(word.rstrip("+~"), written, optional, may_lack=True)


def _block(prefix: str, new: bool) -> Iterator[Item]:
    for name in BLOCK:
        written, heads = _WRITTEN.get(name, NEVER), name == BLOCK[0]
        if new and name == "AccountCode":
            written = RARELY
        yield Item(prefix + name, written, may_lack=name in _MAY_LACK, heads=heads)
    # The variables of a channel that is just being born are those of the configuration; so is its account.
    yield Item(prefix + VARIABLE, RARELY if new else EASILY, optional=True, repeats=True)


def _layout(order: str, second: str = "Privilege", *, new: bool = False) -> Layout:
    """order: headers, and `{Prefix}` for the description of a channel."""
    groups = [Group((Item("Event"), Item(second), Item("Timestamp", optional=True)))]
    for word in order.split():
        if word.startswith("{"):
            prefix, _, optional = word[1:].partition("}")
            groups.append(Group(tuple(_block(prefix, new)), optional == "?"))
        else:
            groups.append(Group((_item(word),)))
    names = frozenset(item.name for group in groups for item in group.items)
    last = max((n for n, group in enumerate(groups) if len(group.items) > len(BLOCK)), default=-1)
    behind = frozenset(item.name for group in groups[last + 1 :] for item in group.items)
    always = [group for group in groups if not (group.optional or group.items[0].optional)]
    closing = [group.items[-1 - group.items[-1].repeats].name for group in always]
    first = next((n for n, group in enumerate(groups) if len(group.items) > len(BLOCK)), 0)
    described = first > 0 and not any(item.written == EASILY for group in groups[:first] for item in group.items)
    return Layout(tuple(groups), closing[-1], names, behind, described)


_BRIDGE = "BridgeUniqueid BridgeType BridgeTechnology BridgeCreator~ BridgeName+ BridgeNumChannels"

LAYOUTS = {
    "Newchannel": _layout("{}", new=True),
    "Newstate": _layout("{}"),
    "NewCallerid": _layout("{} CID-CallingPres?"),
    "HangupRequest": _layout("{} Cause? TechCause?"),
    "Hangup": _layout("{} Cause Cause-txt TechCause?"),
    "DialBegin": _layout("{}? {Dest} DialString~"),
    "DialEnd": _layout("{}? {Dest} Forward~? DialStatus"),
    "BridgeEnter": _layout(f"{_BRIDGE} BridgeVideoSourceMode {{}} SwapUniqueid?"),
    "BridgeLeave": _layout(f"{_BRIDGE} BridgeVideoSourceMode {{}}"),
    "LocalBridge": _layout("{LocalOne} {LocalTwo} Context Exten+ LocalOptimization"),
    "Hold": _layout("{} MusicClass~?"),
    "Unhold": _layout("{}"),
    "MusicOnHoldStart": _layout("{} Class~?"),
    "MusicOnHoldStop": _layout("{}"),
    "Pickup": _layout("{} {Target}"),
    "ParkedCall": _layout(
        "{Parkee} {Parker}? ParkerDialString+ Parkinglot ParkingSpace ParkingTimeout ParkingDuration"
    ),
    "UnParkedCall": _layout(
        "{Parkee} {Parker}? {Retriever} ParkerDialString+ Parkinglot ParkingSpace ParkingTimeout ParkingDuration"
    ),
    "BlindTransfer": _layout(
        "Result {Transferer} {Transferee}? BridgeUniqueid? BridgeType? BridgeTechnology? BridgeCreator~? BridgeName+? "
        "BridgeNumChannels? BridgeVideoSourceMode? IsExternal Context Extension+"
    ),
    "AttendedTransfer": _layout(
        "Result {OrigTransferer} OrigBridgeUniqueid? OrigBridgeType? OrigBridgeTechnology? OrigBridgeCreator~? "
        "OrigBridgeName+? OrigBridgeNumChannels? OrigBridgeVideoSourceMode? {SecondTransferer} "
        "SecondBridgeUniqueid? SecondBridgeType? SecondBridgeTechnology? SecondBridgeCreator~? SecondBridgeName+? "
        "SecondBridgeNumChannels? SecondBridgeVideoSourceMode? {Transferee}? {TransferTarget}? IsExternal DestType "
        "DestBridgeUniqueid? DestApp~? {LocalOne}? {LocalTwo}? DestTransfererChannel?"
    ),
    "QueueCallerJoin": _layout("{} Queue~ Position Count"),
    "AgentConnect": _layout("{} {Dest} Queue~ Interface~ MemberName~ HoldTime RingTime"),
    "ChanSpyStart": _layout("{Spyer} {Spyee}"),
    "ChanSpyStop": _layout("{Spyer} {Spyee}?"),
    "MixMonitorStart": _layout("{}"),
    "MixMonitorStop": _layout("{}"),
    "UserEvent": _layout("{} UserEvent~ recordingfile~ recchan~?"),
    "VarSet": _layout("{} Variable Value~"),
    "DTMFEnd": _layout("{} Digit DurationMs? Direction"),
    "CoreShowChannel": _layout("{} Application~ ApplicationData+ Duration BridgeId", "ActionID"),
    "BridgeListItem": _layout(f"{_BRIDGE} BridgeVideoSourceMode", "ActionID"),
}
"""By the event's name: every event that the core has a use for, and the rows of the listings."""
