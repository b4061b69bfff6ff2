"""YAML files, read so that every value keeps its place.

The node graph of ruamel.yaml is read, not the values that it would construct: the graph knows the line and column of
every key and value and the text as it was written (once constructed, ``+74950000002`` is an integer without its sign),
and all repeated keys of a file can be reported at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import FileMark, MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from amibridge.directory.composing import REPEATED, TOO_DEEP, TOO_MANY, BoundedComposer
from amibridge.directory.files import UnsuitableFileError, contents
from amibridge.directory.problems import ConfigurationError, Problem, Step, path_text

_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset({"str", "null", "bool", "int", "float", "timestamp", "merge", "value"})
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_TRUE = frozenset({"true", "yes", "on", "y"})  # a file that begins with %YAML 1.1 has the others too

# ruamel's own words quote the text around the fault, which may be a secret: only what is listed here is said.
_SYNTAX = (
    ("'\\t'", "a tab cannot indent a line", "indent with spaces"),
    ("mapping values are not allowed", "a key is not expected here", "check the indentation; quote a text with `: `"),
    ("cannot start any token", "a text cannot begin with this character", "put the text in quotes"),
    ("undefined alias", "`*` begins an alias, and there is none of that name", "put the text in quotes"),
    ("end of stream", "the file ends inside of a text in quotes", "close the quotes"),
    ("could not find expected ':'", "a key without `:`", "write `key: value`; check the indentation"),
    ("unknown escape", "an unknown escape in a text in double quotes", "use single quotes, or write \\\\ for \\"),
    (TOO_DEEP, "lists or mappings are nested too deep", "write it flatter"),
    (TOO_MANY, f"aliases repeat more than {REPEATED} values", "write the values out, or use fewer aliases"),
    ("another document", "a second document begins", "keep one document; remove the `---`"),
    ("expected <block end>", "this does not fit the lines above", "align it with the keys beside it"),
    ("expected the node content", "a value is missing before this", "write it, or close the `[` or `{` before this"),
    ("entries are not allowed", "a list is not expected here", "check the indentation; begin the list on its own line"),
    ("expected ',' or", "a `[` or `{` is not closed before this", "close it, or put a comma between the values"),
)
LARGEST = 4 << 20
"""Bytes of one file: 10,000 extensions with everything that can be said of them are a third of it."""
_OTHER_SYNTAX = ("this is not YAML", "check the indentation and the quotes around here")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: what stands in it, and where."""

    file: str
    data: object
    """Plain values: dict, list, str, int, float, bool, None."""
    root: Node
    _keys: dict[int, dict[str, tuple[Node, Node]]] = field(default_factory=dict)
    """Of a mapping's node that was looked into: its keys. A large map with an error in each line is searched once."""

    def written(self, path: Sequence[Step], *, at_key: bool = False) -> str:
        """The value at the path, or its key, as it was written; "" for a list or a mapping."""
        key, value = self._walk(path)
        node = key if at_key else value
        return str(node.value) if isinstance(node, ScalarNode) else ""

    def problem(self, path: Sequence[Step], wrong: str, remedy: str, *, at_key: bool = False) -> Problem:
        """A problem with the value at the path, or with its key. The path may end in a key that is not there."""
        key, node = self._walk(path)
        # The mark of a value that is not there stands behind it, on some later line.
        mark = (key if key and (at_key or _is_empty(node)) else node).start_mark
        return Problem(self.file, mark.line + 1, mark.column + 1, path_text(path), wrong, remedy)

    def _walk(self, path: Sequence[Step]) -> tuple[Node | None, Node]:
        key, node = None, self.root
        for step in path:
            child = self._child(node, step)
            if child is None:
                break
            key, node = child
        return key, node

    def _child(self, node: Node, step: Step) -> tuple[Node | None, Node] | None:
        """The key and value of a mapping, or the element of a list, that a step leads to."""
        if isinstance(node, MappingNode):
            if id(node) not in self._keys:
                # Of a key that stands there twice the first counts.
                self._keys[id(node)] = {str(_scalar(key)): (key, value) for key, value in reversed(node.value)}
            return self._keys[id(node)].get(str(step))
        if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            return None, node.value[step]
        return None


def read(path: Path, *, may_be_empty: bool = False) -> tuple[Source, list[Problem]]:
    """A file and what is wrong with its keys. Raises ConfigurationError where nothing of it can be used."""
    root = _compose(path, may_be_empty)
    values = _Values(str(path))
    return Source(str(path), values.of(root, ()), root), values.problems


def _compose(path: Path, may_be_empty: bool) -> Node:
    def fault(wrong: str, remedy: str, line: int = 1, column: int = 1, key: str = "file") -> ConfigurationError:
        return ConfigurationError([Problem(str(path), line, column, key, wrong, remedy)])

    # "from None" throughout: the errors below quote the file, and a file may hold a secret.
    try:
        content = contents(path, LARGEST)
    except FileNotFoundError:
        raise fault("does not exist", "check the path, or make the file: `amibridge example DIR` writes such") from None
    except UnsuitableFileError as error:
        raise fault(error.wrong, error.remedy) from None
    except OSError as error:
        remedy = "check the path"
        if isinstance(error, PermissionError):
            remedy = "ask as root; `amibridge check` then says what the service's user may not read"
        raise fault(f"cannot be read: {error.strerror}", remedy) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise fault("is not UTF-8", "save the file as UTF-8", before.count(b"\n") + 1, column) from None
    yaml = YAML(typ="safe", pure=True)  # the C loader is not always there, and words its errors in its own way
    yaml.Composer = BoundedComposer
    yaml.composer.warn_double_anchors = False  # legal, and the warning quotes the file
    try:
        root: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        problem, mark = str(error.problem), error.problem_mark or error.context_mark
        wrong, remedy = next((words for sign, *words in _SYNTAX if sign in problem), _OTHER_SYNTAX)
        raise fault(wrong, remedy, mark.line + 1, mark.column + 1, "yaml") from None
    except ReaderError as error:
        before_fault = text[: error.position]
        line, column = before_fault.count("\n") + 1, len(before_fault) - before_fault.rfind("\n")
        raise fault("a control character", "remove it", line, column, "yaml") from None
    except (ValueError, OverflowError):
        # A `\U` behind the last of all characters, a version of YAML with thousands of digits.
        mark = yaml.reader.get_mark()
        raise fault(*_OTHER_SYNTAX, mark.line + 1, mark.column + 1, "yaml") from None
    if root is None and not may_be_empty:
        raise fault("is empty", "begin with what `amibridge example DIR` writes")
    return root or _nothing(path)


def _nothing(path: Path) -> Node:
    """What a file with nothing in it, or only comments, says: a mapping without keys."""
    start = FileMark(str(path), 0, 0, 0)
    return MappingNode(f"{_TAG}map", [], start, start)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.value and _scalar(node) is None


class _Values:
    """Makes plain values of nodes; what cannot be a value of ours is noted as a problem and left out."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._inside: list[Node] = []

    def of(self, node: Node, path: tuple[Step, ...]) -> object:
        """The plain value of the node at a path."""
        if any(node is outer for outer in self._inside):
            self._refuse(node, path, "an alias to what it stands in", "write the values out")
            return None
        self._inside.append(node)
        try:
            if isinstance(node, SequenceNode):
                return [self.of(item, (*path, index)) for index, item in enumerate(node.value)]
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
        finally:
            self._inside.pop()
        if str(node.tag).removeprefix(_TAG) not in _SCALARS:
            self._refuse(node, path, "a `!` begins a tag, and none is known here", "put the text in quotes")
        return self._text(node, path)

    def _text(self, node: Node, path: Sequence[Step]) -> str | int | float | bool | None:
        """A scalar's value. Escapes in double quotes can write what no file's name and no CRM takes: it is refused."""
        value = _scalar(node)
        if isinstance(value, str) and _NO_TEXT.search(value):
            self._refuse(node, path, "an escape that stands for no character", "write the text without it")
            return _NO_TEXT.sub("", value)
        return value

    def _mapping(self, node: MappingNode, path: tuple[Step, ...]) -> dict[str | int, object]:
        values: dict[str | int, object] = {}
        lines: dict[str | int, int] = {}
        for key_node, value_node in node.value:
            key = self._text(key_node, path)
            if not isinstance(key, str | int) or isinstance(key, bool):
                self._refuse(key_node, path, "a key that is no text", "put the key in quotes")
            elif key in values:
                wrong = f"the key stands on line {lines[key]} already"
                self._refuse(key_node, (*path, str(key)), wrong, "keep one of the two")
            else:
                values[key] = self.of(value_node, (*path, str(key)))
                lines[key] = key_node.start_mark.line + 1
        return values

    def _refuse(self, node: Node, path: Sequence[Step], wrong: str, remedy: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(self._file, mark.line + 1, mark.column + 1, path_text(path), wrong, remedy))


def _scalar(node: Node) -> str | int | float | bool | None:
    """The value of a scalar as YAML 1.2 understands it; None for anything else."""
    if not isinstance(node, ScalarNode):
        return None
    text = str(node.value)
    try:
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int":
                return _integer(text.replace("_", ""))
            case "float":
                # YAML writes .inf and .nan where Python writes inf and nan.
                return float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            case _:
                return text
    except ValueError:
        return text  # an explicit tag (`!!int x`) that says what the text is not


def _integer(digits: str) -> int:
    try:
        return int(digits)  # 0134 too
    except ValueError:
        return int(digits, 0)  # 0x1f, 0o17
