"""`config/manager.conf`, the manager user, against what the daemon asks for and listens to."""

import re
from pathlib import Path

from amibridge.ami.account import NOTICED
from amibridge.calls import HANDLERS
from amibridge.directory.settings import Pbx

MANAGER = Path(__file__).parents[2] / "config/manager.conf"


def manager_user() -> dict[str, list[str]]:
    """The settings of the user's section, each with all its values."""
    settings: dict[str, list[str]] = {}
    section = MANAGER.read_text().partition(f"\n[{Pbx.model_fields['username'].default}]\n")[2]
    for line in section.splitlines():
        name, equals, value = line.partition(";")[0].partition("=")
        if equals:
            settings.setdefault(name.strip(), []).append(value.strip())
    return settings


def test_the_manager_user_may_what_the_daemon_needs_and_no_more() -> None:
    needed = {"read": set[str](), "write": set[str]()}
    for entry in NOTICED:
        kind, _, name = entry.partition(" = ")
        needed[kind].add(name)
    (read,), (write,) = manager_user()["read"], manager_user()["write"]
    assert {"read": set(read.split(",")), "write": set(write.split(","))} == needed


def test_the_manager_user_comes_from_this_host_only() -> None:
    assert manager_user()["deny"] == ["0.0.0.0/0.0.0.0"]
    assert manager_user()["permit"] == ["127.0.0.1/255.255.255.255"]


def test_the_filters_are_anchored_and_drop_nothing_of_use() -> None:
    filters = manager_user()["eventfilter"]
    assert filters
    for line in filters:
        assert line.startswith("!^Event: ("), line
        pattern = re.compile(line[1:])
        dropped = [name for name in (*HANDLERS, "FullyBooted", "Shutdown") if pattern.search(f"Event: {name}\r\n")]
        assert dropped == []
