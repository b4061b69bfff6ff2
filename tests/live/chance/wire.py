"""What the PBX sends to each phone, taken from the loopback: the sound itself, with the kernel's time of each packet.

A phone's own recording tells less: its buffer fills first, and it is deaf for as long as the PBX sets the times of a
stream back (pjsua2 does not notice the new SSRC of an answer that follows on a ringing tone).
"""

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass

ETHERNET, IP, UDP, RTP = 14, 20, 8, 12
"""Lengths of headers; the PBX sends no options and no extensions."""
PCMU = 0
ALL_PROTOCOLS = 3
SO_TIMESTAMPNS = 35


@dataclass(frozen=True, slots=True)
class Packet:
    """20 ms of sound (PCMU) that came to a port. at: seconds since the epoch."""

    at: float
    port: int
    sound: bytes


class Wire:
    """A context manager. ports: of the phones' sound."""

    def __init__(self, ports: range) -> None:
        self.packets: list[Packet] = []
        """All that has come since the last time that somebody emptied it."""
        self._ports = ports
        self._ended = False

    def __enter__(self) -> "Wire":
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.5)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._ended:
            with suppress(TimeoutError):
                data, ancillary, _, address = self._socket.recvmsg(2048, 64)
                if address[2] != socket.PACKET_OUTGOING:
                    self._take(data, ancillary[0][2])

    def _take(self, data: bytes, time: bytes) -> None:
        if len(data) <= ETHERNET + IP + UDP + RTP or data[ETHERNET + 9] != socket.IPPROTO_UDP:
            return
        (port,) = struct.unpack_from(">H", data, ETHERNET + IP + 2)
        kind, payload = data[ETHERNET + IP + UDP], data[ETHERNET + IP + UDP + 1] & 0x7F
        if port in self._ports and kind == 0x80 and payload == PCMU:
            whole, nano = struct.unpack("@qq", time)
            self.packets.append(Packet(whole + nano / 1e9, port, data[ETHERNET + IP + UDP + RTP :]))
