"""What became of a call's commands at each CRM, in plain words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amibridge.calls import CommandType
from amibridge.calls.record import clock
from amibridge.cli.printing import utc
from amibridge.store import State
from amibridge.store.archive import CallStory, DeliveryLine

if TYPE_CHECKING:
    from amibridge.directory.settings import Settings

_FATES = {
    State.PENDING: "waits for {crm} since {at}",
    State.SENDING: "on its way to {crm} since {at}",
    State.DONE: "delivered to {crm} at {at}",
    State.EXPIRED: "too late for {crm} at {at}",
    State.SUPERSEDED: "not needed by {crm} any more at {at}",
    State.REFUSED: "refused by {crm} at {at}",
    State.UNCLEAR: "may have reached {crm} at {at}: it will not be sent again",
}
_NOT_SHOWN = (State.PENDING, State.EXPIRED, State.SUPERSEDED, State.REFUSED)

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told now, by the configuration. Of shadow mode nothing is in the store but cards without deliveries."""

    shadow: bool
    crms: frozenset[str]

    @staticmethod
    def of(settings: "Settings") -> "Listeners":
        return Listeners(settings.shadow, frozenset(crm.name for crm in settings.crm))

    def nobody(self) -> str:
        """Why a card was told to no CRM at all."""
        if self.shadow:
            return "no CRM was told (shadow: true)"
        return "no CRM was told: none was configured, or it was in shadow mode" if self.crms else "no CRM is configured"


def not_shown(
    record: Record, deliveries: Sequence[DeliveryLine], listeners: Listeners, *, short: bool = False
) -> dict[str, list[str]]:
    """The cards of a call that were not seen, by extension: at which CRM not, and why. short: without times.

    record: the call's, of the output contract. deliveries: the call's; others than of cards are passed over.
    """
    found: dict[str, list[str]] = {}
    for card in record["cards"]:
        extension = card["extension"]
        opening = f"{record['call_id']}/{extension}/card.open"
        by_crm: dict[str, list[DeliveryLine]] = {}
        for line in deliveries:
            if line.type == CommandType.CARD_OPEN and (line.key + "/").startswith(f"{opening}/"):
                by_crm.setdefault(line.crm, []).append(line)
        # A card that was shown once was seen, whatever became of the second opening.
        lost = [lines[-1] for lines in by_crm.values() if all(line.state in _NOT_SHOWN for line in lines)]
        words = [_lost(line, listeners, short=short) for line in lost] if by_crm else [listeners.nobody()]
        if words:
            found[extension] = words
    return found


def _lost(line: DeliveryLine, listeners: Listeners, *, short: bool) -> str:
    gone = "" if line.crm in listeners.crms else ", which is not configured any more"
    if not short:
        return fate(line) + gone
    why = f" ({line.error})" if line.error else ""
    return _FATES[line.state].partition(" since {at}")[0].partition(" at {at}")[0].format(crm=line.crm) + gone + why


def fates(story: CallStory, listeners: Listeners, extension: str | None = None) -> Iterator[str]:
    """A line for each command and CRM; with an extension only its cards, and what was said of the call itself."""
    lines = [line for line in story.deliveries if extension is None or _concerns(extension, _said(story, line))]
    if not lines:
        said = "shadow is on, so nothing is sent" if listeners.shadow else "there was none to tell, or nothing to say"
        yield f"  No CRM was told anything of this: {said}."
        return
    yield "  What the CRMs were told (times are UTC, by this host's clock):"
    for line in lines:
        yield f"  {_said(story, line)}: {fate(line)}"


def fate(line: DeliveryLine) -> str:
    """`delivered to sales at 2026-11-21 12:00:01.250, 1 attempt`."""
    at = line.created_at if line.state is State.PENDING else line.changed_at
    told = _FATES[line.state].format(crm=line.crm, at=f"{utc(at)[:10]} {clock(at)}")
    told += f", {line.attempts} attempt{'' if line.attempts == 1 else 's'}"
    if line.error and line.state is not State.DONE:
        told += f" ({line.error})"
    if line.state is State.PENDING and line.not_before:
        told += f", to be tried at {utc(line.not_before)}"
    return told


def _said(story: CallStory, line: DeliveryLine) -> str:
    """The key without the call's id: `134/card.open`, `call.finished`."""
    return line.key.removeprefix(f"{story.line.call_id}/")


def _concerns(extension: str, said: str) -> bool:
    return said.startswith((f"{extension}/", "call."))
