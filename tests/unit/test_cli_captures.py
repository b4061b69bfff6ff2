"""`replay` and `explain` as people type them."""

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from amibridge.cli import main

CAPTURES = Path(__file__).parents[1] / "replay/captures"
CONFIG = str(CAPTURES / "lab.yaml")
GROUP = CAPTURES / "asterisk-22/ringgroup_134_answers.ami.xz"


def test_replay_prints_a_table(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["replay", "--config", CONFIG, str(GROUP)]) == 0
    head, row = capfdbinary.readouterr().out.decode().splitlines()
    said = "began direction client did outcome talked rang cards call notes"
    assert head.split() == said.split()
    said = "inbound +79031234504 74950000002 answered 134:1.5s 120 134 134 lab:1795290969.6"
    assert row.split()[1:] == said.split()


def test_a_mobile_that_calls_in_is_shown_as_unverified(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    capture = str(CAPTURES / "asterisk-22/mobile_calls_in.ami.xz")
    assert main(["replay", "--config", CONFIG, capture]) == 0
    row = capfdbinary.readouterr().out.decode().splitlines()[1]
    said = "internal 79161112233 - answered 134(unverified):1.5s 120:1.5s 120 - lab:1795298871.32"
    assert row.split()[1:] == said.split()
    assert main(["explain", "--config", CONFIG, capture, "79161112233"]) == 0
    assert "between colleagues, begun by 134 at 79161112233 (unverified)" in capfdbinary.readouterr().out.decode()


@pytest.mark.parametrize("suffix", [".ami", ".ami.gz", ".ami.xz"])
def test_a_capture_is_read_however_it_is_packed(
    suffix: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    raw = lzma.decompress(GROUP.read_bytes())
    pack: dict[str, Callable[[bytes], bytes]] = {".ami": bytes, ".ami.gz": gzip.compress, ".ami.xz": lzma.compress}
    packed = pack[suffix](raw)
    file = tmp_path / f"capture{suffix}"
    file.write_bytes(packed)
    assert main(["replay", "--json", "--config", CONFIG, str(file)]) == 0
    (record,) = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert [card["extension"] for card in record["cards"]] == ["134"]


def test_a_compressed_capture_that_is_cut_short_gives_what_is_there(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "cut.ami.xz"
    file.write_bytes(GROUP.read_bytes()[:3000])
    assert main(["replay", "--json", "--config", CONFIG, str(file)]) == 0
    (record,) = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert record["ended_at"] is None


def test_explain_says_why_120_got_no_card(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["explain", "--config", CONFIG, str(GROUP), "+79031234504", "120"]) == 0
    told = capfdbinary.readouterr().out.decode()
    assert "120: answered elsewhere. No card." in told
    assert "PJSIP/120-00000008 rang; 134 on PJSIP/134 at 19:56:09.076 took the call" in told
    assert "134: participant" not in told


@pytest.mark.parametrize("asked", ["lab:1795290969.6", "1795290969.6", "79031234504"])
def test_a_call_is_found_by_its_id_and_by_the_number(asked: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["explain", "--config", CONFIG, str(GROUP), asked]) == 0
    assert "134: participant. Card from 19:56:09.076 to 19:56:10.583." in capfdbinary.readouterr().out.decode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "--config", CONFIG, "/does/not/exist.ami"], "/does/not/exist.ami: No such file or directory"),
        (["replay", "--config", CONFIG, "--pbx", "home", str(GROUP)], "no PBX is called home; there is lab"),
        (["replay", "--config", "/does/not/exist.yaml", str(GROUP)], "/does/not/exist.yaml:1:1: file: does not exist"),
        (["explain", "--config", CONFIG, str(GROUP), "112"], "no call 112; there is lab:1795290969.6"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line


def test_a_damaged_file_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "damaged.xz"
    file.write_bytes(b"no xz at all")
    assert main(["replay", "--config", CONFIG, str(file)]) == 1
    assert str(file) in capfd.readouterr().err
