"""What in a capture is the company's own, by its configuration."""

import re
from collections.abc import Iterator

from amibridge.directory.devices import canonical, device_of
from amibridge.directory.loading import Loaded
from amibridge.directory.numbers import NumberPlan, plain_number
from amibridge.directory.wildcards import wildcard


class ConfiguredCompany:
    """Implements `amibridge.ami.clients.Company`."""

    def __init__(self, loaded: Loaded) -> None:
        settings, extension_map = loaded.settings, loaded.extension_map
        self._directory = loaded.directory
        self._numbers = NumberPlan(settings.numbers.region, settings.numbers.internal, extension_map.extensions)
        self._own = {self._numbers.same(number) for number in _named_numbers(loaded)}
        self._names = frozenset(_names(loaded))
        self._devices = [wildcard(canonical(device)) for device in _devices(loaded)]

    def owns(self, number: str) -> bool:
        """An extension, a mobile of one, a DID or a queue, or else a number that the configuration names."""
        return self._numbers.is_internal(plain_number(number)) or self._numbers.same(number) in self._own

    def e164(self, number: str) -> str | None:
        """The number as E.164, or None when it is no valid number outside."""
        return self._numbers.e164(number)

    def excludes(self, number: str) -> bool:
        """Calls of this number are not sent anywhere."""
        client = self.e164(number)
        return self._directory.excluded(client=client, client_raw=number, did=number, queue=number) is not None

    def employs(self, name: str) -> bool:
        """The name is one of the configuration's: a person's, a line's."""
        return name in self._names

    def knows_device(self, channel: str) -> bool:
        """The configuration names the device of this channel."""
        device = device_of(channel)
        return any(pattern.fullmatch(device) for pattern in self._devices)


def _named_numbers(loaded: Loaded) -> Iterator[str]:
    settings, extension_map = loaded.settings, loaded.extension_map
    yield from settings.numbers.own
    yield from extension_map.dids
    yield from extension_map.queues
    yield from (mobile for person in extension_map.extensions.values() for mobile in person.mobiles)
    yield from (entry.number for entry in extension_map.devices)
    exclude = settings.exclude
    yield from (*exclude.extensions, *exclude.dids, *exclude.queues, *exclude.groups, *exclude.numbers)
    for device in _devices(loaded):
        yield from re.findall("[0-9]+", device)


def _devices(loaded: Loaded) -> Iterator[str]:
    extension_map = loaded.extension_map
    yield from (trunk.device for trunk in extension_map.trunks)
    yield from (entry.device for entry in extension_map.devices)
    yield from extension_map.machines
    yield from (device for person in extension_map.extensions.values() for device in person.devices)


def _names(loaded: Loaded) -> Iterator[str]:
    extension_map = loaded.extension_map
    yield from (person.name for person in extension_map.extensions.values() if person.name)
    yield from (trunk.name for trunk in extension_map.trunks if trunk.name)
    yield from (did.name for did in extension_map.dids.values() if did.name)
