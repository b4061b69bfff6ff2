"""What `check` finds beyond validity: what is allowed and still makes wrong cards, or shows a secret."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import phonenumbers

from amibridge.directory.devices import PORTS, canonical
from amibridge.directory.extension_map import ExtensionMap, TrunkKind
from amibridge.directory.numbers import to_e164
from amibridge.directory.problems import Problem, Step
from amibridge.directory.schema import Model
from amibridge.directory.secrets import Origin, Secret
from amibridge.directory.settings import Settings
from amibridge.directory.wildcards import wildcard
from amibridge.directory.yaml_source import Source


def findings(settings: Settings, extension_map: ExtensionMap, main: Source, map_source: Source) -> Iterator[Problem]:
    """All warnings about a valid configuration; main and map_source say where in the files its values stand."""
    yield from _shared_users(extension_map, map_source)
    yield from _shared_mobiles(settings, extension_map, map_source)
    yield from _shared_devices(extension_map, map_source)
    yield from _devices_that_are_no_persons(extension_map, map_source)
    yield from _unknown_extensions(settings, extension_map, main, map_source)
    yield from _no_trunks(extension_map, map_source)
    yield from _distrusted_offices(extension_map, map_source)
    yield from _clients_that_look_internal(settings, main)
    yield from _secrets(settings, main)


def _shared_users(extension_map: ExtensionMap, source: Source) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for number, extension in extension_map.extensions.items():
        if extension.crm_user is None:
            continue
        owner = owners.setdefault(extension.crm_user, number)
        if owner != number:
            path = ("extensions", number, "crm_user")
            wrong = f"extension {owner} has the CRM user {extension.crm_user} too: one user gets the cards of both"
            yield source.problem(path, wrong, "give each its own user, or make them one extension with two devices")


def _shared_mobiles(settings: Settings, extension_map: ExtensionMap, source: Source) -> Iterator[Problem]:
    region = settings.numbers.region
    own = {to_e164(number, region) for number in settings.numbers.own}
    owners: dict[str | None, str] = {}
    for number, extension in extension_map.extensions.items():
        for index, mobile in enumerate(extension.mobiles):
            path = ("extensions", number, "mobiles", index)
            e164 = to_e164(mobile, region)
            owner = owners.setdefault(e164, number)
            if owner != number:
                wrong = f"{mobile} is a mobile of {owner} too: it counts as {owner}"
                yield source.problem(path, wrong, "keep it at one extension")
            if e164 in own:
                wrong = f"{mobile} is one of the company's own numbers too: calls of it are calls of {number}"
                yield source.problem(path, wrong, "remove it here or from numbers.own")


def _shared_devices(extension_map: ExtensionMap, source: Source) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for path, device, number in _devices_of_extensions(extension_map):
        owner = owners.setdefault(canonical(device), number)
        namesake = device.partition("/")[2]
        if owner != number:
            yield source.problem(path, f"{device} is a device of {owner} too: it counts as {owner}", "keep it at one")
        elif namesake != number and namesake in extension_map.extensions:
            wrong = f"{device} is named like extension {namesake}, and counts as {number}"
            yield source.problem(path, wrong, f"remove it here if it is the device of {namesake}")
    pairs: set[tuple[str, str]] = set()
    for index, entry in enumerate(extension_map.devices):
        device = canonical(entry.device)
        if device in owners:
            wrong = f"{entry.device} is a device of {owners[device]} too: it counts so for every number"
            yield source.problem(("devices", index), wrong, "keep it in one place")
        elif (device, entry.number) in pairs:
            wrong = f"{entry.device} has the number {entry.number} already"
            yield source.problem(("devices", index), wrong, "remove this entry")
        pairs.add((device, entry.number))
    trunks: set[str] = set()
    for index, trunk in enumerate(extension_map.trunks):
        if canonical(trunk.device) in trunks:
            wrong = f"{trunk.device} is a trunk already: the entry above counts"
            yield source.problem(("trunks", index), wrong, "remove this entry")
        trunks.add(canonical(trunk.device))


def _devices_that_are_no_persons(extension_map: ExtensionMap, source: Source) -> Iterator[Problem]:
    """Devices of extensions that are trunks or machines too: those go first."""
    trunks = [("trunks", index, trunk.device, "an outside line") for index, trunk in enumerate(extension_map.trunks)]
    machines = [("machines", index, device, "a machine") for index, device in enumerate(extension_map.machines)]
    for key, index, device, counts_as in (*trunks, *machines):
        pattern = wildcard(canonical(device))
        technology = device.partition("/")[0].upper()
        for path, listed, number in (*_devices_of_extensions(extension_map), *_devices_behind(extension_map)):
            if pattern.fullmatch(canonical(listed)):
                wrong = f"{listed} stands under {key} too: it counts as {counts_as}, never as {number}"
                yield source.problem(path, wrong, "keep it in one place")
        for number in extension_map.extensions:
            if technology not in PORTS and pattern.fullmatch(f"{technology}/{number}"):
                wrong = f"{device} covers the device of extension {number}: it counts as {counts_as}"
                yield source.problem((key, index), wrong, "name the device more exactly, or remove the extension")


def _unknown_extensions(
    settings: Settings, extension_map: ExtensionMap, main: Source, map_source: Source
) -> Iterator[Problem]:
    remedy = "add it to `extensions`, or mend the number"
    for index, entry in enumerate(extension_map.devices):
        if entry.number not in extension_map.extensions:
            yield map_source.problem(("devices", index, "number"), f"{entry.number} is not in the map", remedy)
    default = settings.missed_owner.default
    if default is not None and default not in extension_map.extensions:
        yield main.problem(("missed_owner", "default"), f"{default} is not in the map", remedy)


def _no_trunks(extension_map: ExtensionMap, source: Source) -> Iterator[Problem]:
    if not extension_map.trunks:
        wrong = "no trunk is listed: whatever is nobody's counts as an outside line"
        yield source.problem(("trunks",), wrong, "list the trunks' devices: [PJSIP/provider]")


def _distrusted_offices(extension_map: ExtensionMap, source: Source) -> Iterator[Problem]:
    for index, trunk in enumerate(extension_map.trunks):
        if trunk.kind is TrunkKind.INTERNAL and not trunk.trust_caller_id:
            wrong = (
                f"{trunk.device} is another office: a caller who shows a short number is that colleague all the same"
            )
            remedy = "make it `kind: public`, or remove `trust_caller_id: false`"
            yield source.problem(("trunks", index, "trust_caller_id"), wrong, remedy)


def _clients_that_look_internal(settings: Settings, main: Source) -> Iterator[Problem]:
    example = phonenumbers.example_number_for_type(settings.numbers.region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    spellings = (e164.removeprefix("+"), e164, re.sub(r"\D", "", national), str(example.national_number))
    for spelling in spellings:
        if re.fullmatch(settings.numbers.internal, spelling):
            wrong = f"a client's number such as {spelling} looks like an extension"
            yield main.problem(("numbers", "internal"), wrong, "narrow the pattern: '\\d{2,4}'")
            return


def _secrets(settings: Settings, main: Source) -> Iterator[Problem]:
    for path, secret in secrets_of(settings):
        if secret.origin is Origin.PLAIN:
            if _everybody_reads(Path(main.file)):
                wrong = "a secret stands in a file that everybody on this host can read"
                yield main.problem(path, wrong, f"chmod o-r {main.file}, or write {{file: …}}")
            continue
        if secret.origin is Origin.FILE and _everybody_reads(Path(secret.where)):
            yield main.problem(
                path, f"everybody on this host can read the secret file {secret.where}", f"chmod o-r {secret.where}"
            )


def secrets_of(settings: Settings) -> Iterator[tuple[tuple[Step, ...], Secret]]:
    """Every secret of the main file, with the path to it."""
    for key, entries in (("pbx", settings.pbx), ("crm", settings.crm)):
        for index, entry in enumerate(entries):
            yield from _secrets_in((key, index), entry)


def _secrets_in(path: tuple[Step, ...], model: Model) -> Iterator[tuple[tuple[Step, ...], Secret]]:
    for name, value in model:
        if isinstance(value, Secret):
            yield (*path, name), value
        elif isinstance(value, Model):
            yield from _secrets_in((*path, name), value)


def _everybody_reads(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False  # not there, or hidden from us too


def _devices_of_extensions(extension_map: ExtensionMap) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    """Each device listed at an extension: where it stands, the device, the extension."""
    for number, extension in extension_map.extensions.items():
        for index, device in enumerate(extension.devices):
            yield ("extensions", number, "devices", index), device, number


def _devices_behind(extension_map: ExtensionMap) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    """The same for the devices with several extensions behind them."""
    for index, entry in enumerate(extension_map.devices):
        yield ("devices", index, "device"), entry.device, entry.number
