"""Parameters as they travel: nested names as PHP writes them, and values that may be text or not."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from amibridge.demo.portal.errors import refused

Params = dict[str, Any]


def nested(pairs: Iterable[tuple[str, str]]) -> Params:
    """`FILTER[CALL_ID]=1` and `USER_ID[]=1` as mappings and lists; a later value replaces an earlier one."""
    tree: Params = {}
    for name, value in pairs:
        first, _, rest = name.partition("[")
        path = [first, *re.findall(r"\[([^\]]*)\]", "[" + rest)] if rest else [first]
        here = tree
        for step, following in zip(path, [*path[1:], None], strict=True):
            key = step or str(len(here))
            if following is None:
                here[key] = value
            else:
                deeper = here.get(key)
                if not isinstance(deeper, dict):
                    deeper = here[key] = {}
                here = deeper
    return {key: php_array(value) for key, value in tree.items()}


def php_array(value: Any) -> Any:
    """A mapping with the keys 0, 1, 2… is a list, as in PHP; inside it too. An empty one is a list as well."""
    if not isinstance(value, Mapping):
        return value
    read = {str(key): php_array(inner) for key, inner in value.items()}
    return list(read.values()) if list(read) == [str(number) for number in range(len(read))] else read


def query(text: str) -> Params:
    """The part of an address behind the question mark."""
    return nested(parse_qsl(text, keep_blank_values=True))


def text(params: Mapping[str, Any], name: str) -> str | None:
    """A value as text; None where it is missing, null or empty. Raises RestError for a list or mapping."""
    value = params.get(name)
    if isinstance(value, (list, dict)):
        raise refused(f"{name} must be a string")
    return None if value is None or str(value).strip() == "" else str(value).strip()


def number(params: Mapping[str, Any], name: str) -> int | None:
    """A value as a whole number; None where it is missing. Raises RestError with the name for anything else."""
    told = text(params, name)
    if told is None:
        return None
    if not re.fullmatch(r"-?\d{1,18}", told):
        raise refused(f"{name} must be an integer")
    return int(told)


def switch(params: Mapping[str, Any], name: str, default: bool) -> bool:
    """0 or 1 (also true/false, Y/N)."""
    value = params.get(name)
    return default if value is None or value == "" else truth(value)


def truth(value: Any) -> bool:
    """What a portal takes for yes."""
    return str(value).strip().lower() in {"1", "true", "y", "yes"}


def several(value: Any) -> list[str]:
    """One value or a list of them, as texts."""
    values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
    return [str(one).strip() for one in values if one is not None]


def iso_time(params: Mapping[str, Any], name: str) -> str | None:
    """A moment in ISO 8601 with its zone, as it came. Raises RestError when it is not one."""
    told = text(params, name)
    if told is None:
        return None
    try:
        zone = datetime.fromisoformat(told).tzinfo if "T" in told else None
    except ValueError:
        zone = None
    if zone is None:
        raise refused(f"{name} should be in the ISO-8601 format")
    return told
