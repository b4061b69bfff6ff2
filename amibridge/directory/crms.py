"""The CRMs that the configuration can name: one model for each kind."""

from typing import Annotated, Literal

from pydantic import Field

from amibridge.directory.schema import CrmName, HttpUrl, Model, MqttUrl, Seconds, SecretValue, Text

CANNOT_CLOSE = frozenset({"amocrm"})
"""Kinds that cannot take a card back once it is shown: cards that open at ringing are refused for them."""


class Webhook(Model):
    """Commands are posted to an address, signed as Standard Webhooks says."""

    name: CrmName
    kind: Literal["webhook"]
    url: HttpUrl
    secret: SecretValue | None = None
    """``whsec_…``; without it the commands are not signed."""
    old_secret: SecretValue | None = None
    """The secret before, while the receiver changes: the commands are signed with both."""
    timeout_seconds: Seconds = 10.0


class Mqtt(Model):
    """Cards are retained messages of a broker."""

    name: CrmName
    kind: Literal["mqtt"]
    url: MqttUrl = "mqtt://127.0.0.1:1883"
    username: Text | None = None
    password: SecretValue | None = None
    prefix: Text = "amibridge"
    """The topics' first part: ``amibridge/<pbx>/extensions/<ext>/card``."""


class Bitrix24(Model):
    """A Bitrix24 portal, by the address of its inbound webhook."""

    name: CrmName
    kind: Literal["bitrix24"]
    url: SecretValue
    """The address holds the webhook's code: it is a secret as a whole."""
    create_lead: bool = False
    """Let Bitrix24 make a lead of a client that it does not know."""
    timeout_seconds: Seconds = 10.0


Crm = Annotated[Webhook | Mqtt | Bitrix24, Field(discriminator="kind")]
