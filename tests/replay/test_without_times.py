"""Captures in which nothing tells a time (other people's dumps): what can be known is told, and nothing is invented."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from amibridge.cli import main
from tests.replay.playing import CAPTURES, Capture, capture, captures, listed

TIMES = ("answered_at", "ended_at", "from", "to", "talk_seconds", "opened_at", "closed_at")
WHOLE = [one for one in captures() if "recorder_comes" not in one.name]


def stripped(one: Capture, folder: Path) -> Path:
    """The capture as it would be without `timestampevents`, and not by `amibridge record`."""
    file = folder / "stripped.ami"
    file.write_bytes(re.sub(rb"\r\n(?:Timestamp|Received): [0-9.]+", b"", one.raw))
    return file


def replayed(file: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    assert main(["replay", "--json", "--config", str(config), str(file)]) == 0
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def undated(said: Any) -> Any:
    """Without what only a time tells."""
    if isinstance(said, dict):
        return {key: undated(value) for key, value in said.items() if key not in (*TIMES, "started_at", "because")}
    return [undated(one) for one in said] if isinstance(said, list) else said


@pytest.mark.parametrize("one", WHOLE, ids=lambda one: one.name)
def test_what_is_known_without_times_is_the_same(
    one: Capture, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    timed, silent = replayed(one.path, one.config, capfd)
    assert silent == ("" if timed else "no call is in it\n")
    untimed, said = replayed(stripped(one, tmp_path), one.config, capfd)
    assert [undated(call) for call in untimed] == [undated(call) for call in timed], "and in the same order"
    for call, known in zip(untimed, timed, strict=True):
        dated = [call, *call["participants"], *call["cards"]]
        assert {name: part[name] for part in dated for name in TIMES if name in part} == dict.fromkeys(
            (name for part in dated for name in TIMES if name in part), None
        )
        assert call["started_at"] <= known["started_at"], "the second in which its first channel was made"
    if timed:
        (line,) = said.splitlines()
        assert "no event in it says when it was" in line
    assert "1970" not in json.dumps(untimed)


def with_min_talk(folder: Path, seconds: float) -> Path:
    """The laboratory's configuration, with `min_talk_seconds`."""
    shutil.copy(CAPTURES / "lab-extensions.yaml", folder)
    config = folder / "lab.yaml"
    config.write_text(f"{(CAPTURES / 'lab.yaml').read_text()}cards:\n  min_talk_seconds: {seconds}\n")
    return config


def test_how_long_somebody_talked_is_unknown_not_nought(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, config = capture("asterisk-22/ringgroup_134_answers"), with_min_talk(tmp_path, 60)
    (timed,), _ = replayed(one.path, config, capfd)
    assert timed["cards"] == []
    (untimed,), _ = replayed(stripped(one, tmp_path), config, capfd)
    assert untimed["cards"] == [{"extension": "134", "opened_at": None, "closed_at": None}]


def test_people_can_read_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = capture("asterisk-22/ringgroup_134_answers")
    file = str(stripped(one, tmp_path))
    assert main(["replay", "--config", str(one.config), file]) == 0
    _, row = capfd.readouterr().out.splitlines()
    said = "19:56:09 inbound +79031234504 74950000002 answered 134 120 134 134 lab:1795290969.6"
    assert " ".join(row.split()) == said
    assert main(["explain", "--config", str(one.config), file, "1795290969.6"]) == 0
    out, err = capfd.readouterr()
    assert "from 19:56:09.000 UTC." in out.splitlines()[0]
    assert "134: participant. Card, at an unknown time." in out
    assert "in conversation with the client on PJSIP/134; nothing tells when and how long" in out
    assert "120: answered elsewhere. No card." in out
    assert re.search(r"\bnan\b|1970|None|0\.0 s", out) is None
    assert "no event in it says when it was" in err


@pytest.mark.parametrize("one", listed(), ids=lambda one: one.name)
def test_a_listing_without_times(one: Capture, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    timed, _ = replayed(one.path, one.config, capfd)
    untimed, _ = replayed(stripped(one, tmp_path), one.config, capfd)
    assert [undated(call) for call in untimed] == [undated(call) for call in timed]
