"""Explaining: a call's record and evidence in plain words, for whoever asks "why did 120 get a card?"."""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from types import MappingProxyType
from typing import Any

from amibridge.calls.lacking import LACKS
from amibridge.calls.outputs import End, Ended
from amibridge.calls.record import clock

_ENDS = {
    End.VANISHED: "its end was not seen: the link to the PBX was down",
    End.FORGOTTEN: "its end was never seen; it was closed after a long silence",
    End.CUT: "it has not ended: what follows is what is known so far",
}


def told(
    ended: Ended, extension: str | None = None, not_shown: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Iterator[str]:
    """The lines of the explanation; with an extension only what concerns it. Times are UTC.

    not_shown: by extension, the CRMs at which its card was not seen, each in words.
    """
    record = ended.record
    yield f"Call {record['call_id']}: {_between(record)}, {_when(record)}."
    if ended.end in _ENDS:
        yield f"  Note: {_ENDS[ended.end]}."
    if record["partial"]:
        yield "  Note: its beginning was not seen."
    if "fault" in record:
        yield f"  Note: amibridge failed at {record['fault']}; this may be told wrongly. Please report it with the log."
    if record.get("lacks_events"):
        yield f"  Note: {LACKS} Somebody answered, and no BridgeEnter of it ever came: who talked cannot be known."
    outcome = "not known" if record.get("lacks_events") else record["outcome"]
    yield f"  Outcome: {outcome}.{_where(record)}"
    yield ""
    verdicts = record["verdicts"]
    opened = {card["extension"]: card for card in record["cards"]}
    asked = [extension] if extension is not None else sorted(verdicts)
    for name in asked:
        if name not in verdicts:
            yield f"  {name}: took no part in this call. It was not dialled for it and talked to nobody in it: no card."
            continue
        yield f"  {name}: {verdicts[name]['verdict']}. {_card(opened.get(name), verdicts[name])}"
        yield f"      {verdicts[name]['because']}"
        for where in not_shown.get(name, ()):
            yield f"      The card was not shown: {where}"
    for transfer in record["transfers"]:
        yield f"  {transfer['from']} handed the client over to {transfer['to']} ({transfer['kind']})."
    yield ""
    for fact in ended.trail:
        if extension is None or fact.extension in (extension, None):
            when = "-" if isnan(fact.wall) else clock(fact.wall)
            yield f"  {when:>12}  {fact.extension or '-':>6}  {fact.text}"


def _between(record: Mapping[str, Any]) -> str:
    client = record["client"] or record["client_raw"] or "a withheld number"
    if record["direction"] == "inbound":
        return f"{client} called {record['did'] or 'an unknown number'}"
    if record["direction"] == "outbound":
        return f"{record['initiator'] or 'somebody'} called {client}"
    shown = f" at {record['client_raw']} (unverified)" if record["client_raw"] else ""
    return f"between colleagues, begun by {record['initiator'] or 'somebody'}{shown}"


def _when(record: Mapping[str, Any]) -> str:
    began, ended = record["started_at"], record["ended_at"]
    if began is None:
        return "at an unknown time"
    return f"{began[:10]} from {began[11:23]}" + (f" to {ended[11:23]}" if ended else "") + " UTC"


def _where(record: Mapping[str, Any]) -> str:
    return f" Through queue {record['queue']}." if record["queue"] else ""


def _card(card: Mapping[str, str] | None, verdict: Mapping[str, str]) -> str:
    if card is None:
        reason = verdict.get("no_card")
        return "No card." if reason is None else f"No card: {reason.removesuffix('?')}."
    if card["opened_at"] is None:
        return "Card, at an unknown time."
    until = f" to {card['closed_at'][11:23]}" if card["closed_at"] else ", still open"
    return f"Card from {card['opened_at'][11:23]}{until}."
