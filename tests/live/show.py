"""`python -m tests.live.show CAPTURE...`: the events of a capture that say something, one a line."""

import lzma
import re
import sys
from pathlib import Path

KEPT = re.compile(
    r"Newchannel|Newstate|Rename|Hangup|\w+HangupRequest|Dial\w+|Bridge(Create|Enter|Leave|Destroy|Merge)|Local\w+"
    r"|Hold|Unhold|MusicOnHold\w+|\w+Transfer|\w*Park\w+|Pickup|ChanSpy\w+|Confbridge(Join|Leave|Mute)"
    r"|Agent(Called|Connect|Complete|RingNoAnswer)|QueueCaller\w+|OriginateResponse|CoreShowChannel"
)
SHOWN = re.compile(
    r"ChannelStateDesc|Dest(Channel|Uniqueid|UniqueId|Type|TransfererChannel)|DialString|DialStatus|Linkedid|Cause"
    r"|(To|From)?BridgeUniqueid|BridgeTechnology|BridgeNumChannels|SwapUniqueid|Result|TransferType|Extension|Success"
    r"|(Orig|Second)?Transfere[re]Channel|TransferTargetChannel|Local(One|Two)Channel|(Source|Target|Retriever)Channel"
    r"|ParkeeChannel|ParkerDialString|ParkingSpace|Spye[re]Channel|Class|Member|Interface"
)


def lines(capture: Path) -> list[str]:
    data = capture.read_bytes()
    shown: list[str] = []
    began = 0.0
    for packet in (lzma.decompress(data) if capture.suffix == ".xz" else data).split(b"\r\n\r\n"):
        fields: dict[str, str] = {}
        for line in packet.decode("utf-8", "replace").split("\r\n"):
            key, _, value = line.partition(": ")
            fields.setdefault(key, value)
        if KEPT.fullmatch(fields.get("Event", "")):
            at = float(fields.get("Timestamp", "0"))
            began = began or at
            shown.append(f"{at - began:7.3f} {_line(fields)}")
    return shown


def _line(fields: dict[str, str]) -> str:
    rest = [
        f"{key.replace('Channel', 'Ch').replace('Bridge', 'Br')}={_short(key, value)}"
        for key, value in fields.items()
        if value and SHOWN.fullmatch(key)
    ]
    ident = _short("Uniqueid", fields.get("Uniqueid", ""))
    return f"{fields['Event']:22} {fields.get('Channel', ''):34} {ident:5} {' '.join(rest)}"


def _short(key: str, value: str) -> str:
    if key.endswith("BridgeUniqueid"):
        return value[:8]
    return value[value.rfind(".") :] if key.lower().endswith(("uniqueid", "linkedid")) else value


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"== {name}", *lines(Path(name)), sep="\n")
