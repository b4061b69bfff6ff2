"""Was it right? What the CRMs were told of a composed story, held against what the phones heard in it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.live.chance.ears import without
from tests.live.chance.performing import Performed
from tests.live.crms import Crms, Told
from tests.live.troubles import SEEN, doubled
from tests.live.verdict import Mark, settled, wrong
from tests.replay.truth import doubtful, talk_off

SHORT, LATE = 2.0, 1.0
"""Seconds, as the verdict's: these talks are short, and many theatres play on one machine. Whether a card is due the
record says; by how much the CRM may be late is for the stories with longer talks to measure.
"""
Pair = tuple[str, str]
"""A client's number and an extension."""
NAMELESS = str(None)
"""A client whose number no record knows."""


@dataclass
class Verdict:
    """Of one story. wrong: everything that is not as it should be, in words. The numbers are of cards.

    superseded: of talks that were over before the CRM was told. talk_off: by how many seconds at most a talk is told
    wrongly.
    """

    wrong: list[str]
    calls: int = 0
    due: int = 0
    opened: int = 0
    missing: int = 0
    for_others: int = 0
    doubled: int = 0
    left_open: int = 0
    skipped: int = 0
    superseded: int = 0
    talk_off: float = 0.0
    cut: bool = False


def judged(performed: Performed, crms: Crms, since: Mark, gap: Sequence[tuple[float, float]] = ()) -> Verdict:
    """Waits until every CRM has heard of the end. gap: when the daemon did not hear the PBX."""
    certain = [call for call in performed.truth["calls"] if not call.get("optional")]
    crms.until(lambda: settled(crms, since, 0 if gap else len(certain)))
    told = crms.told[since.told :]
    records = crms.records(since.told)
    cards = {(one.call_id, one.data["extension"]) for one in told if one.type == "card.open"}
    clients = {record["call_id"]: record for record in records}
    opened = Counter((str(clients[call]["client"]), who) for call, who in cards if call in clients)
    superseded = Counter(
        (str(record["client"]), card["extension"])
        for record in records
        for card in record["cards"]
        if (record["call_id"], card["extension"]) not in cards
    )
    due = Counter((call["client"], who) for call in certain for who in call["participants"])
    unsure = {
        (call["client"], who)
        for call in performed.truth["calls"]
        for record in records
        if record["client"] == call["client"]
        for who in doubtful(record, call, performed.truth)
    }
    if gap:
        found, due, talked = _after_a_gap(performed, told, opened, unsure, gap)
        unsure |= talked
    else:
        found = wrong(performed.truth, crms, since, SHORT, LATE)
    off = [
        min(
            max(talk_off(record, call).values(), default=0.0)
            for record in records
            if record["client"] == call["client"]
        )
        for call in certain
        if call["client"] in {record["client"] for record in records}
    ]
    twice = doubled(told)
    if twice:
        found.append(f"{twice} cards were opened while they were open")
    return Verdict(
        wrong=found,
        calls=len(performed.truth["calls"]),
        due=due.total(),
        opened=opened.total(),
        missing=(due - opened - superseded).total(),
        superseded=superseded.total(),
        for_others=sum(times for pair, times in (opened - due).items() if pair not in unsure),
        doubled=twice,
        left_open=sum(len(call.get("either", ())) for call in performed.truth["calls"]),
        skipped=sum(bool(done.skipped) for done in performed.played),
        talk_off=0.0 if gap else round(max(off, default=0.0), 2),
        cut=bool(gap),
    )


def _after_a_gap(
    performed: Performed,
    told: Sequence[Told],
    opened: Counter[Pair],
    unsure: set[Pair],
    gap: Sequence[tuple[float, float]],
) -> tuple[list[str], Counter[Pair], set[Pair]]:
    """What is wrong all the same; the cards due (of those who talked long enough beside the gap); who talked."""
    due: Counter[Pair] = Counter()
    talked: set[Pair] = set()
    for one in performed.met:
        for who, spans in one.talk.items():
            pair = (f"+{one.outside.number}", who)
            talked.add(pair)
            if one.outside.did is None and pair not in opened:  # a listing does not say what was dialled in the gap
                pair = NAMELESS, who
                talked.add(pair)
            if max((end - begin for begin, end in without(spans, gap)), default=0.0) >= SEEN:
                due[pair] = 1
    found = [f"{pair} talked beside the gap, and has no card" for pair in due if pair not in opened]
    found += [f"{pair} did not talk and has a card" for pair in opened if pair not in talked | unsure]
    began = {one.call_id for one in told if one.type == "call.started"}
    over = {one.call_id for one in told if one.type == "call.finished"}
    return found + ([f"began {began}, over {over}"] if began != over else []), due, talked
