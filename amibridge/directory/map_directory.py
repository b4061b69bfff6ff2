"""The directory made of the two files: what the core asks of who, numbers, lines and policies."""

from collections.abc import Sequence

from amibridge.calls.who import CardRule, Person, Who
from amibridge.directory.extension_map import Did, ExtensionMap
from amibridge.directory.numbers import NumberPlan
from amibridge.directory.policies import CardRules, Exclusions
from amibridge.directory.remembering import Weakly, remembered
from amibridge.directory.settings import Settings
from amibridge.directory.who_is_who import WhoIsWho

REMEMBERED = 4096
"""Answers kept: numbers come from outside, any of them."""


class MapDirectory:
    """Implements `amibridge.calls.who.Directory`. It never changes: a changed map is a new one."""

    def __init__(self, settings: Settings, extension_map: ExtensionMap) -> None:
        self.mobile_card = settings.mobiles.card
        self._numbers = NumberPlan(settings.numbers.region, settings.numbers.internal, extension_map.extensions)
        self._dids = {self._numbers.same(did): entry for did, entry in extension_map.dids.items()}
        self._who_is_who = WhoIsWho(settings, extension_map, self._numbers)
        self._card_rules = CardRules(settings.cards, extension_map, Weakly(self._did))
        self._rule_of = remembered(REMEMBERED, self._card_rules.rule)
        self._exclusions = Exclusions(settings.exclude, self._numbers)
        self._persons = {
            number: Person(number, entry.name, entry.crm_user) for number, entry in extension_map.extensions.items()
        }
        self._language = settings.cards.language

    def who(self, device: str, number: str | None, *, shown: bool = False) -> Who:
        """Who stands behind a device channel, by the number at its far end; shown: it is the caller's."""
        return self._who_is_who.who(device, number, shown)

    def person(self, extension: str) -> Person:
        """What the map says of an extension; a Person with only its number when no map lists it."""
        return self._persons.get(extension) or Person(extension)

    def e164(self, raw: str) -> str | None:
        """A client's number as E.164, or None when it is withheld, internal or no valid number."""
        return self._numbers.e164(raw)

    def is_own(self, raw: str) -> bool:
        """Whether this is one of the company's own numbers."""
        return self._who_is_who.is_own(raw)

    def mobile_of(self, raw: str) -> str | None:
        """The extension whose mobile this is, or None."""
        return self._who_is_who.mobile_of(raw)

    def rule(self, extension: str, did: str | None, queue: str | None, queue_number: str | None = None) -> CardRule:
        """How cards open for this extension in a call to this DID that came through this queue."""
        return self._rule_of(extension, did, queue, queue_number)

    def excluded(
        self,
        *,
        client: str | None,
        client_raw: str | None,
        did: str | None,
        queue: str | None,
        queue_number: str | None = None,
        route: Sequence[str] = (),
    ) -> str | None:
        """Why this whole call is excluded, or None when it is not."""
        return self._exclusions.call(client, client_raw, did, queue, queue_number, route)

    def excluded_extension(self, extension: str) -> str | None:
        """Why this extension gets no card in any call, or None."""
        return self._exclusions.extension(extension)

    def language(self, did: str | None) -> str | None:
        """The language of the DID, else the general one, or None where nothing says."""
        entry = self._did(did)
        return (entry and entry.language) or self._language

    def line(self, device: str, did: str | None) -> str | None:
        """The name of the DID, else of the trunk that the channel belongs to, or None."""
        entry = self._did(did)
        return (entry and entry.name) or self._who_is_who.line_name(device)

    def _did(self, did: str | None) -> Did | None:
        return None if did is None else self._dids.get(self._numbers.same(did))
