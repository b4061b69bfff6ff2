"""A voice bot: an AudioSocket server that is silent on the line for a while and hangs up."""

import socket
import threading
import time
from contextlib import suppress

from tests.live.asterisk import HOST

FRAME = 0.02
"""Seconds of sound in a message."""
SILENCE = b"\x10\x01\x40" + bytes(320)
HANGUP = b"\x00\x00\x00"


class Bot:
    def __init__(self, port: int, seconds: float) -> None:
        self.met = threading.Event()
        self._seconds = seconds
        self._server = socket.create_server((HOST, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):  # the client may hang up first
            connection, _ = self._server.accept()
            self.met.set()
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(FRAME)
        for _ in range(int(self._seconds / FRAME)):
            connection.sendall(SILENCE)
            with suppress(TimeoutError):
                connection.recv(65536)
            time.sleep(FRAME)  # the pace of speech
        connection.sendall(HANGUP)
