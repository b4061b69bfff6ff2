"""Was it right? What the CRMs were told of a story, held against what happened in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.live.crms import USERS, Crms, Told
from tests.replay.truth import differences

SHORT = 0.5
"""Seconds: the card of a shorter talk may come after it, or not at all."""
LATE = 0.3
"""By so much the clock of the events and that of a receiver may seem to differ."""


def wrong(truth: dict[str, Any], crms: Crms, since: "Mark", short: float = SHORT, late: float = LATE) -> list[str]:
    """Everything that is not as it should be, in words. short: as SHORT, late: as LATE."""
    # Of calls between colleagues no CRM is told, so no command tells of them here either. Nor do the daemon's events
    # carry the variables that name recordings.
    records = crms.records(since.told)
    calls = [{key: value for key, value in call.items() if key != "recorded"} for call in truth["calls"]]
    found = differences({**truth, "calls": calls}, records)
    ids = [record["call_id"] for record in records]
    if len(ids) != len(set(ids)):
        found.append(f"a call was recorded twice: {ids}")
    told = crms.told[since.told :]
    for record in records:
        found += _cards(record, told, short, late)
        found += _at_the_portal(record, crms, short)
        found += _on_the_bus(record, crms, since.retained, short)
    return found


class Mark:
    """Where a story begins in what the CRMs are told."""

    def __init__(self, crms: Crms | None = None) -> None:
        """Now; without CRMs the beginning of everything."""
        self.told, self.retained = (0, 0) if crms is None else (len(crms.told), len(crms.retained))


def settled(crms: Crms, since: Mark, calls: int) -> bool:
    """Whether all calls that began are over, at least so many, and every CRM has heard so."""
    told = crms.told[since.told :]
    began = {one.call_id for one in told if one.type == "call.started"}
    over = {one.call_id for one in told if one.type == "call.finished"}
    at_portal = {
        str(call.external_id).split("/")[0] for call in crms.portal.calls.values() if call.finished is not None
    }
    cleared: dict[str, str | None] = {}
    for one in crms.retained:
        cleared[one.extension] = one.call_id
    return len(over) >= calls and began <= over <= at_portal and not any(cleared.values())


def _cards(record: dict[str, Any], told: Sequence[Told], short: float, late: float) -> list[str]:
    """Each card came while its talk went on."""
    call_id = record["call_id"]
    shown = {one.data["extension"] for one in told if one.type == "card.open" and one.call_id == call_id}
    found = [f"a card opened for {one}" for one in shown - {card["extension"] for card in record["cards"]}]
    for part in record["participants"]:
        extension = part["extension"]
        first, last = (datetime.fromisoformat(part[end]).timestamp() for end in ("from", "to"))
        opened = [
            one.at
            for one in told
            if one.type == "card.open" and one.call_id == call_id and one.data["extension"] == extension
        ]
        if last - first < short:
            continue
        if not opened:
            found.append(f"{extension} talked for {last - first:.1f} s and got no card")
        elif not first - LATE <= opened[0] <= last + late:
            found.append(f"the card of {extension} came at {opened[0]}, the talk was from {first} to {last}")
    return found


def _at_the_portal(record: dict[str, Any], crms: Crms, short: float) -> list[str]:
    """Its card for everybody who talked, nobody else's, and one record for each of them."""
    found = []
    calls = [call for call in crms.portal.calls.values() if str(call.external_id).split("/")[0] == record["call_id"]]
    long_enough = {USERS[part["extension"]] for part in record["participants"] if part["talk_seconds"] >= short}
    all_who_talked = {USERS[part["extension"]] for part in record["participants"]}
    shown = {user for call in calls for user in call.shown}
    if not long_enough <= shown <= all_who_talked:
        found.append(f"the portal showed the card to {shown}, and {all_who_talked} talked")
    finished = sorted(int(call.finished["USER_ID"]) for call in calls if call.finished is not None)
    if all_who_talked and finished != sorted(all_who_talked):
        found.append(f"the portal has records for {finished}, and {sorted(all_who_talked)} talked")
    if not all_who_talked and len(finished) != 1:
        found.append(f"a missed call is {len(finished)} records at the portal")
    return found


def _on_the_bus(record: dict[str, Any], crms: Crms, since: int, short: float) -> list[str]:
    on_show = {one.extension for one in crms.retained[since:] if one.call_id == record["call_id"]}
    long_enough = {part["extension"] for part in record["participants"] if part["talk_seconds"] >= short}
    cards = {card["extension"] for card in record["cards"]}
    return [] if long_enough <= on_show <= cards else [f"the broker showed cards of {on_show}, not of {cards}"]
