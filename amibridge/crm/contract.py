"""The contract with receivers: the JSON Schema of what `message` makes."""

from importlib.resources import files


def schema() -> str:
    """JSON Schema (2020-12) of the body of a webhook and of an MQTT message, of every type. As it stands in the
    package: an undeclared field is an error."""
    return files(__package__).joinpath("message.schema.json").read_text(encoding="utf-8")
