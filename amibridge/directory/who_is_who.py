"""Who is who: from a channel's device, and the number at its far end, to who stands behind it.

A device is looked up once; its standing is remembered by its name, and the answer for a far end by the number.
"""

import re
from dataclasses import dataclass

from amibridge.calls.who import Kind, Who
from amibridge.directory.devices import PORTS, canonical, device_of
from amibridge.directory.extension_map import ExtensionMap, Trunk, TrunkKind
from amibridge.directory.numbers import NumberPlan, plain_number
from amibridge.directory.remembering import remembered
from amibridge.directory.settings import CallsIn, Settings
from amibridge.directory.wildcards import has_wildcard, wildcard

MACHINES_BY_NATURE = frozenset({"AUDIOSOCKET", "WEBSOCKET"})

# Names and numbers come from outside, any of them: what is remembered of them has a bound.
_REMEMBERED_DEVICES = 4096
_REMEMBERED_NUMBERS = 16384

_NOBODY = Who(Kind.NOBODY)
_MACHINE = Who(Kind.MACHINE)


@dataclass(frozen=True, slots=True)
class Line:
    """An outside line: who stands behind it depends on the number at its far end."""

    name: str | None = None
    internal: bool = False
    """The far end is another office: a short number is a colleague."""
    proves_answer: bool = True
    trusts_caller_id: bool = True
    """A caller who shows a colleague's mobile is that colleague."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A device with many extensions behind it, told apart by the number."""

    extensions: frozenset[str]


Standing = Who | Line | Gateway
"""What a device is: the whole answer, or what the number decides."""

_UNLISTED_LINE = Line()


class WhoIsWho:
    """Answers who stands behind a device channel, in the order of the design."""

    def __init__(self, settings: Settings, extension_map: ExtensionMap, numbers: NumberPlan) -> None:
        self._numbers = numbers
        self._ignored = frozenset(canonical(entry) for entry in settings.ignore)
        self._machines = [wildcard(canonical(device)) for device in extension_map.machines]
        self._lines = _lines(extension_map)
        self._listed = _listed_devices(extension_map)
        self._name_patterns = [_around_the_number(pattern) for pattern in settings.extension_names]
        self._mobiles = _mobiles(extension_map, numbers)
        self._callers_may_be_colleagues = settings.mobiles.calls_in is CallsIn.COLLEAGUE
        self._own = frozenset(numbers.same(own) for own in settings.numbers.own)
        self._standing_of = remembered(_REMEMBERED_DEVICES, self._look_up)
        self._far_end_of = remembered(_REMEMBERED_NUMBERS, self._look_behind)

    def who(self, channel: str, number: str | None, shown: bool = False) -> Who:
        """Who stands behind a channel; number: the one at its far end, as it came; shown: by a caller."""
        standing = self._standing_of(device_of(channel))
        if isinstance(standing, Who):
            return standing
        if isinstance(standing, Line):
            return self._far_end_of(standing, number, shown)
        return self._behind_gateway(standing, number, shown)

    def is_own(self, number: str) -> bool:
        """Whether this is one of the company's own numbers."""
        return self._numbers.same(number) in self._own

    def mobile_of(self, number: str) -> str | None:
        """The extension whose mobile this is."""
        return self._mobiles.get(self._numbers.same(number))

    def line_name(self, channel: str) -> str | None:
        """The name of the trunk that a channel belongs to."""
        standing = self._standing_of(device_of(channel))
        return standing.name if isinstance(standing, Line) else None

    def _look_up(self, device: str) -> Standing:
        """The order of the design, for a device in canonical form."""
        technology, _, name = device.partition("/")
        if technology in self._ignored or device in self._ignored:
            return _NOBODY
        if technology in MACHINES_BY_NATURE or any(pattern.fullmatch(device) for pattern in self._machines):
            return _MACHINE
        for pattern, line in self._lines:
            if pattern.fullmatch(device):
                return line
        if listed := self._listed.get(device):
            return listed
        if technology not in PORTS and (extension := self._named(name)):
            return Who(Kind.EXTENSION, extension)
        return _UNLISTED_LINE

    def _named(self, name: str) -> str | None:
        """The extension that a device is named like: one of the map before one that only looks like it."""
        inner = [match[1] for pattern in self._name_patterns if (match := pattern.fullmatch(name))]
        for is_extension in (self._numbers.in_map, self._numbers.looks_internal):
            for candidate in (name, *inner):
                if is_extension(candidate):
                    return candidate
        return None

    def _look_behind(self, line: Line, number: str | None, shown: bool) -> Who:
        """Who is at the far end of an outside line."""
        outside = Who(Kind.OUTSIDE, proves_answer=line.proves_answer)
        if number is None:
            return outside
        if mobile_of := self.mobile_of(number):
            if shown and not (line.trusts_caller_id and self._callers_may_be_colleagues):
                return outside
            return Who(Kind.EXTENSION, mobile_of, via_mobile=True, unverified=shown, proves_answer=line.proves_answer)
        # Between offices the company shows its own numbers; a caller from outside has none of them.
        if self.is_own(number) and (line.internal or not shown):
            return Who(Kind.OWN, proves_answer=line.proves_answer)
        colleague = plain_number(number)
        if line.internal and self._numbers.is_internal(colleague):
            return Who(Kind.EXTENSION, colleague, proves_answer=line.proves_answer)
        return outside

    def _behind_gateway(self, gateway: Gateway, number: str | None, shown: bool) -> Who:
        """The extension whose number it is; a long number is somebody outside, reached through the gateway."""
        if number is None and len(gateway.extensions) == 1:
            return Who(Kind.EXTENSION, next(iter(gateway.extensions)))
        extension = plain_number(number or "")
        if extension in gateway.extensions or self._numbers.is_internal(extension):
            return Who(Kind.EXTENSION, extension)
        return self._far_end_of(_UNLISTED_LINE, number, shown)


def _lines(extension_map: ExtensionMap) -> list[tuple[re.Pattern[str], Line]]:
    """The trunks, those said exactly before those said by a pattern."""

    def line(trunk: Trunk) -> Line:
        internal = trunk.kind is TrunkKind.INTERNAL
        return Line(trunk.name, internal, trunk.answer_supervision, trunk.trust_caller_id)

    trunks = sorted(extension_map.trunks, key=lambda trunk: has_wildcard(trunk.device))
    return [(wildcard(canonical(trunk.device)), line(trunk)) for trunk in trunks]


def _listed_devices(extension_map: ExtensionMap) -> dict[str, Standing]:
    """The devices that the map lists. Of two entries for one device the first counts; `check` warns of it."""
    listed: dict[str, Standing] = {}
    for number, extension in extension_map.extensions.items():
        who = Who(Kind.EXTENSION, number)
        for device in extension.devices:
            listed.setdefault(canonical(device), who)
    behind: dict[str, set[str]] = {}
    for entry in extension_map.devices:
        behind.setdefault(canonical(entry.device), set()).add(entry.number)
    for device, numbers in behind.items():
        listed.setdefault(device, Gateway(frozenset(numbers)))
    return listed


def _mobiles(extension_map: ExtensionMap, numbers: NumberPlan) -> dict[str, str]:
    """From a mobile to the extension whose it is; the first one, where two claim it."""
    mobiles: dict[str, str] = {}
    for extension, entry in extension_map.extensions.items():
        for mobile in entry.mobiles:
            mobiles.setdefault(numbers.same(mobile), extension)
    return mobiles


def _around_the_number(pattern: str) -> re.Pattern[str]:
    """``{ext}-WS`` as a regular expression whose group is the number."""
    before, _, behind = pattern.partition("{ext}")
    return re.compile(f"{re.escape(before)}(.+){re.escape(behind)}")
