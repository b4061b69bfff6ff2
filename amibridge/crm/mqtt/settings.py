"""How a broker is reached: from the settings to what each connection is made with."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE = 15
"""Seconds of silence after which the broker is asked whether it is there."""
LARGEST = 64 * 1024
"""Bytes: what is longer, no daemon has written, and the broker keeps it for itself."""


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """One broker.

    url: `mqtt://host[:port]` or, with TLS, `mqtts://host[:port]`. pbxs: the names of the PBXs; each has a connection
    of its own. prefix: the first part of every topic. ca_file: who vouches for the broker's certificate, None for the
    host's own list; verify: False takes any. card_expires: seconds after which a card that nobody closed vanishes.
    timeout: seconds for each step: to connect, to be told that a message has arrived.
    """

    name: str
    url: str = field(repr=False)
    pbxs: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    prefix: str = "amibridge"
    ca_file: Path | None = None
    verify: bool = True
    card_expires: float = 14400.0
    timeout: float = 10.0


def arguments(settings: MqttSettings) -> dict[str, Any]:
    """What every connection to the broker is made with. Raises ValueError."""
    url = urlsplit(settings.url)
    if url.scheme not in PORTS or not url.hostname or url.username is not None:
        raise ValueError(
            "`url` is mqtt://host:port or mqtts://host:port; `username` and `password` stand by themselves"
        )
    if not settings.prefix.isprintable() or set(settings.prefix) & set("+#"):
        raise ValueError("`prefix` is the beginning of a topic, without + and #")
    return {
        "hostname": url.hostname,
        "port": url.port or PORTS[url.scheme],
        "username": settings.username,
        "password": settings.password,
        "protocol": aiomqtt.ProtocolVersion.V5,
        "clean_start": True,
        "keepalive": KEEPALIVE,
        "timeout": settings.timeout,
        "properties": _limits(),
        "tls_context": _tls(settings) if url.scheme == "mqtts" else None,
    }


def _limits() -> Properties:
    """What the broker is to spare us."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST
    return properties


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ValueError(f"the CA file {settings.ca_file} cannot be used: {error.strerror or error}") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
