"""The contract with receivers, as the tests hold messages against it."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from amibridge.crm.contract import schema

SCHEMA: dict[str, Any] = json.loads(schema())
_VALIDATOR = Draft202012Validator(SCHEMA)


def wrong(message: Any) -> list[str]:
    """What the schema does not allow in a message, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(message)]
