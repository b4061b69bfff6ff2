"""A story as data: who does what, in which order and after which pause. As JSON it can be played again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

COLLEAGUES = ("120", "121", "134", "135", "137")
CALLERS = ("79035550011", "79035550012", "79035550013")
"""Clients who call; their phones stay for all stories."""
CALLED = ("79265550021", "79265550022", "78125550023")
"""People outside who are called; the last one over the second trunk first, which has no line free."""
MOBILES = {"79161112233": "134"}
"""Colleagues' own mobiles, and whose they are."""


class NoStoryError(Exception):
    """A file that holds no story."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody does.

    after: seconds since the action before. who: an extension or a number outside; nobody: what a console does.
    line: which of the calls that this phone has then, the oldest is 0. to: a number, digits, a manner or a code.
    """

    do: str
    after: float = 0.0
    who: str = ""
    line: int = 0
    to: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    actions: Sequence[Action]

    @property
    def cut(self) -> bool:
        """Whether the daemon's link is cut in it."""
        return any(action.do == "cut" for action in self.actions)


def told(story: Story) -> str:
    """As JSON: an action a line, and of an action only what is not as usual."""
    usual = asdict(Action(""))
    lines = [
        json.dumps({key: value for key, value in asdict(action).items() if value != usual[key]})
        for action in story.actions
    ]
    actions = ",\n  ".join(lines)
    return f'{{"name": {json.dumps(story.name)},\n "actions": [\n  {actions}\n ]}}\n'


def read(file: Path) -> Story:
    """A story from its file. Raises NoStoryError."""
    try:
        content = json.loads(file.read_text())
        return Story(content["name"], tuple(Action(**action) for action in content["actions"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoStoryError(f"{file} holds no story as tests.live.chance keeps them: {error!r}") from error
