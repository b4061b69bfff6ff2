"""`amibridge example`: what it writes works, and nothing is written over."""

import subprocess
import sys
from pathlib import Path

import pytest

from amibridge.cli import main
from amibridge.cli.service_user import SERVICE_USER
from amibridge.directory.loading import load
from tests.unit.test_unit_file import UNIT

CONFIG = Path(__file__).parents[2] / "config"


def test_the_pair_has_ten_lines() -> None:
    lines = [line for file in (CONFIG / "example").iterdir() for line in file.read_text().splitlines()]
    assert len(lines) <= 10


def test_check_finds_nothing_wrong_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new/one"
    assert main(["example", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"amibridge check --config {folder}/amibridge.yaml")
    assert {file.name for file in folder.iterdir()} == {"amibridge.yaml", "extensions.yaml", "ami.secret"}
    assert [oct(file.stat().st_mode & 0o777) for file in folder.iterdir()] == ["0o640"] * 3
    assert main(["check", "--config", str(folder / "amibridge.yaml")]) == 0
    assert capsys.readouterr().err == ""
    assert load(folder / "amibridge.yaml").settings.store.path == folder / "amibridge.db"


def test_the_full_one_has_the_reference_the_manager_user_and_the_unit(tmp_path: Path) -> None:
    assert main(["example", "--full", str(tmp_path)]) == 0
    for name in ("amibridge.yaml", "extensions.yaml"):
        assert (tmp_path / "reference" / name).read_text() == (CONFIG / name).read_text()
    assert (tmp_path / "amibridge.service").read_text() == UNIT.read_text()
    secret = (tmp_path / "ami.secret").read_text().strip()
    assert f"\nsecret = {secret} " in (tmp_path / "manager.conf").read_text()
    assert (tmp_path / "manager.conf").stat().st_mode & 0o777 == 0o600


def test_every_secret_is_another(tmp_path: Path) -> None:
    for name in "ab":
        main(["example", str(tmp_path / name)])
    assert (tmp_path / "a/ami.secret").read_text() != (tmp_path / "b/ami.secret").read_text()


def test_nothing_is_written_where_one_of_them_is_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ami.secret").symlink_to(tmp_path / "nowhere")
    assert main(["example", str(tmp_path)]) == 1
    assert "ami.secret is there already, and nothing was written" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["ami.secret"]


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["example", str(tmp_path / "file/folder")]) == 1
    assert "name a folder that you may write to" in capsys.readouterr().err


def test_the_services_user_is_that_of_the_unit() -> None:
    assert f"\nUser={SERVICE_USER}\n" in UNIT.read_text()


def test_help_is_light() -> None:
    code = "import sys, amibridge.cli.example; print('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
