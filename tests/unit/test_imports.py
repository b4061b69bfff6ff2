"""What may import what, as the design says; and what a command loads before it has anything to do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "amibridge"
ALLOWED = {
    "calls": set(),
    "ami": {"calls"},
    "directory": {"calls"},
    "store": {"calls"},
    "crm": {"calls"},
    "delivery": {"calls", "store", "crm"},
    "web": {"calls", "store"},
}
"""Rooms and the other rooms that they may import. `daemon`, `cli` and `__main__` put things together."""
TIMELESS = {"calls", "rules"}
"""Rooms that wait for nothing; all others may use `waiting`."""
LIGHT_HELP = ("asyncio", "aiohttp", "rich", "structlog", "pydantic", "phonenumbers")
LIGHT_REPLAY = ("aiohttp", "structlog", "rich", "aiosqlite", "aiomqtt", "panoramisk")
CAPTURE = PACKAGE.parent / "tests/replay/captures/asterisk-22/direct_answered.ami.xz"


def imported(file: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, by full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = {room, *ALLOWED[room]} | ({"waiting"} if room not in TIMELESS else set())
    for file in files(room):
        rooms = {name.split(".")[1] for name in imported(file) if name.startswith("amibridge.")}
        assert rooms <= allowed, f"{file.relative_to(PACKAGE)} imports {rooms - allowed}"


def test_delivery_knows_only_the_interface_of_crms() -> None:
    for file in files("delivery"):
        crms = {name.split(".")[2] for name in imported(file) if name.startswith("amibridge.crm.")}
        assert crms <= {"interface"}, f"{file.name} imports {crms}"


def test_waiting_needs_nothing_of_ours() -> None:
    tops = {name.partition(".")[0] for name in imported(PACKAGE / "waiting.py")}
    assert tops <= set(sys.stdlib_module_names)


def test_the_core_is_pure() -> None:
    """The standard library only, and of that nothing with a clock, a file, a socket or a log in it."""
    impure = {"asyncio", "logging", "os", "pathlib", "random", "socket", "sys", "threading", "time"}
    for file in files("calls"):
        tops = {name.partition(".")[0] for name in imported(file)} - {"amibridge"}
        assert tops <= set(sys.stdlib_module_names) - impure, f"{file.name} imports {tops}"


def loaded_by(*arguments: str) -> set[str]:
    """The modules in memory after a command has run."""
    code = (
        "import sys\nfrom amibridge.cli import main\ntry:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\nprint('\\0' + ' '.join(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(run.stdout.rpartition("\0")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"], ["run", "--help"], ["check", "--help"]])
def test_help_is_light(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & set(LIGHT_HELP)


def test_replay_is_light() -> None:
    loaded = loaded_by("replay", "--json", "--config", str(CAPTURE.parents[1] / "lab.yaml"), str(CAPTURE))
    assert not loaded & set(LIGHT_REPLAY)
