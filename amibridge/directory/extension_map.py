"""The map, ``extensions.yaml``: the people, devices and lines that admins edit."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from amibridge.directory.schema import (
    CardTime,
    CrmUser,
    Device,
    ExtensionNumber,
    Language,
    Model,
    Seconds,
    TelephoneNumber,
    Text,
)


class CardOverride(Model):
    """What an extension, a queue or a DID says about cards; what it does not say is said by the next one."""

    open_on: CardTime | None = None
    min_talk_seconds: Seconds | None = None


class Extension(CardOverride):
    """A person."""

    name: Text | None = None
    crm_user: CrmUser | None = None
    devices: tuple[Device, ...] = ()
    """Devices that are not named like the extension."""
    mobiles: tuple[TelephoneNumber, ...] = ()
    supervisor_card: bool = False
    """This extension gets a card when it listens in."""


class TrunkKind(StrEnum):
    """What stands at the far end of a trunk."""

    PUBLIC = "public"
    INTERNAL = "internal"
    """Another office: a short number is a colleague."""


class Trunk(Model):
    """An outside line."""

    device: Device
    """May hold ``*``: ``DAHDI/*``."""
    kind: TrunkKind = TrunkKind.PUBLIC
    answer_supervision: bool = True
    """False for a line that is "Up" before anybody answers."""
    trust_caller_id: bool = True
    """False: a caller on this line who shows an operator's mobile is a client like any other."""
    name: Text | None = None
    """The name of the line, for people."""


class DeviceNumber(Model):
    """One of the extensions behind one device: told apart by the number that calls or is dialled."""

    device: Device
    number: ExtensionNumber


class Did(CardOverride):
    """A number that clients dial."""

    name: Text | None = None
    """The name of the line, for people; it goes before the trunk's."""
    language: Language | None = None


class Queue(CardOverride):
    """A queue."""


def _nothing_said(value: Any) -> Any:
    """``"134":`` alone is an entry that says nothing."""
    return {} if value is None else value


def _only_device(value: Any) -> Any:
    """``PJSIP/provider`` is a trunk of which only the device is said."""
    return {"device": value} if isinstance(value, str) else value


class ExtensionMap(Model):
    """The map."""

    extensions: dict[ExtensionNumber, Annotated[Extension, BeforeValidator(_nothing_said)]] = Field(
        default_factory=dict
    )
    devices: tuple[DeviceNumber, ...] = ()
    trunks: tuple[Annotated[Trunk, BeforeValidator(_only_device)], ...] = ()
    machines: tuple[Device, ...] = ()
    """Voice bots, paging groups, recorders; may hold ``*``."""
    dids: dict[Text, Annotated[Did, BeforeValidator(_nothing_said)]] = Field(default_factory=dict)
    queues: dict[Text, Annotated[Queue, BeforeValidator(_nothing_said)]] = Field(default_factory=dict)
