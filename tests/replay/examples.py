"""The examples in `docs/receivers.md`: what a real call made. `python -m tests.replay.examples` writes them anew."""

import json
import re
from pathlib import Path

from amibridge.calls import CommandType
from amibridge.crm.webhook import body
from tests.replay.playing import capture, commands, play

PAGE = Path(__file__).parents[2] / "docs/receivers.md"
CALL = "asterisk-22/ringgroup_134_answers"


def examples() -> dict[CommandType, str]:
    """One message of each type, as JSON for people."""
    one = capture(CALL)
    said = {command.type: json.loads(body(command)) for command in commands(play(one.events, one.directory))}
    return {type_: json.dumps(said[type_], indent=2, ensure_ascii=False) for type_ in CommandType}


def with_examples(page: str) -> str:
    """The page, with what its headings name below them."""
    for type_, text in examples().items():
        block = re.compile(rf"(^### `{re.escape(type_)}`$.*?^```json\n).*?(^```$)", re.MULTILINE | re.DOTALL)
        page, found = block.subn(lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page)  # type: ignore[misc]
        if found != 1:
            raise ValueError(f"{PAGE.name} has {found} examples of {type_}")
    return page


if __name__ == "__main__":
    PAGE.write_text(with_examples(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
