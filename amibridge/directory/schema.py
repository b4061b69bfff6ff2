"""What the models of both files are made of: the base model and the types of their values.

A validator that needs to know more than its own value (the folder of the file, the region, what the CRMs can do) asks
the `Surroundings` that are handed to pydantic as its context. So every error is found in the one pass over the file.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from amibridge.calls.who import OpenOn
from amibridge.directory.problems import Step, one_of
from amibridge.directory.secrets import Origin, Secret

REFUSED = "refused"
"""The type of our own errors; their context holds the arguments of `refused`."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a value's validity depends on besides itself."""

    folder: Path = Path()
    """Relative paths begin here: the folder of the file that they stand in."""
    region: str | None = None
    """The region of the numbers; None where the file does not say a valid one."""
    cannot_close: Sequence[str] = ()
    """The names of the CRMs that cannot take a card back."""
    names: set[tuple[str, str]] = field(default_factory=set)
    """The names seen so far in this file, with the list that they stand in."""


def surroundings(info: ValidationInfo) -> Surroundings:
    """The surroundings of the validation; those of nowhere for a model that is made without files."""
    return info.context if isinstance(info.context, Surroundings) else Surroundings()


def refused(wrong: str, remedy: str, at: Sequence[Step] = (), *, at_key: bool = False) -> PydanticCustomError:
    """An error of ours. at: the path from the validated value to where the error stands, in the value or in its key."""
    context = {"wrong": wrong, "remedy": remedy, "at": tuple(at), "at_key": at_key}
    return PydanticCustomError(REFUSED, "{wrong}", context)


class Model(BaseModel):
    """The base of all models: unknown keys are errors, and a key with nothing behind it is as if not written."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


_LONGEST_PATH, _LONGEST_NAME = 4000, 240
"""Bytes. The store's files have the name with a few signs more."""


def _path(path: Path, info: ValidationInfo) -> Path:
    whole = surroundings(info).folder / path
    if len(os.fsencode(whole)) > _LONGEST_PATH or any(len(os.fsencode(part)) > _LONGEST_NAME for part in whole.parts):
        raise refused("is longer than a file's name can be", "write a shorter one")
    return whole


def _regular(path: Path) -> Path:
    """A file that is not there is told of by whoever needs it; a FIFO would keep them waiting."""
    if path.exists() and not path.is_file():
        raise refused("is no regular file", "name the file itself")
    return path


def _slug(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", text):
        raise refused(f"`{text}` is no name", "use Latin letters, digits, `-` and `_`")
    return text


def _not_taken_in(owner: str) -> Callable[[str, ValidationInfo], str]:
    def check(text: str, info: ValidationInfo) -> str:
        names = surroundings(info).names
        if (owner, text) in names:
            raise refused(f"the name `{text}` is taken by an entry above", "give each its own name")
        names.add((owner, text))
        return text

    return check


def _not_empty(value: Any) -> Any:
    # Not pydantic's min_length: that counts the valid entries, and calls a list of wrong ones empty.
    if isinstance(value, list | tuple) and not value:
        raise refused("must not be empty", "write at least one entry")
    return value


def _device(text: str) -> str:
    technology, _, name = text.partition("/")
    if not technology or not name:
        raise refused(f"`{text}` is no device", "write the technology too: PJSIP/134")
    if technology.upper() == "LOCAL":
        raise refused("a Local channel is nobody's device", "name the device behind it: PJSIP/134")
    return text


def _extension(text: str) -> str:
    if not re.fullmatch(r"[\w.*#+-]+", text):
        raise refused(f"`{text}` is no extension's number", "write the number as it is dialled")
    return text


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise refused(f"is no regular expression: {error.msg}", "write a pattern such as '\\d{2,4}'") from None
    except (OverflowError, RecursionError):
        raise refused("is too large a regular expression", "write a pattern such as '\\d{2,4}'") from None
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise refused(f"`{text}` is no language", "write its code: ru, en")
    return text


def _telephone_number(text: str, info: ValidationInfo) -> str:
    from amibridge.directory.numbers import to_e164

    region = surroundings(info).region
    if region and to_e164(text, region) is None:
        raise refused(f"`{text}` is no valid telephone number", 'write it the international way: "+7903…"')
    return text


def _closable(open_on: OpenOn, info: ValidationInfo) -> OpenOn:
    cannot_close = surroundings(info).cannot_close
    if cannot_close and open_on in (OpenOn.RING, OpenOn.RING_SOLE):
        raise refused(f"cards cannot be closed again in {', '.join(cannot_close)}", "use `answer` or `never`")
    return open_on


def _digits_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _secret(value: Any, info: ValidationInfo) -> Secret:
    # What was written is never said again: it may be the secret.
    origins = [str(origin) for origin in Origin if origin is not Origin.PLAIN]
    ways = "write {file: /path}, {env: NAME} or {credential: name}"
    match value:
        case Secret():
            return value
        case str() if value:
            return Secret(Origin.PLAIN, value)
        case int() | float():
            raise refused("is a number without quotes", "put the secret in quotes")
        case dict() if len(value) == 1:
            [(origin, where)] = value.items()
            if origin not in origins:
                raise refused("unknown key", one_of(str(origin), origins), (origin,), at_key=True)
            if not isinstance(where, str) or not where:
                raise refused("must be text", ways, (origin,))
            if origin == Origin.CREDENTIAL and "/" in where:
                raise refused(
                    "is a path, not a credential's name", "write the name in LoadCredential=name:…", (origin,)
                )
            folder = surroundings(info).folder
            return Secret(Origin(origin), str(folder / where) if origin == Origin.FILE else where)
        case _:
            raise refused("is no secret", ways)


def _url(*schemes: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        # The address is not repeated: it may hold a password.
        if not re.match(rf"(?:{'|'.join(schemes)})://[^/\s]", text) or re.search(r"\s", text):
            raise refused("is no address of this kind", f"begin it with {' or '.join(f'{s}://' for s in schemes)}")
        return text

    return check


NotEmpty = BeforeValidator(_not_empty)
Text = Annotated[str, Field(min_length=1)]
FilePath = Annotated[Path, AfterValidator(_path)]
RegularFile = Annotated[Path, AfterValidator(_path), AfterValidator(_regular)]
PbxName = Annotated[str, AfterValidator(_slug), AfterValidator(_not_taken_in("pbx"))]
CrmName = Annotated[str, AfterValidator(_slug), AfterValidator(_not_taken_in("crm"))]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(ge=0)]
Device = Annotated[str, AfterValidator(_device)]
ExtensionNumber = Annotated[str, AfterValidator(_extension)]
RegularExpression = Annotated[str, Field(min_length=1), AfterValidator(_regular_expression)]
Language = Annotated[str, AfterValidator(_language)]
TelephoneNumber = Annotated[str, AfterValidator(_telephone_number)]
CardTime = Annotated[OpenOn, AfterValidator(_closable)]
CrmUser = Annotated[str, BeforeValidator(_digits_as_text)]
"""A user's id in the CRM: the one number that may stand without quotes, being no telephone number."""
SecretValue = Annotated[Secret, PlainValidator(_secret), PlainSerializer(repr)]
HttpUrl = Annotated[str, AfterValidator(_url("https", "http"))]
MqttUrl = Annotated[str, AfterValidator(_url("mqtts", "mqtt"))]
