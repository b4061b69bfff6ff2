"""What is wrong with the configuration, where, and what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

Step = str | int
"""One step of the path to a value: a mapping's key as text, or a list's index."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error or warning, at one place of one file. Its text is one line, as editors and compilers know it."""

    file: str
    line: int
    """Counted from 1, like the column."""
    column: int
    key: str
    """The path to the key: ``pbx[0].port``."""
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.key}: {self.wrong}; {self.remedy}"


class ConfigurationError(Exception):
    """The configuration cannot be used. Its text is all problems, one a line, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def path_text(path: Sequence[Step]) -> str:
    """A path as it is shown: ``pbx[0].port``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".") or "file"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody may have meant, if any is near."""
    return next(iter(get_close_matches(word.lower(), list(known), n=1)), None)


def one_of(word: str, known: Iterable[str]) -> str:
    """The remedy for a word that is not known: the nearest known one, or all of them where none is near."""
    known = list(known)
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else f"known here: {', '.join(known)}"
