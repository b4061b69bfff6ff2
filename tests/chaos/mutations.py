"""Mutations: what becomes of a capture whose bytes, packets, headers, ids and times are not what Asterisk sends."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from amibridge.ami.decode import events
from amibridge.ami.packets import END
from amibridge.ami.timeline import Timeline
from amibridge.calls import HANDLERS
from tests.replay.playing import Capture, captures, listed

Packets = list[bytes]
Mutation = Callable[[Random, Packets], None]
"""Changes the packets in place."""

LONGEST = 150
"""Packets of a mutant: a window of a longer capture."""
LISTED = (b"Event: CoreShowChannel", b"Event: BridgeList")
VALUES = (
    *(b"", b"0", b"-1", b"1", b"16", b"21", b"4294967296", b"9" * 30, b"9" * 5000, b"1e308", b"inf", b"-inf", b"nan"),
    *(b"s", b"t", b"Up", b"Down", b"Ring", b"Ringing", b"holding_bridge", b"softmix", b"Success", b"ANSWER", b"BUSY"),
    *(b"134", b"120", b"PJSIP/134", b"PJSIP/134-00000001", b"PJSIP/provider-00000001", b"Local/134@x-00000001;1"),
    *(b"Local/134@x-00000001;2", b"Local/", b";1", b"/", b"-", b"@", b":", b": ", b"<unknown>", b"+79031234504"),
    *("٣".encode(), "²".encode(), "𝟗".encode(), "Ольга".encode(), "Ольга".encode("cp1251"), b"\xed\xa0\x80", b"\xff"),
    *(b"\x00", b"\r", b"\n", b"\t", b"%0d%0a", b"'; DROP TABLE call; --", b"{}", b"x" * 10_000, b"1795290971.8-2"),
)
TIMES = (b"inf", b"-inf", b"nan", b"1e12", b"9e15", b"1e308", b"-1", b"0", b"", b"253402300800", b"1_0", b"\xff")
NAMES = tuple(name.encode() for name in HANDLERS)
ID = re.compile(rb"(?:Uniqueid|Linkedid): ([^\r]+)")
CHANNEL = re.compile(rb"Channel: ([^\r]+)")
BRIDGE = re.compile(rb"Bridge(?:Uniqueid|Id): ([^\r]+)")
STAMP = re.compile(rb"(?<=\r\nTimestamp: )[^\r]*")


@cache
def sources() -> Sequence[tuple[Capture, Sequence[bytes]]]:
    """Every capture, with those of its packets that mean something."""
    return [
        (one, [packet for packet in one.packets if packet.startswith(LISTED) or any(events([packet], Timeline()))])
        for one in (*captures(), *listed())
    ]


def window(random: Random, packets: Sequence[bytes]) -> Packets:
    """All packets, or so many in a row as a mutant may have."""
    first = random.randrange(max(1, len(packets) - LONGEST + 1))
    return list(packets[first : first + LONGEST])


# Packets


def lose(random: Random, packets: Packets) -> None:
    for _ in range(random.randint(1, 4)):
        del packets[_place(random, packets)]
        if not packets:
            return


def double(random: Random, packets: Packets) -> None:
    """Packets come again: at once, or long after."""
    for _ in range(random.randint(1, 4)):
        packet = random.choice(packets)
        packets.insert(random.randint(0, len(packets)), packet)


def move(random: Random, packets: Packets) -> None:
    for _ in range(random.randint(1, 4)):
        packet = packets.pop(_place(random, packets))
        packets.insert(random.randint(0, len(packets)), packet)


def turn_round(random: Random, packets: Packets) -> None:
    first = _place(random, packets)
    last = first + random.randint(2, 12)
    packets[first:last] = packets[first:last][::-1]


def shuffle(random: Random, packets: Packets) -> None:
    first = _place(random, packets)
    some = packets[first : first + random.randint(2, 30)]
    random.shuffle(some)
    packets[first : first + len(some)] = some


def cut_off(random: Random, packets: Packets) -> None:
    """The beginning or the end is missing."""
    place = _place(random, packets)
    packets[:] = packets[place:] if random.random() < 0.5 else packets[: place + 1]


def splice(random: Random, packets: Packets) -> None:
    """A piece of another capture, in one piece or strewn."""
    other = window(random, random.choice(sources())[1])
    place = _place(random, packets)
    if random.random() < 0.5:
        packets[place:place] = other[: random.randint(1, len(other))]
        return
    for packet in other:
        place = random.randint(place, min(len(packets), place + 4))
        packets.insert(place, packet)


def hang_up_early(random: Random, packets: Packets) -> None:
    hangups = [place for place, packet in enumerate(packets) if packet.startswith(b"Event: Hangup\r")]
    if hangups:
        packet = packets.pop(random.choice(hangups))
        packets.insert(random.randint(0, len(packets)), packet)


# Headers


def lose_header(random: Random, packets: Packets) -> None:
    place, lines = _lines(random, packets)
    del lines[random.randrange(len(lines))]
    packets[place] = b"\r\n".join(lines)


def double_header(random: Random, packets: Packets) -> None:
    """A header of another packet stands in this one too."""
    place, lines = _lines(random, packets)
    _, others = _lines(random, packets)
    lines.insert(random.randint(1, len(lines)), random.choice(others))
    packets[place] = b"\r\n".join(lines)


def put_value(random: Random, packets: Packets) -> None:
    place, lines = _lines(random, packets)
    which = random.randrange(len(lines))
    name, _, _ = lines[which].partition(b": ")
    lines[which] = name + b": " + random.choice(VALUES)
    packets[place] = b"\r\n".join(lines)


def take_value(random: Random, packets: Packets) -> None:
    """A header's value is that of the same header elsewhere, or of any other."""
    place, lines = _lines(random, packets)
    which = random.randrange(len(lines))
    name, _, _ = lines[which].partition(b": ")
    values = [
        v
        for packet in packets
        for line in packet.split(b"\r\n")
        for n, _, v in [line.partition(b": ")]
        if n == name or random.random() < 0.01
    ]
    lines[which] = name + b": " + random.choice(values or [b""])
    packets[place] = b"\r\n".join(lines)


def rename_header(random: Random, packets: Packets) -> None:
    place, lines = _lines(random, packets)
    which = random.randrange(len(lines))
    name, colon, value = lines[which].partition(b": ")
    prefix = random.choice((b"Dest", b"Target", b"Transferee", b"OrigTransferer", b"Parkee", b"Spyee", b"LocalTwo"))
    lines[which] = (name.removeprefix(prefix) if name.startswith(prefix) else prefix + name) + colon + value
    packets[place] = b"\r\n".join(lines)


def rename_event(random: Random, packets: Packets) -> None:
    place, lines = _lines(random, packets)
    lines[0] = b"Event: " + random.choice(NAMES)
    packets[place] = b"\r\n".join(lines)


def inject(random: Random, packets: Packets) -> None:
    """Lines of a caller's own behind a value, in one packet or wherever that value stands."""
    place, lines = _lines(random, packets)
    which = random.randrange(len(lines))
    _, others = _lines(random, packets)
    more = [random.choice(others) for _ in range(random.randint(1, 3))]
    if random.random() < 0.3:
        more.insert(random.randint(0, len(more)), b"")
    if random.random() < 0.3:
        more.append(b"Event: " + random.choice(NAMES) + b"\r\nPrivilege: call,all")
    if random.random() < 0.3:
        more.append(b"Timestamp: " + random.choice(TIMES))
    behind = b"\r\n".join([lines[which], *more])
    if random.random() < 0.5:
        before = lines[which]
        packets[:] = [packet.replace(before, behind) for packet in packets]
    else:
        lines[which] = behind
        packets[place] = b"\r\n".join(lines)


# Ids


def swap_ids(random: Random, packets: Packets) -> None:
    """Two channels have each other's Uniqueid from somewhere on."""
    _swap(random, packets, ID)


def swap_channels(random: Random, packets: Packets) -> None:
    _swap(random, packets, CHANNEL)


def swap_bridges(random: Random, packets: Packets) -> None:
    _swap(random, packets, BRIDGE)


def one_id_for_two(random: Random, packets: Packets) -> None:
    """Two channels, names or bridges become one from somewhere on."""
    pattern = random.choice((ID, CHANNEL, BRIDGE))
    place = _place(random, packets)
    found = _found(packets, pattern)
    if len(found) > 1:
        one, other = random.sample(found, 2)
        packets[place:] = [packet.replace(b": " + one, b": " + other) for packet in packets[place:]]


def one_linkedid_for_all(random: Random, packets: Packets) -> None:
    linkedid = random.choice(_found(packets, ID) or [b"1.1"])
    packets[:] = [re.sub(rb"Linkedid: [^\r]*", lambda _: b"Linkedid: " + linkedid, packet) for packet in packets]


# Times


def no_timestamps(random: Random, packets: Packets) -> None:
    packets[:] = [re.sub(rb"\r\nTimestamp: [^\r]*", b"", packet) for packet in packets]


def odd_timestamp(random: Random, packets: Packets) -> None:
    odd = random.choice(TIMES)
    place = _place(random, packets)
    packets[place] = STAMP.sub(lambda _: odd, packets[place])


def step_clock(random: Random, packets: Packets) -> None:
    """The PBX's clock is set, by seconds or by years."""
    step = random.choice((-1, 1)) * random.choice((0.5, 3, 60, 3600, 86_400 * 3, 1e9, 1e11, 1e13))
    place = _place(random, packets)
    packets[place:] = [STAMP.sub(lambda found: b"%.6f" % (_number(found[0]) + step), one) for one in packets[place:]]


# Bytes


def flip_bits(random: Random, packets: Packets) -> None:
    for _ in range(random.randint(1, 10)):
        place = _place(random, packets)
        if packets[place]:
            changed = bytearray(packets[place])
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
            packets[place] = bytes(changed)


def lose_bytes(random: Random, packets: Packets) -> None:
    """Some are missing, perhaps with the end of a packet among them."""
    place = _place(random, packets)
    both = END.join(packets[place : place + 2])
    first = random.randrange(len(both) + 1)
    packets[place : place + 2] = [both[:first] + both[first + random.randint(1, 40) :]]


def put_bytes(random: Random, packets: Packets) -> None:
    place = _place(random, packets)
    first = random.randrange(len(packets[place]) + 1)
    more = random.choice((random.randbytes(random.randint(1, 30)), b"\r\n", END, b"\n", b"\r", random.choice(VALUES)))
    packets[place] = packets[place][:first] + more + packets[place][first:]


MUTATIONS: Sequence[Mutation] = (
    *(lose, double, move, turn_round, shuffle, cut_off, splice, hang_up_early),
    *(lose_header, double_header, put_value, take_value, rename_header, rename_event, inject, inject),
    *(swap_ids, swap_channels, swap_bridges, one_id_for_two, one_linkedid_for_all),
    *(no_timestamps, odd_timestamp, step_clock),
    *(flip_bits, lose_bytes, put_bytes),
)


def _place(random: Random, packets: Packets) -> int:
    return random.randrange(len(packets))


def _lines(random: Random, packets: Packets) -> tuple[int, list[bytes]]:
    """Some packet's place and lines."""
    place = _place(random, packets)
    return place, packets[place].split(b"\r\n")


def _found(packets: Packets, pattern: re.Pattern[bytes]) -> list[bytes]:
    """What the pattern finds, each once, in order."""
    return list(dict.fromkeys(found for packet in packets for found in pattern.findall(packet)))


def _swap(random: Random, packets: Packets, pattern: re.Pattern[bytes]) -> None:
    found = _found(packets, pattern)
    if len(found) > 1:
        one, other = random.sample(found, 2)
        place = _place(random, packets)
        both = re.compile(b": (" + re.escape(one) + b"|" + re.escape(other) + rb")(?=\r\n|$)")
        turned = {one: other, other: one}
        packets[place:] = [both.sub(lambda match: b": " + turned[match[1]], packet) for packet in packets[place:]]


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
