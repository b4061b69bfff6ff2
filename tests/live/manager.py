"""A small synchronous session with the manager: it keeps the raw bytes and lets a story wait for events."""

import fnmatch
import socket
import threading
import time
from dataclasses import dataclass, field

from tests.live.errors import MissingError

PATIENCE = 10.0


@dataclass(eq=False)
class Event:
    name: str
    fields: dict[str, str]
    awaited: bool = field(default=False)
    """A story has waited for it: the next wait finds the next one."""

    def get(self, key: str) -> str:
        return self.fields.get(key, "")


class Manager:
    """Of headers that stand twice in a packet it knows the last."""

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self.raw = bytearray()
        self.stamped = bytearray()
        """The same, each packet with the time of its arrival, as `amibridge record` writes it."""
        self.events: list[Event] = []
        self._answers: dict[str, dict[str, str]] = {}
        self._last = time.monotonic()
        self._news = threading.Condition()
        self._serial = 0
        self._socket = socket.create_connection((host, port), 5)
        self._socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()
        answer = self.action("Login", Username=user, Secret=secret)
        if answer.get("Response") != "Success":
            raise MissingError(f"the login of {user}: {answer}")

    def action(self, action: str, **fields: str | list[str]) -> dict[str, str]:
        """Its answer."""
        ident = self.ask(action, **fields)
        with self._news:
            if not self._news.wait_for(lambda: ident in self._answers, PATIENCE):
                raise MissingError(f"no answer to {action}")
            return self._answers.pop(ident)

    def ask(self, action: str, **fields: str | list[str]) -> str:
        """Without waiting for the answer. Returns the ActionID."""
        self._serial += 1
        ident = f"lab-{self._serial}"
        lines = [f"Action: {action}", f"ActionID: {ident}"]
        for key, value in fields.items():
            lines += [f"{key}: {one}" for one in (value if isinstance(value, list) else [value])]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
        return ident

    def mark(self) -> int:
        """Now, for `since`."""
        with self._news:
            return len(self.events)

    def wait(self, name: str, since: int = 0, timeout: float = PATIENCE, **want: str) -> Event:
        """The first matching event that nobody has waited for before. `*` matches anything, `|` separates patterns."""
        deadline = time.monotonic() + timeout
        with self._news:
            while not (found := self._find(name, since, want)):
                if not self._news.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    raise MissingError(f"{name} {want or ''} did not come within {timeout:.0f} s")
            found.awaited = True
            return found

    def await_silence(self, seconds: float, timeout: float = PATIENCE) -> None:
        """Until nothing has come for so long."""
        deadline = time.monotonic() + timeout
        with self._news:
            while (rest := min(self._last + seconds, deadline) - time.monotonic()) > 0:
                self._news.wait(rest)

    def close(self) -> None:
        self._socket.close()

    def _find(self, name: str, since: int, want: dict[str, str]) -> Event | None:
        for event in self.events[since:]:
            if event.name == name and not event.awaited and all(_matches(event.get(k), v) for k, v in want.items()):
                return event
        return None

    def _read(self) -> None:
        rest = b""
        while data := self._receive():
            *packets, rest = (rest + data).split(b"\r\n\r\n")
            received = f"\r\nReceived: {time.time():.6f}\r\n\r\n".encode()
            with self._news:
                self.raw += data
                self._last = time.monotonic()
                for packet in packets:
                    self.stamped += packet + received
                    self._take(packet)
                self._news.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def _take(self, packet: bytes) -> None:
        lines = packet.decode("utf-8", "surrogateescape").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        if "Event" in fields:
            self.events.append(Event(fields["Event"], fields))
        elif "ActionID" in fields:
            self._answers[fields["ActionID"]] = fields


def _matches(value: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns.split("|"))
