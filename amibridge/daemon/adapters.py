"""From the configuration of a CRM to the adapter that talks to it."""

from collections.abc import Callable, Sequence

from amibridge.calls import Command
from amibridge.crm.interface import Adapter, Pace
from amibridge.directory.crms import Bitrix24, Crm, Mqtt, Webhook
from amibridge.directory.numbers import NumberPlan
from amibridge.directory.secrets import read_secret
from amibridge.directory.settings import Settings

UserOf = Callable[[str], str | None]
"""The user's id in the CRM that the extension map gives an extension; asked each time, as the map may change."""

Warn = Callable[[str, str | None], None]
"""Hears what somebody should see to, and what it is about; None: it is over."""


class UnusableCrmError(Exception):
    """A CRM cannot be talked to as it is configured; the text names it, and says why."""


def adapter_for(
    crm: Crm,
    settings: Settings,
    user_of: UserOf,
    opened: Sequence[tuple[Command, float]] = (),
    warn: Warn = lambda about, what: None,
    *,
    renews: bool = True,
) -> Adapter:
    """The adapter of one configured CRM. opened: the cards that it shows already, as the store tells them.
    renews: False beside a daemon, who alone may use up a token that rotates.

    Raises UnusableCrmError and SecretError.
    """
    try:
        match crm:
            case Webhook():
                return _webhook(crm)
            case Mqtt():
                return _mqtt(crm, settings, opened, warn)
            case Bitrix24():
                return _bitrix24(crm, settings, user_of, renews)
    except (ValueError, OSError) as error:
        raise UnusableCrmError(f"crm {crm.name}: {error}") from None


def _webhook(crm: Webhook) -> Adapter:
    from amibridge.crm.webhook import Webhook, WebhookSettings

    secrets = tuple(read_secret(secret) for secret in (crm.secret, crm.old_secret) if secret is not None)
    return Webhook(WebhookSettings(crm.name, crm.url, secrets, crm.timeout_seconds))


def shown_for(crm: Crm) -> float:
    """Seconds after which a CRM shows a card no more that nobody closed; 0: it need not know what it shows."""
    return crm.card_expires_hours * 3600 if isinstance(crm, Mqtt) else 0.0


def _mqtt(crm: Mqtt, settings: Settings, opened: Sequence[tuple[Command, float]], warn: Warn) -> Adapter:
    from amibridge.crm.mqtt import Mqtt, MqttSettings

    return Mqtt(
        MqttSettings(
            crm.name,
            crm.url,
            tuple(pbx.name for pbx in settings.pbx),
            username=crm.username,
            password=None if crm.password is None else read_secret(crm.password),
            prefix=crm.prefix,
            ca_file=crm.ca_file,
            verify=crm.verify,
            card_expires=shown_for(crm),
            timeout=crm.timeout_seconds,
        ),
        opened,
        warn,
    )


def _bitrix24(crm: Bitrix24, settings: Settings, user_of: UserOf, renews: bool) -> Adapter:
    from amibridge.crm import bitrix24

    application = None
    if crm.oauth is not None:
        application = bitrix24.Application(
            crm.oauth.client_id,
            read_secret(crm.oauth.client_secret),
            read_secret(crm.oauth.refresh_token),
            crm.oauth.token_url,
            settings.store.path.with_name(f"{crm.name}.tokens"),
            renews,
        )
    everywhere = bitrix24.Newcomer(crm.create_lead, crm.source)
    lines = {
        did: bitrix24.Newcomer(
            everywhere.create if line.create_lead is None else line.create_lead, line.source or everywhere.source
        )
        for did, line in crm.lines.items()
    }
    missed_owner = bitrix24.MissedOwner(settings.missed_owner.choose, settings.missed_owner.default)
    return bitrix24.Bitrix24(
        bitrix24.Bitrix24Settings(
            crm.name,
            read_secret(crm.url),
            application,
            bitrix24.Wishes(everywhere, lines, crm.add_to_chat, _own(settings)),
            missed_owner,
            Pace(crm.requests_per_second, crm.burst),
            crm.timeout_seconds,
        ),
        user_of,
    )


def _own(settings: Settings) -> Callable[[str], bool]:
    """Whether a number is one of the company's own, however it is written."""
    numbers = settings.numbers
    plan = NumberPlan(numbers.region, numbers.internal, ())
    own = frozenset(map(plan.same, numbers.own))
    return lambda number: plan.same(number) in own
