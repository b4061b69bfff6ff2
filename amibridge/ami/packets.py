"""Packets: cutting the byte stream of a manager connection, and reading the headers of one packet.

Lines end with CR LF, a packet with an empty line; the first line of a connection is a banner with no empty line after
it. A TCP segment may end anywhere, also inside a character: bytes are cut first and decoded by whole packets.
"""

from dataclasses import dataclass, field

from amibridge.calls.headers import Headers

END = b"\r\n\r\n"
_CR = 13
_LINE = b"\r\n"
"""Some events (TestEvent of Asterisk 16 and 22) end with one empty line too many: it belongs to no packet."""
LIMIT = 1 << 20
"""Bytes of one packet. The largest real ones are a few kB; more is a fault or an attack."""


@dataclass(slots=True)
class Framer:
    """Cuts chunks of any size into whole packets, in linear time."""

    dropped: int = 0
    """Packets given up because they were over the limit."""
    _begun: bytearray = field(default_factory=bytearray)
    """The packet that is not whole yet."""
    _skipping: bool = False
    """It is over the limit: its bytes are thrown away until it ends."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The packets that this chunk completes, without their empty lines."""
        begun = self._begun
        if begun:
            # Only the seam can hold an end that neither side has whole: what lies before it is not searched again.
            seam = bytes(begun[-len(END) + 1 :]) + chunk[: len(END) - 1]
            if END not in chunk and END not in seam:
                begun += chunk
                return self._too_large()
            chunk = bytes(begun) + chunk
        packets = chunk.split(END)
        begun[:] = packets.pop()
        if self._skipping:
            self._skipping = False
            del packets[0]
        if [packet for packet in packets if not packet or packet[0] == _CR]:
            packets = [stripped for packet in packets if (stripped := packet.strip(_LINE))]
        if len(chunk) > LIMIT:
            whole = len(packets)
            packets = [packet for packet in packets if len(packet) <= LIMIT]
            self.dropped += whole - len(packets)
        if begun:
            self._too_large()
        return packets

    def rest(self) -> bytes:
        """What has come of a packet that is not whole yet."""
        return b"" if self._skipping else bytes(self._begun)

    def _too_large(self) -> list[bytes]:
        """Gives a packet up that has become too large. No packet is whole by that."""
        if len(self._begun) > LIMIT or self._skipping:
            self.dropped += not self._skipping
            self._skipping = True
            del self._begun[: -len(END) + 1]
        return []


def headers(packet: bytes) -> Headers:
    """A packet's headers. Bytes that are not UTF-8 survive as lone surrogates (`surrogateescape`)."""
    return Headers(packet.decode("utf-8", "surrogateescape"))
