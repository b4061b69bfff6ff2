"""What the settings and the map decide about a call's cards: when they open, and for whom never."""

from collections.abc import Callable, Sequence

from amibridge.calls.who import CardRule
from amibridge.directory.extension_map import CardOverride, Extension, ExtensionMap
from amibridge.directory.numbers import NumberPlan, plain_number
from amibridge.directory.settings import Cards, Exclude
from amibridge.directory.wildcards import has_wildcard, wildcard


class CardRules:
    """How cards open: as the extension says, else its queue, else the DID, else the general setting."""

    def __init__(
        self, cards: Cards, extension_map: ExtensionMap, entry_of_did: Callable[[str | None], CardOverride | None]
    ) -> None:
        self._general = cards
        self._extensions = {number: entry for number, entry in extension_map.extensions.items() if _says(entry)}
        self._queues = extension_map.queues
        self._entry_of_did = entry_of_did

    def rule(self, extension: str, did: str | None, queue: str | None, queue_number: str | None) -> CardRule:
        """The rule for an extension in a call to this DID that came through this queue, by its id or its number."""
        person = self._extensions.get(extension)
        by_queue = [self._queues.get(name) for name in (queue, queue_number) if name is not None]
        entries = (person, *by_queue, self._entry_of_did(did), self._general)
        said = [entry for entry in entries if entry is not None]
        return CardRule(
            open_on=next(entry.open_on for entry in said if entry.open_on is not None),
            min_talk_seconds=next(entry.min_talk_seconds for entry in said if entry.min_talk_seconds is not None),
            supervisor=person is not None and person.supervisor_card,
        )


def _says(entry: Extension) -> bool:
    """Whether an extension says anything of its cards: most do not."""
    return entry.open_on is not None or entry.min_talk_seconds is not None or entry.supervisor_card


class Exclusions:
    """Whom no card and no record leaves for, and why. The answers are the reasons, for people."""

    def __init__(self, exclude: Exclude, numbers: NumberPlan) -> None:
        self._numbers = numbers
        self._extensions = frozenset(exclude.extensions)
        self._dids = frozenset(map(numbers.same, exclude.dids))
        self._queues = frozenset(exclude.queues)
        self._groups = frozenset(exclude.groups)
        self._clients = frozenset(numbers.same(entry) for entry in exclude.numbers if not has_wildcard(entry))
        self._patterns = [wildcard(entry) for entry in exclude.numbers if has_wildcard(entry)]

    def call(
        self,
        client: str | None,
        client_raw: str | None,
        did: str | None,
        queue: str | None,
        queue_number: str | None,
        route: Sequence[str] = (),
    ) -> str | None:
        """Why a whole call is excluded."""
        if did is not None and self._numbers.same(did) in self._dids:
            return f"did {did} is excluded"
        for name in (queue, queue_number):
            if name is not None and name in self._queues:
                return f"queue {name} is excluded"
        for name in route:
            if name in self._groups:
                return f"group {name} is excluded"
        for number in (client, plain_number(client_raw) if client_raw is not None else None):
            if number is not None and self._excludes_number(number):
                return f"number {number} is excluded"
        return None

    def extension(self, extension: str) -> str | None:
        """Why an extension is excluded from every call."""
        return f"extension {extension} is excluded" if extension in self._extensions else None

    def _excludes_number(self, number: str) -> bool:
        return number in self._clients or any(pattern.fullmatch(number) for pattern in self._patterns)
