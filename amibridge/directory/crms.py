"""The CRMs that the configuration can name: one model for each kind."""

from typing import Annotated, Literal

from pydantic import Field

from amibridge.directory.schema import CrmName, HttpUrl, Model, MqttUrl, RegularFile, SecretValue, Text

Patience = Annotated[float, Field(gt=0)]
"""Seconds for one request."""

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
    timeout_seconds: Patience = 10.0


class Mqtt(Model):
    """Cards are retained messages of a broker."""

    name: CrmName
    kind: Literal["mqtt"]
    url: MqttUrl = "mqtt://127.0.0.1:1883"
    username: Text | None = None
    password: SecretValue | None = None
    prefix: Text = "amibridge"
    """The topics' first part: ``amibridge/<pbx>/extensions/<ext>/card``."""
    ca_file: RegularFile | None = None
    """Who vouches for the broker's certificate; None: the host's own list."""
    verify: bool = True
    """False takes any certificate."""
    card_expires_hours: Annotated[float, Field(gt=0, le=8760)] = 4.0
    """A card that nobody closed vanishes from the broker after this time."""
    timeout_seconds: Patience = 10.0


class Newcomers(Model):
    """What Bitrix24 does with a client that it does not know, by the line that is called."""

    create_lead: bool | None = None
    source: Text | None = None


class OAuth(Model):
    """A Bitrix24 application. Its refresh token changes at every use; the newest pair is kept beside the store."""

    client_id: Text
    client_secret: SecretValue
    refresh_token: SecretValue
    """The one to begin with."""
    token_url: HttpUrl = "https://oauth.bitrix.info/oauth/token/"


class Bitrix24(Model):
    """A Bitrix24 portal, by the address of its inbound webhook or as an application."""

    name: CrmName
    kind: Literal["bitrix24"]
    url: SecretValue
    """The address of the webhook holds its code: it is a secret as a whole. With `oauth`: ``https://portal/rest/``."""
    oauth: OAuth | None = None
    create_lead: bool = False
    """Let Bitrix24 make a lead of a client that it does not know."""
    source: Text | None = None
    """The source of such a lead, by its id in the portal."""
    lines: dict[Text, Newcomers] = Field(default_factory=dict)
    """What is otherwise for the calls to one DID."""
    add_to_chat: bool = True
    """Tell of the call in the chat of whoever had it."""
    requests_per_second: Annotated[float, Field(ge=0.01, le=1000)] = 2.0
    burst: Annotated[int, Field(ge=2, le=100_000)] = 50
    """The portal's leaky bucket: 50 and 2 a second; of the Enterprise tariff 250 and 5."""
    timeout_seconds: Patience = 10.0


Crm = Annotated[Webhook | Mqtt | Bitrix24, Field(discriminator="kind")]
