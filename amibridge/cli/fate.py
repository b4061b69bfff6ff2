"""What became of a call's commands at each CRM, in plain words."""

from collections.abc import Iterator

from amibridge.calls.record import clock
from amibridge.cli.printing import utc
from amibridge.store import State
from amibridge.store.archive import CallStory, DeliveryLine

_FATES = {
    State.PENDING: "waits for {crm} since {at}",
    State.SENDING: "on its way to {crm} since {at}",
    State.DONE: "delivered to {crm} at {at}",
    State.EXPIRED: "too late for {crm} at {at}",
    State.SUPERSEDED: "not needed by {crm} any more at {at}",
    State.REFUSED: "refused by {crm} at {at}",
    State.UNCLEAR: "may have reached {crm} at {at}: it will not be sent again",
}


def fates(story: CallStory, extension: str | None = None) -> Iterator[str]:
    """A line for each command and CRM; with an extension only its cards, and what was said of the call itself."""
    lines = [line for line in story.deliveries if extension is None or _concerns(extension, _said(story, line))]
    if not lines:
        yield "  No CRM was told anything of this: there was none to tell, or nothing to say."
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
