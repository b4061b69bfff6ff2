"""From the configuration of a CRM to the adapter that talks to it."""

from amibridge.crm.interface import Adapter
from amibridge.directory.crms import Crm, Webhook
from amibridge.directory.secrets import read_secret


class UnusableCrmError(Exception):
    """A CRM cannot be talked to as it is configured; the text names it, and says why."""


def adapter_for(crm: Crm) -> Adapter:
    """The adapter of one configured CRM. Raises UnusableCrmError and SecretError."""
    if isinstance(crm, Webhook):
        from amibridge.crm.webhook import Webhook as WebhookAdapter
        from amibridge.crm.webhook import WebhookSettings

        secrets = tuple(read_secret(secret) for secret in (crm.secret, crm.old_secret) if secret is not None)
        try:
            return WebhookAdapter(WebhookSettings(crm.name, str(crm.url), secrets, crm.timeout_seconds))
        except ValueError as error:
            raise UnusableCrmError(f"crm {crm.name}: {error}") from None
    raise UnusableCrmError(f"crm {crm.name}: this version does not send to a CRM of kind {crm.kind} yet; remove it")
