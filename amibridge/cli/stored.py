"""A stored call as the core tells of it: the journal has the record of a call that is over; that of a live one is made
of what is known so far."""

from collections.abc import Collection, Mapping
from typing import Any

from amibridge.calls import End, Ended, Finding, Verdict
from amibridge.calls.record import iso
from amibridge.store.archive import CallLine, CallStory


def as_ended(story: CallStory) -> Ended:
    """The call with its evidence; a live one as cut off now."""
    line = story.line
    if line.ended is None or line.record is None:
        return Ended(line.call_id, End.CUT, line.began, line.began, record_so_far(story), tuple(story.trail))
    how = End(line.how_ended) if line.how_ended is not None else End.SEEN
    return Ended(line.call_id, how, line.ended, line.ended, line.record, tuple(story.trail))


def record_so_far(story: CallStory) -> Mapping[str, Any]:
    """The object of the output contract for a live call. What cannot be known before its end is null or empty."""
    line = story.line
    opened = {card.extension for card in story.cards if card.openings}
    talkers = [(said.wall, said.extension) for said in story.verdicts if said.finding is Finding.PARTICIPANT]
    return {
        "call_id": line.call_id,
        "direction": _direction(line),
        "client": line.client,
        "client_raw": line.client_raw,
        "did": line.did,
        "line": None,
        "queue": None,
        "initiator": None,
        "started_at": iso(line.began),
        "answered_at": iso(talkers[0][0]) if talkers else None,
        "ended_at": None,
        "answered": True if talkers else None,
        "outcome": None,
        "participants": [
            {
                "extension": extension,
                "from": iso(since),
                "to": None,
                "talk_seconds": None,
                "device": None,
                "via_mobile": None,
                "unconfirmed": None,
                "unverified": None,
            }
            for since, extension in talkers
        ],
        "rang": [],
        "consulted": [],
        "transfers": [],
        "cards": [
            {
                "extension": card.extension,
                "opened_at": iso(card.opened_at),
                "closed_at": None if card.openings > card.closings else iso(card.closed_at),
            }
            for card in story.cards
            if card.openings
        ],
        "verdicts": {said.extension: _verdict(said, opened) for said in story.verdicts},
        "third_parties": [],
        "linked_calls": [],
        "recordings": [],
        "partial": None,
    }


def _verdict(said: Verdict, opened: Collection[str]) -> dict[str, str]:
    verdict = {"verdict": said.finding.value, "because": said.because}
    if said.no_card is not None and said.extension not in opened:
        verdict["no_card"] = said.no_card
    return verdict


def _direction(line: CallLine) -> str:
    """Only clients' calls are in the journal before their end."""
    return "outbound" if line.outbound else "inbound"
