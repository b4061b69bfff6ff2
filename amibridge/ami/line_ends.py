"""Line ends of captures that went through an editor, or a repository: LF where the manager sent CR LF.

Only files are mended so. In a live stream a LF without CR is a caller's, and no line ends there.
"""

from collections.abc import Iterable, Iterator

_BOM = b"\xef\xbb\xbf"


def mended(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks as the manager sent them. The first line end tells: behind one without CR all lines get theirs back,
    and a byte order mark, which editors put there too, is left out."""
    without_cr: bool | None = None
    before = b""
    for number, chunk in enumerate(chunks):
        piece = chunk.removeprefix(_BOM) if number == 0 else chunk
        if without_cr is None and (at := piece.find(b"\n")) >= 0:
            without_cr = (before + piece[:at])[-1:] != b"\r"
        yield _with_cr(piece, before) if without_cr else piece
        before = piece[-1:]


def _with_cr(piece: bytes, before: bytes) -> bytes:
    """Also where a few lines have theirs still. before: the last byte of the piece before."""
    joined = before == b"\r" and piece.startswith(b"\n")
    lines = piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines[1:] if joined else lines
