"""A command as the body of a message: what receivers of webhooks and subscribers of MQTT topics read alike."""

from collections.abc import Mapping
from typing import Any

import orjson

from amibridge.calls import Command
from amibridge.calls.record import iso


def message(command: Command, data: Mapping[str, Any] | None = None) -> bytes:
    """The command as JSON. data: what to say instead of the command's own."""
    said = command.data if data is None else data
    return orjson.dumps({"type": command.type, "timestamp": iso(command.wall), "data": said})


def ping(key: str, wall: float) -> bytes:
    """A message that asks for nothing: whether messages arrive. wall: seconds since the epoch."""
    return orjson.dumps({"type": "ping", "timestamp": iso(wall), "data": {"key": key}})
