"""What really happened, held against what a replay says."""

from collections.abc import Sequence
from typing import Any

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
    got = [_seen(record) for record in records if _clients(record)]
    if truth["scenario"] == "click_to_call_ignored":  # nobody outside was ever called
        got = [call for call in got if call["answered"] or call["cards"]]
    for call in truth["calls"]:
        want = _expected(call)
        match = next((seen for seen in got if _agrees(seen, want, call.get("open", ()))), None)
        if match is None:
            wrong.append(f"missing    {want}")
        else:
            got.remove(match)
    return wrong + [f"unexpected {call}" for call in got]


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
        if not said or abs(said[0] - seconds) > 0.8:
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


def _agrees(seen: dict[str, Any], want: dict[str, Any], left_open: Sequence[str]) -> bool:
    """Whether they agree in all that the design does not leave open.

    A hand-over that no transfer event tells of (a console's redirect, a park) may or may not be listed as one.
    """
    keys = [key for key in COMPARED if key not in left_open and (key != "transfers" or want["transfers"])]
    return all(seen[key] == want[key] for key in keys)
