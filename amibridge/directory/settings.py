"""The main file, ``amibridge.yaml``: its keys and their defaults."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from amibridge.calls import Patience
from amibridge.calls.who import MobileCard, OpenOn
from amibridge.directory.crms import Crm
from amibridge.directory.schema import (
    CardTime,
    ExtensionNumber,
    FilePath,
    Language,
    Model,
    NotEmpty,
    PbxName,
    Port,
    RegularExpression,
    RegularFile,
    Seconds,
    SecretValue,
    TelephoneNumber,
    Text,
    refused,
)

IGNORED = (
    "Snoop",
    "MulticastRTP",
    "UnicastRTP",
    "Message",
    "Console",
    "DAHDI/pseudo",
    "CBAnn",
    "CBRec",
    "Announcer",
    "Recorder",
    "Surrogate",
    "AsyncGoto",
)
"""Technologies and devices of Asterisk's own plumbing."""


class Pbx(Model):
    """One Asterisk, and the account of its manager interface."""

    name: PbxName
    """The first half of every call id."""
    host: Text = "127.0.0.1"
    port: Port = 5038
    username: Text = "amibridge"
    secret: SecretValue
    tls: bool = False
    ca_file: RegularFile | None = None
    """Who vouches for the PBX's certificate; None: the host's own list."""
    verify: bool = True
    """False takes any certificate, as self-signed ones in a closed network."""


def _region(text: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if text.upper() not in SUPPORTED_REGIONS:
        raise refused(f"`{text}` is no region", "write the two letters of a country: RU, KZ, DE")
    return text.upper()


class Numbers(Model):
    """How numbers are read."""

    region: Annotated[str, AfterValidator(_region)] = "RU"
    internal: RegularExpression = r"\d{2,4}"
    """What an extension looks like when it is not in the map; it must match the whole name."""
    own: tuple[TelephoneNumber, ...] = ()
    """The company's own numbers: never clients when they are dialled; a caller who shows one is not believed."""


class Cards(Model):
    """When cards open, unless an extension, a queue or a DID of the map says otherwise."""

    open_on: CardTime = OpenOn.ANSWER
    min_talk_seconds: Seconds = 0.0
    language: Language | None = None
    """The language of the texts that operators see."""


class CallsIn(StrEnum):
    """Who a caller is that shows an operator's mobile."""

    COLLEAGUE = "colleague"
    """That operator: the call is one between colleagues, of which the CRM hears nothing."""
    CLIENT = "client"
    """A client with this number."""


class Mobiles(Model):
    """The operators' own mobiles, over a trunk."""

    card: MobileCard = MobileCard.ANSWER
    """Whether talk through a mobile opens a card."""
    calls_in: CallsIn = CallsIn.COLLEAGUE
    """Whom a mobile is taken for when it calls in."""


class OwnerChoice(StrEnum):
    """Whose a missed call is."""

    RESPONSIBLE = "responsible"
    """The user responsible for the contact in the CRM."""
    RANG_FIRST = "rang_first"
    DEFAULT = "default"


class MissedOwner(Model):
    """Whose a missed call is."""

    choose: OwnerChoice = OwnerChoice.RESPONSIBLE
    default: ExtensionNumber | None = None
    """Whose it is when the choice finds nobody."""

    @model_validator(mode="after")
    def _default_is_named(self) -> "MissedOwner":
        if self.choose is OwnerChoice.DEFAULT and self.default is None:
            raise refused("`choose: default` needs an extension", 'add `default: "134"`', ("choose",))
        return self


class Exclude(Model):
    """Test lines, system accounts, groups and queues: counted and explained, never sent."""

    extensions: tuple[Text, ...] = ()
    dids: tuple[Text, ...] = ()
    queues: tuple[Text, ...] = ()
    groups: tuple[Text, ...] = ()
    """Ring groups, by the number that is dialled for them: those that a call's `route` shows."""
    numbers: tuple[Text, ...] = ()
    """The clients' numbers; ``*`` stands for any digits."""


class Calls(Model):
    """The life of a call in memory."""

    forget_after_hours: Annotated[float, Field(gt=0)] = 12.0
    """A call whose end was never seen is given up after this time."""

    @property
    def patience(self) -> Patience:
        """The same as the core takes it."""
        return Patience(forget_after=self.forget_after_hours * 3600)


class Store(Model):
    """The journal of calls and the outbox."""

    path: FilePath = Path("/var/lib/amibridge/amibridge.db")
    keep_days: Annotated[int, Field(ge=2)] = 365
    """Calls that ended longer ago are forgotten. Two days at least: so long a linkedid may come again."""


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line of the log looks."""

    TEXT = "text"
    JSON = "json"


class Log(Model):
    """The log, on the standard error stream."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT
    mask_numbers: bool = True
    """Clients' numbers without their middle digits."""


def _name_pattern(text: str) -> str:
    if text.count("{ext}") != 1 or text == "{ext}":
        raise refused(f"`{text}` is no device name pattern", "write what stands around the number: '{ext}-WS'")
    return text


class Settings(Model):
    """The main file."""

    pbx: Annotated[tuple[Pbx, ...], NotEmpty]
    numbers: Numbers = Field(default_factory=Numbers)
    extension_names: tuple[Annotated[str, AfterValidator(_name_pattern)], ...] = ("{ext}-WS", "99{ext}")
    """How else a device of an extension may be named, besides like the extension."""
    ignore: tuple[Text, ...] = IGNORED
    """Technologies, or single devices, that are as if they were not there."""
    cards: Cards = Field(default_factory=Cards)
    mobiles: Mobiles = Field(default_factory=Mobiles)
    missed_owner: MissedOwner = Field(default_factory=MissedOwner)
    exclude: Exclude = Field(default_factory=Exclude)
    shadow: bool = False
    """Decide, explain and log, but send nothing."""
    crm: tuple[Crm, ...] = ()
    calls: Calls = Field(default_factory=Calls)
    store: Store = Field(default_factory=Store)
    log: Log = Field(default_factory=Log)
    extensions: Annotated[FilePath, Field(validate_default=True)] = Path("extensions.yaml")
    """The map's file; a relative path begins in the folder of the main file."""
