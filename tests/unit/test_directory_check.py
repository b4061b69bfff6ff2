"""`amibridge check`, and the example configuration that it is to accept."""

import argparse
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from amibridge.cli import check
from amibridge.directory.extension_map import ExtensionMap
from amibridge.directory.loading import load
from amibridge.directory.problems import ConfigurationError
from amibridge.directory.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "config"

LAB = """\
pbx:
  - name: lab
    host: 127.0.0.1
    port: 15038
    username: bridge
    secret: lab-bridge
numbers:
  region: RU
  internal: '1\\d\\d'
store: {path: amibridge.db}
extensions: lab-extensions.yaml
"""
LAB_MAP = """\
extensions:
  "120": {name: Иван Петров, crm_user: 15}
  "134": {name: Ольга Смирнова, crm_user: 12, mobiles: ["+79161112233"], devices: [SIP/desk]}
trunks: [PJSIP/provider]
"""


def run(config: Path) -> int:
    parser = argparse.ArgumentParser()
    check.add_arguments(parser)
    return check.run(parser.parse_args(["--config", str(config)]))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    (tmp_path / "lab.yaml").write_text(LAB)
    (tmp_path / "lab.yaml").chmod(0o600)
    (tmp_path / "lab-extensions.yaml").write_text(LAB_MAP)
    return tmp_path / "lab.yaml"


def test_a_good_configuration(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lab) == 0
    out, err = capsys.readouterr()
    assert err == ""
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert out.replace(f"{lab.parent}/", "").splitlines() == [
        "lab.yaml and lab-extensions.yaml can be used.",
        "PBX: lab (127.0.0.1:15038)",
        "Extensions: 2 in the map (listed devices: 1, mobiles: 1); others look like '1\\d\\d'",
        "Trunks: PJSIP/provider",
        "CRM: none",
        "Cards: on answer; mobiles: answer",
        f"Checked as {user}; the service's user amibridge is not there yet",
    ]


def test_the_summary_of_a_fuller_one(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lab.open("a") as file:
        file.write("cards: {open_on: ring, min_talk_seconds: 2.5}\nshadow: true\ncrm: [{name: bus, kind: mqtt}]\n")
    assert run(lab) == 0
    assert capsys.readouterr().out.splitlines()[-3:-1] == [
        "CRM: bus (mqtt)",
        "Cards: on ring after 2.5 s of talk; mobiles: answer; shadow: nothing is sent",
    ]


def test_the_summary_says_that_mobiles_call_in_as_clients(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lab.open("a") as file:
        file.write("mobiles: {card: confirmed, calls_in: client}\n")
    assert run(lab) == 0
    assert "; mobiles: confirmed, calling in as clients" in capsys.readouterr().out


def test_warnings_do_not_fail(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab.chmod(0o644)
    assert run(lab) == 0
    out, err = capsys.readouterr()
    assert err == (
        f"warning: {lab}:6:13: pbx[0].secret: a secret stands in a file that everybody on this host can read;"
        f" chmod o-r {lab}, or write {{file: …}}\n"
    )
    assert out.startswith(f"{lab} and ")


def test_problems_fail(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab.write_text(LAB.replace("port", "prot").replace("RU", "UR"))
    assert run(lab) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"{lab}:4:5: pbx[0].prot: unknown key; did you mean `port`?\n"
        f"{lab}:8:11: numbers.region: `UR` is no region; write the two letters of a country: RU, KZ, DE\n"
    )


def test_the_help_stays_light() -> None:
    heavy = "{'pydantic', 'ruamel', 'phonenumbers', 'rich', 'structlog'}"
    loaded = "{module.split('.')[0] for module in sys.modules}"
    code = f"import sys, amibridge.cli.check, amibridge.directory; print({heavy} & {loaded})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_examples_are_accepted() -> None:
    loaded = load(EXAMPLES / "amibridge.yaml")
    # What the example cannot have is its secrets.
    secrets = {"pbx[0].secret", "crm[1].secret", "crm[1].old_secret", "crm[2].password"}
    assert {warning.key for warning in loaded.warnings} <= secrets
    assert {crm.kind for crm in loaded.settings.crm} == {"webhook", "mqtt", "bitrix24"}


NONSENSE = ["12345678901234567890", "'\\d{12345678901234567890}'", '"\\ud800"', "{12345678901234567890: {}}", "1e999"]


@pytest.mark.parametrize("nonsense", NONSENSE)
@pytest.mark.parametrize("file", ["amibridge.yaml", "extensions.yaml"])
def test_nonsense_in_any_place_is_a_finding_or_valid(tmp_path: Path, file: str, nonsense: str) -> None:
    """Each value of the examples in turn: what is wrong with it is told with its line, and never as a traceback."""
    for name in ("amibridge.yaml", "extensions.yaml"):
        (tmp_path / name).write_text((EXAMPLES / name).read_text())
    whole = YAML(typ="safe", pure=True).load((EXAMPLES / file).read_text())
    for path in _values(whole):
        (tmp_path / file).write_text(json.dumps(_with(whole, path)).replace(f'"{HERE}"', nonsense))
        with suppress(ConfigurationError):
            load(tmp_path / "amibridge.yaml")


HERE = "here"


def _values(value: object) -> Iterator[tuple[Any, ...]]:
    """The paths to all values that hold no others."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        yield from ((step, *rest) for rest in _values(inner))
    if not inside:
        yield ()


def _with(value: Any, path: tuple[Any, ...]) -> object:
    """The same with HERE in one place."""
    if not path:
        return HERE
    copied = copy(value)
    copied[path[0]] = _with(value[path[0]], path[1:])
    return copied


@pytest.mark.parametrize(("model", "file"), [(Settings, "amibridge.yaml"), (ExtensionMap, "extensions.yaml")])
def test_the_examples_hold_every_key(model: type[BaseModel], file: str) -> None:
    written = set(_keys_of(YAML(typ="safe", pure=True).load((EXAMPLES / file).read_text())))
    known = set(_keys(model))
    assert known - written == set()
    assert len(known) > 20


def test_the_examples_state_the_defaults_of_the_lists() -> None:
    settings = load(EXAMPLES / "amibridge.yaml").settings
    for name in ("ignore", "extension_names"):
        assert getattr(settings, name) == Settings.model_fields[name].default


def _keys(annotation: Any, path: str = "") -> Iterator[str]:
    """The paths of all keys that a type knows; entries of lists and mappings are written `*`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield f"{path}.{name}"
            yield from _keys(field.annotation, f"{path}.{name}")
        return
    inside = ".*" if getattr(annotation, "__origin__", None) in (tuple, dict) else ""
    for argument in get_args(annotation):
        yield from _keys(argument, path + inside)


def _keys_of(value: object, path: str = "") -> Iterator[str]:
    """The same paths of what a file holds; each key of a mapping counts as itself and as any key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            for name in (key, "*"):
                yield f"{path}.{name}"
                yield from _keys_of(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _keys_of(inner, f"{path}.*")
