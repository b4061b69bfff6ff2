"""`python -m tests.bench.crowds [MEMBERS …]`: cost of an event among ever more who hear each other, or who never leave.

A conference of clients with one colleague, one of colleagues with one client, a chain of Local pairs, and channels
whose Hangup never comes. Each cost is printed as a ratio against the smallest number in the same run.
"""

import sys
import time
from collections.abc import Callable, Sequence

from amibridge.calls import Calls, Event, Headers, Patience
from tests.unit.event_tables import office

EPOCH = 1_800_000_000.0
FIRST = 10_000
"""The smallest extension: each colleague has one."""


class Crowd:
    """A core that is fed with events made here; what they cost is counted while `counting`."""

    def __init__(self) -> None:
        self.core = Calls("lab", office(numbers={"internal": r"\d{5}"}), Patience(forget_after=3600.0))
        self.at = EPOCH
        self.spent, self.events, self.longest = 0.0, 0, 0.0

    def tell(self, name: str, channel: str, uid: int, **headers: str) -> None:
        self.at += 0.001
        lines = {"Event": name, "Channel": channel, "ChannelStateDesc": "Up", **headers}
        lines |= {"Uniqueid": f"{EPOCH:.0f}.{uid}", "Linkedid": f"{EPOCH:.0f}.{uid}"}
        self.apply(Event(name, self.at, self.at, Headers.of(lines)))

    def pair(self, one: str, one_uid: int, two: str, two_uid: int) -> None:
        self.at += 0.001
        names = {"LocalOneChannel": one, "LocalTwoChannel": two, "LocalOneChannelStateDesc": "Up"}
        names |= {"LocalOneUniqueid": f"{EPOCH:.0f}.{one_uid}", "LocalTwoUniqueid": f"{EPOCH:.0f}.{two_uid}"}
        self.apply(Event("LocalBridge", self.at, self.at, Headers.of({"Event": "LocalBridge", **names})))

    def apply(self, event: Event) -> None:
        began = time.perf_counter()
        self.core.apply(event)
        took = time.perf_counter() - began
        self.spent, self.events, self.longest = self.spent + took, self.events + 1, max(self.longest, took)

    def comes(self, device: str, uid: int, number: str) -> str:
        """A channel of this device begins a call and enters the room. Returns its name."""
        name = f"{device}-{uid:08x}"
        self.tell("Newchannel", name, uid, ChannelStateDesc="Ring", CallerIDNum=number, Exten="74950000002")
        self.enters(name, uid)
        return name

    def client(self, uid: int) -> str:
        return self.comes("PJSIP/provider", uid, f"7903{uid:07d}")

    def colleague(self, uid: int) -> str:
        return self.comes(f"PJSIP/{FIRST + uid}", uid, str(FIRST + uid))

    def enters(self, channel: str, uid: int, bridge: str = "room") -> None:
        self.tell("Newstate", channel, uid)
        self.tell("BridgeEnter", channel, uid, BridgeUniqueid=bridge, BridgeTechnology="softmix")

    def leaves(self, channel: str, uid: int, bridge: str = "room") -> None:
        self.tell("BridgeLeave", channel, uid, BridgeUniqueid=bridge)
        self.tell("Hangup", channel, uid, Cause="16")


def all_hold_and_go(crowd: Crowd, names: list[str]) -> Crowd:
    """Those who have come, from uid 2 on, hold once each, and go."""
    for uid, name in enumerate(names, 2):
        crowd.tell("Hold", name, uid)
    for uid, name in enumerate(names, 2):
        crowd.leaves(name, uid)
    return crowd


def clients(members: int) -> Crowd:
    crowd = Crowd()
    crowd.colleague(1)
    return all_hold_and_go(crowd, [crowd.client(uid) for uid in range(2, members + 2)])


def colleagues(members: int) -> Crowd:
    crowd = Crowd()
    crowd.client(1)
    return all_hold_and_go(crowd, [crowd.colleague(uid) for uid in range(2, members + 2)])


def colleagues_alone(members: int) -> Crowd:
    crowd = Crowd()
    return all_hold_and_go(crowd, [crowd.colleague(uid) for uid in range(2, members + 2)])


def chain(members: int) -> Crowd:
    """A client at one end, a colleague at the other, Local pairs between them; then it falls from the client's end."""
    crowd = Crowd()
    crowd.client(1)
    halves = [
        (f"Local/{n}@all-{n:08x};1", 10 + 2 * n, f"Local/{n}@all-{n:08x};2", 11 + 2 * n, n) for n in range(members)
    ]
    for one, one_uid, two, two_uid, n in halves:
        crowd.tell("Newchannel", one, one_uid)
        crowd.tell("Newchannel", two, two_uid)
        crowd.pair(one, one_uid, two, two_uid)
        crowd.enters(one, one_uid, f"b{n}" if n else "room")
        crowd.enters(two, two_uid, f"b{n + 1}")
    crowd.tell("Newchannel", "PJSIP/134-1", 3, ChannelStateDesc="Ring", CallerIDNum="134")
    crowd.enters("PJSIP/134-1", 3, f"b{members}")
    for one, one_uid, two, two_uid, n in halves:
        crowd.leaves(one, one_uid, f"b{n}" if n else "room")
        crowd.leaves(two, two_uid, f"b{n + 1}")
    return crowd


def endless(members: int) -> Crowd:
    """Calls whose end is never told, until all are forgotten."""
    crowd = Crowd()
    for uid in range(1, members + 1):
        crowd.tell(
            "Newchannel", f"PJSIP/provider-{uid:08x}", uid, ChannelStateDesc="Ring", CallerIDNum=f"7903{uid:07d}"
        )
    began = time.perf_counter()
    crowd.core.advance(crowd.at + 10 * 3600)
    crowd.spent += time.perf_counter() - began
    return crowd


CROWDS: dict[str, Callable[[int], Crowd]] = {
    "clients and one colleague": clients,
    "colleagues and one client": colleagues,
    "colleagues alone": colleagues_alone,
    "Local pairs in a chain": chain,
    "channels without an end": endless,
}


def main(numbers: Sequence[int]) -> None:
    for what, play in CROWDS.items():
        first = 0.0
        for members in numbers:
            repeats = max(1, 1_000 // members)
            crowds = [play(members) for _ in range(repeats)]
            each = sum(crowd.spent for crowd in crowds) / sum(crowd.events for crowd in crowds)
            first = first or each
            longest = max(crowd.longest for crowd in crowds)
            print(
                f"{members:>6,} {what}: {each * 1e6:.1f} µs an event ({each / first:.2f} of the first),"
                f" the longest {longest * 1e3:.2f} ms"
            )


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or [10, 100, 1_000, 10_000])
