"""Packets: cutting the byte stream of a manager connection, and reading the headers of one packet.

Lines end with CR LF, a packet with an empty line; the first line of a connection is a banner with no empty line after
it. A TCP segment may end anywhere, also inside a character: bytes are cut first and decoded by whole packets.
"""

from dataclasses import dataclass, field

from amibridge.calls.headers import Headers

END = b"\r\n\r\n"
_LINE = b"\r\n"
"""Some events (TestEvent of Asterisk 16 and 22) end with one empty line too many: it belongs to no packet."""
LIMIT = 1 << 20
"""Bytes of one packet. The largest real ones are a few kB; more is a fault or an attack."""


@dataclass(slots=True)
class Framer:
    """Cuts chunks of any size into whole packets, in linear time."""

    dropped: int = 0
    """Packets given up because they were over the limit."""
    _buffer: bytearray = field(default_factory=bytearray)
    _scanned: int = 0
    _skipping: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The packets that this chunk completes, without their empty lines."""
        buffer = self._buffer
        buffer += chunk
        if self._skipping and not self._skip():
            return []
        end = buffer.rfind(END, max(0, self._scanned - len(END) + 1))
        if end < 0:
            self._scanned = len(buffer)
            if len(buffer) > LIMIT:
                self._skipping = True
                self.dropped += 1
                self._skip()
            return []
        whole = bytes(memoryview(buffer)[:end])
        del buffer[: end + len(END)]
        self._scanned = 0
        if len(buffer) > LIMIT:
            self._skipping = True
            self.dropped += 1
            self._skip()
        packets = whole.split(END)
        if whole.endswith(_LINE) or [packet for packet in packets if packet[:1] in _LINE]:
            packets = [stripped for packet in packets if (stripped := packet.strip(_LINE))]
        if len(whole) > LIMIT:
            fitting = [packet for packet in packets if len(packet) <= LIMIT]
            self.dropped += len(packets) - len(fitting)
            return fitting
        return packets

    def rest(self) -> bytes:
        """What has come of a packet that is not whole yet."""
        return bytes(self._buffer)

    def _skip(self) -> bool:
        """Throws away the packet that is too large; True when its end has been found."""
        end = self._buffer.find(END)
        if end < 0:
            del self._buffer[: -len(END) + 1]
            self._scanned = 0
            return False
        del self._buffer[: end + len(END)]
        self._scanned = 0
        self._skipping = False
        return True


def headers(packet: bytes) -> Headers:
    """A packet's headers. Bytes that are not UTF-8 survive as lone surrogates (`surrogateescape`)."""
    return Headers(packet.decode("utf-8", "surrogateescape"))
