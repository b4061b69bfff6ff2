"""What really happened, held against what a replay says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

UNHEARD = 0.06
"""Seconds of talk that ears may not hear: sound goes in packets of 20 ms, and two are needed to know a voice."""
TALK, BY_EAR = 0.8, 0.4
"""By so many seconds a talk may differ: of a script, and of what ears heard (0.1 s but for digits)."""
COMPARED = ("direction", "client", "did", "answered", "participants", "rang", "transfers", "cards")


def differences(truth: dict[str, Any], records: Sequence[dict[str, Any]]) -> list[str]:
    """Every difference between the truth of a capture and the records of its replay, in words."""
    wrong = [f"a card on a call between colleagues: {r['cards']}" for r in records if not _clients(r) and r["cards"]]
    for call in truth["calls"]:
        wrong += _beside(call, records)
    if any(call.get("recorded") for call in truth["calls"]) and not any(r["recordings"] for r in records):
        wrong.append("the recording's file is on no call")
    if any(call.get("consulted") for call in truth["calls"]) and not any(r["consulted"] for r in records):
        wrong.append("the consulted colleague is named nowhere")
    got = [record for record in records if _clients(record)]
    if truth["scenario"] == "click_to_call_ignored":  # nobody outside was ever called
        got = [record for record in got if record["answered"] or record["cards"]]
    for call in sorted(truth["calls"], key=lambda call: bool(call.get("optional"))):
        of_it = [record for record in got if _is_of(record, call, truth)]
        if of_it:  # one client may have called twice: the record with the most alike talk is of this call
            match = min(of_it, key=lambda record: max(talk_off(record, call).values(), default=0.0))
            got.remove(match)
            unsure = call.get("unsure", {})
            off = {one: by for one, by in talk_off(match, call).items() if by > BY_EAR + unsure.get(one, 0.0)}
            wrong += [
                f"{one} talked {call['heard'][one]} s with {call['client']}, told {by:.2f} s off"
                for one, by in off.items()
            ]
        elif not call.get("optional"):
            wrong.append(f"missing    {_expected(call)}")
    return wrong + [f"unexpected {_seen(record)}" for record in got]


def doubtful(record: dict[str, Any], call: dict[str, Any], truth: dict[str, Any]) -> set[str]:
    """Those of whom the ears cannot say whether they talked to the client: heard too shortly, or told of as having
    talked more shortly than one can hear. Whose phone, or the client's, was on hold all that time has not talked.
    """
    unsure = set(call.get("either", ()))
    if "on_hold" in truth:
        for part in record["participants"]:
            first, last = (datetime.fromisoformat(part[end]).timestamp() for end in ("from", "to"))
            holds = [*truth["on_hold"].get(part["extension"], ()), *truth["on_hold"].get(call["client"], ())]
            unheard = last - first <= UNHEARD or _within(first, last, truth.get("mixing", ()))
            if unheard and not _within(first, last, holds):
                unsure.add(part["extension"])
    return unsure - set(call["participants"])


def _within(first: float, last: float, spans: Sequence[Sequence[float]]) -> bool:
    return any(begin <= first and last <= end for begin, end in spans)


def _clients(record: dict[str, Any]) -> bool:
    return bool(record["direction"] != "internal")


def _beside(call: dict[str, Any], records: Sequence[dict[str, Any]]) -> list[str]:
    """What the truth tells of a call beside the compared keys: its queue, and how long who talked."""
    wrong = []
    if "queue" in call and call["queue"] not in [record["queue"] for record in records]:
        wrong.append(f"no call through queue {call['queue']}")
    for extension, seconds in call.get("talk", {}).items():
        said = [
            part["talk_seconds"]
            for record in records
            if record["client"] == call["client"]
            for part in record["participants"]
            if part["extension"] == extension
        ]
        if not said or abs(said[0] - seconds) > TALK:
            wrong.append(f"{extension} talked {seconds} s, not {said}")
    return wrong


def _seen(record: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: record[key] for key in ("direction", "client", "did", "answered")},
        "participants": [part["extension"] for part in record["participants"]],
        "rang": record["rang"],
        "transfers": [[transfer["from"], transfer["to"]] for transfer in record["transfers"]],
        "cards": sorted(card["extension"] for card in record["cards"]),
    }


def _expected(call: dict[str, Any]) -> dict[str, Any]:
    did = None if call["direction"] == "outbound" else call["did"]
    return {**{key: call.get(key) for key in COMPARED}, "did": did, "cards": sorted(call["participants"])}


def _is_of(record: dict[str, Any], call: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether a record tells of this call as it was."""
    seen, want = _seen(record), _expected(call)
    if truth.get("any_order"):  # ears tell who talked, not who was first by milliseconds
        seen["participants"], want["participants"] = sorted(seen["participants"]), sorted(want["participants"])
    left_open = [*call.get("open", ())]
    if unsure := doubtful(record, call, truth):
        left_open = [key for key in left_open if key not in ("answered", "participants", "cards")]
        for key in ("participants", "cards"):
            seen[key] = [one for one in seen[key] if one not in unsure]
        seen["answered"] = bool(seen["participants"])
    return _agrees(seen, want, left_open)


def talk_off(record: dict[str, Any], call: dict[str, Any]) -> dict[str, float]:
    """By how many seconds the talk of each of whom it is known is told wrongly."""
    said = {part["extension"]: part["talk_seconds"] for part in record["participants"]}
    return {one: abs(said[one] - heard) for one, heard in call.get("heard", {}).items() if one in said}


def _agrees(seen: dict[str, Any], want: dict[str, Any], left_open: Sequence[str]) -> bool:
    """Whether they agree in all that the design does not leave open.

    A hand-over that no transfer event tells of (a console's redirect, a park) may or may not be listed as one.
    """
    keys = [key for key in COMPARED if key not in left_open and (key != "transfers" or want["transfers"])]
    return all(seen[key] == want[key] for key in keys)
