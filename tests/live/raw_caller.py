"""A caller without manners: a SIP client made of a socket, for bytes and moments that no library lets through."""

import re
import socket
import threading
import uuid

from tests.live.errors import MissingError


class RawCaller:
    """`sender` is what stands in From before the tag: b'"Name" <sip:79031234567@127.0.0.2>'."""

    def __init__(self, bind: str, pbx: tuple[str, int], sender: bytes, did: str) -> None:
        self.statuses: list[int] = []
        self.at_once = False
        """It says BYE in the same moment in which the answer comes."""
        self.over = False
        self._pbx, self._sender = pbx, sender
        self._uri = f"sip:{did}@{pbx[0]}:{pbx[1]}"
        self._to = f"<{self._uri}>".encode()
        self._contact = ""
        self._socket, self._media = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._socket.bind((bind, 0))
        self._media.bind((bind, 0))
        self._me = "{}:{}".format(*self._socket.getsockname())
        self._ident, self._tag, self._branch = uuid.uuid4().hex, uuid.uuid4().hex[:8], _new_branch()
        self._news = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def dials(self) -> "RawCaller":
        ip, port = self._media.getsockname()
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
        ).encode()
        self._request("INVITE", 1, self._uri, self._branch, body)
        return self

    def until(self, status: int, timeout: float = 10) -> "RawCaller":
        with self._news:
            if not self._news.wait_for(lambda: status in self.statuses, timeout):
                raise MissingError(f"no {status} for the raw caller: {self.statuses}")
        return self

    def hangs_up(self) -> None:
        self._request("BYE", 2, self._contact, _new_branch())
        self._is_over()

    def cancels(self) -> None:
        self._to = f"<{self._uri}>".encode()  # without the tag that came meanwhile
        self._request("CANCEL", 1, self._uri, self._branch)

    def close(self) -> None:
        self._socket.close()
        self._media.close()

    def _request(self, method: str, number: int, uri: str, branch: str, body: bytes = b"") -> None:
        head = [
            f"{method} {uri} SIP/2.0".encode(),
            f"Via: SIP/2.0/UDP {self._me};branch={branch}".encode(),
            b"Max-Forwards: 70",
            b"From: " + self._sender + b";tag=" + self._tag.encode(),
            b"To: " + self._to,
            f"Call-ID: {self._ident}".encode(),
            f"CSeq: {number} {method}".encode(),
            f"Contact: <sip:raw@{self._me}>".encode(),
            *([b"Content-Type: application/sdp"] if body else []),
            b"Content-Length: %d" % len(body),
        ]
        self._socket.sendto(b"\r\n".join(head) + b"\r\n\r\n" + body, self._pbx)

    def _listen(self) -> None:
        while True:
            try:
                data = self._socket.recv(65536)
                if not data.startswith(b"SIP/2.0"):
                    self._obey(data)
                elif re.search(rb"\r\nCSeq:\s*\d+\s+INVITE", data, re.I):
                    self._take_answer(int(data.split(maxsplit=2)[1]), data)
            except OSError:  # closed
                return

    def _take_answer(self, status: int, data: bytes) -> None:
        """An answer to the INVITE; a final one is acknowledged."""
        if status > 100 and (to := re.search(rb"\r\nTo:\s*([^\r]+)", data, re.I)):
            self._to = to[1]
        if contact := re.search(rb"\r\nContact:\s*<([^>]+)>", data, re.I):
            self._contact = contact[1].decode()
        if status == 200:
            self._request("ACK", 1, self._contact, _new_branch())
            if self.at_once:
                self.hangs_up()
        elif status > 200:
            self._request("ACK", 1, self._uri, self._branch)
            self._is_over()
        with self._news:
            self.statuses.append(status)
            self._news.notify_all()

    def _obey(self, data: bytes) -> None:
        """Any request of the PBX in the dialogue is accepted; BYE ends it."""
        if not data.startswith(b"ACK"):
            kept = [line for line in data.split(b"\r\n") if re.match(rb"(Via|From|To|Call-ID|CSeq):", line, re.I)]
            self._socket.sendto(b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Content-Length: 0", b"", b""]), self._pbx)
        if data.startswith(b"BYE"):
            self._is_over()

    def _is_over(self) -> None:
        with self._news:
            self.over = True
            self._news.notify_all()


def _new_branch() -> str:
    return f"z9hG4bK{uuid.uuid4().hex[:10]}"
