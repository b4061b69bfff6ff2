"""From what stands in a file to its model, and from pydantic's errors to problems with a place and a remedy."""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from amibridge.directory import schema
from amibridge.directory.problems import Problem, Step, nearest, one_of
from amibridge.directory.yaml_source import Source

M = TypeVar("M", bound=BaseModel)

_KEY_ITSELF = "[key]"
"""The last step of pydantic's path to an error in a mapping's key."""

_WORDS = {
    "missing": ("is missing", "add it"),
    "int": ("must be a whole number", "write digits only"),
    "float": ("must be a number", "write it like 3 or 1.5"),
    "finite": ("must be a number", "write it like 3 or 1.5"),
    "bool": ("must be true or false", "write `true` or `false`"),
    "tuple": ("must be a list", "write [one, two], or a line `- one` for each"),
    "dict": ("must be a mapping", "write lines `key: value` under it"),
    "model": ("must be a mapping", "write lines `key: value` under it"),
    "greater_than_equal": ("must be at least {ge:g}", "write a greater number"),
    "greater_than": ("must be more than {gt:g}", "write a greater number"),
    "less_than_equal": ("must be at most {le:g}", "write a smaller number"),
    "string_too_short": ("must not be empty", "write a text, or remove the key"),
}
"""By pydantic's type of the error, or by the first word of it (``int_parsing``, ``int_from_float``)."""


def validated(
    model: type[M], source: Source, around: schema.Surroundings, elsewhere: Mapping[str, str]
) -> tuple[M | None, list[Problem]]:
    """The model of a file, or None and every error in it.

    elsewhere: keys of the other file, each with that file's name, for those who write one in the wrong file.
    """
    try:
        return model.model_validate(source.data, context=around), []
    except ValidationError as error:
        return None, [_problem(model, source, detail, elsewhere) for detail in error.errors(include_url=False)]


def _problem(model: type[BaseModel], source: Source, error: ErrorDetails, elsewhere: Mapping[str, str]) -> Problem:
    path, at_key = _path(model, error["loc"]), error["loc"][-1:] == (_KEY_ITSELF,)
    context = error.get("ctx", {})
    match error["type"]:
        case schema.REFUSED:
            path, at_key = [*path, *context["at"]], at_key or context["at_key"]
            wrong, remedy = context["wrong"], context["remedy"]
        case "extra_forbidden" | "invalid_key":
            at_key = True
            wrong, remedy = "unknown key", _other_key(model, error["loc"], elsewhere)
        case "union_tag_not_found":
            path = [*path, "kind"]
            wrong, remedy = _WORDS["missing"]
        case "union_tag_invalid":
            path = [*path, "kind"]
            known = [tag.strip("'") for tag in context["expected_tags"].split(", ")]
            wrong, remedy = f"`{context['tag']}` is unknown", one_of(context["tag"], known)
        case "enum":
            known = [str(member.value) for member in _annotation(model, error["loc"])]
            wrong, remedy = f"`{error['input']}` is unknown", one_of(str(error["input"]), known)
        case "string_type" | "path_type":
            wrong, remedy = _no_text(error["input"], source.written(path, at_key=at_key))
        case kind:
            words = _WORDS.get(kind) or _WORDS.get(kind.partition("_")[0])
            wrong, remedy = words or (
                "is not valid",
                "compare with the reference that `amibridge example --full DIR` writes",
            )
            wrong = wrong.format_map(context)
    return source.problem(path, wrong, remedy, at_key=at_key)


def _no_text(value: object, written: str) -> tuple[str, str]:
    match value:
        case None:
            return "is empty", "write a text"
        case bool() | float():
            return f"{written} without quotes is no text", f'write "{written}"'
        case int():
            return f"{written} without quotes is an integer", f'write "{written}"'
        case _:
            return "must be a text", "write one text, no list and no mapping"


def _other_key(model: type[BaseModel], location: tuple[Step, ...], elsewhere: Mapping[str, str]) -> str:
    key, known = str(location[-1]), _annotation(model, location[:-1]).model_fields
    others = elsewhere if len(location) == 1 else {}
    near = nearest(key, [*known, *others])
    if near is not None and near not in known:
        return f"`{near}` belongs in {others[near]}"
    return one_of(key, known)


def _path(model: type[BaseModel], location: Sequence[Step]) -> list[Step]:
    """The path in the file: pydantic's, without the tags of unions and the mark for "the key itself"."""
    return _follow(model, location)[0]


def _annotation(model: type[BaseModel], location: Sequence[Step]) -> Any:
    """The type that a value at pydantic's path is to have."""
    return _follow(model, location)[1]


def _follow(model: type[BaseModel], location: Sequence[Step]) -> tuple[list[Step], Any]:
    path: list[Step] = []
    annotation: Any = model
    for step in location:
        members = _members(annotation)
        if len(members) > 1:  # a union told apart by `kind`: the step is the tag, not a key of the file
            annotation = next(member for member in members if step in get_args(member.model_fields["kind"].annotation))
        elif step != _KEY_ITSELF:
            # Only a list has indexes; an integer anywhere else is a key that lacks its quotes.
            path.append(step if get_origin(members[0]) is tuple else str(step))
            annotation = _below(members[0], step)
    return path, _members(annotation)[0]


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation names, without None and without what Annotated adds."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [member for choice in get_args(annotation) if choice is not type(None) for member in _members(choice)]
    return [annotation]


def _below(annotation: Any, step: Step) -> Any:
    """The type of a key's value or of a list's element."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(step))
        return field.annotation if field else Any
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return arguments[-1] if arguments else Any
