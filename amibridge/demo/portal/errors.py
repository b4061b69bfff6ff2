"""The errors that a portal answers with."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class RestError(Exception):
    """status: of HTTP. code, description: `error` and `error_description` of the answer. time: beside them, if any."""

    status: int
    code: str
    description: str
    time: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """The answer as JSON has it."""
        told: dict[str, Any] = {"error": self.code, "error_description": self.description}
        return told if self.time is None else told | {"time": self.time}


def refused(description: str) -> RestError:
    """What a method of telephony says when it does not like its parameters."""
    return RestError(400, "ERROR_CORE", description)
