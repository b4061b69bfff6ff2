"""A connection to a broker as aiomqtt makes it, and what the broker's answers mean."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from amibridge.crm.interface import Answer, Done, Refused, Retry
from amibridge.crm.mqtt.settings import LARGEST

NO_ACCESS = frozenset({0x86, 0x87})
"""MQTT 5's reason codes for a bad user name or password, and for what is not authorised."""
OF_THE_MESSAGE = frozenset({0x81, 0x82, 0x90, 0x95, 0x99})
"""Malformed, protocol error, invalid topic, too large, invalid payload: what is said of a message, and will be again.
A protocol error is what mosquitto's refusal comes to where `message_size_limit` is exceeded: MQTT 5 has no such answer.
"""
MOST_UNFINISHED = 20
"""Messages of QoS 2 that a broker may keep open."""
FAILURES = (aiomqtt.MqttError, OSError, ValueError)
"""What comes of connecting; ValueError for host names that are none."""


class Client(aiomqtt.Client):
    """One connection. aiomqtt does not tell how the broker took a message: this one remembers it of the last.

    hears: is told every message as it comes, and before the answer to what we sent later; then none waits in a queue,
    which a broker could fill. Without, they are in `messages`.
    """

    def __init__(self, hears: Callable[[aiomqtt.Message], None] | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._receive = self._client._sock_recv
        self._client._sock_recv = self._received  # type: ignore[method-assign]
        self._hears = hears
        self.taken: ReasonCode | None = None

    def _received(self, bufsize: int) -> bytes:
        """What comes, unless it is more than was asked for. paho takes packets of 256 MiB, whatever the broker was
        told, and keeps each message of QoS 2, which nobody has subscribed to, until the broker lets go of it.
        """
        if bufsize > LARGEST or len(self._client._in_messages) > MOST_UNFINISHED:
            raise ConnectionAbortedError
        return self._receive(bufsize)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Any) -> None:
        self.taken = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if self._hears is None:
            super()._on_message(client, userdata, message)
        else:
            # A topic that is no UTF-8 would be a line of the log for each message.
            with suppress(UnicodeDecodeError):
                self._hears(aiomqtt.Message._from_paho_message(message))


def answer(taken: ReasonCode | None, topic: str) -> Answer:
    """What the broker says of a message."""
    if taken is None or not taken.is_failure:
        return Done()
    if taken.value in NO_ACCESS:
        return Refused(f"{taken}: the broker does not let us write {topic}; see amibridge check --live")
    return Refused(str(taken)) if taken.value in OF_THE_MESSAGE else Retry(str(taken))


def code_of(error: BaseException) -> int | None:
    """MQTT 5's reason code, where the broker gave one."""
    code = getattr(error.__cause__ or error, "rc", None)
    return code.value if isinstance(code, ReasonCode) else None


def why(error: BaseException) -> str:
    cause = error.__cause__ or error
    code = getattr(cause, "rc", None)
    if isinstance(code, ReasonCode):
        return str(code)
    return str(cause) or "no answer in time"


def remedy_for(error: BaseException) -> str:
    if code_of(error) in NO_ACCESS:
        return "see `username` and `password`, and what the broker allows them"
    if "CERTIFICATE" in str(error):
        return "see `ca_file`; `verify: false` takes any certificate"
    return "is `url` right, and does the broker run?"
