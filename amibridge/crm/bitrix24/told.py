"""What a portal has told about one call, as the outbox remembers it."""

from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

from amibridge.crm.interface import Memory


@dataclass(slots=True)
class Told:
    """The portal's own ids.

    A call is registered once while it rings, for nobody in particular, and that registration becomes the first
    talker's. Everybody who talks after that has one of their own: each is finished once.
    """

    call: str | None = None
    """The CALL_ID from while it rang."""
    user: str | None = None
    """In whose name that was registered."""
    legs: dict[str, str] = field(default_factory=dict)
    """Extension to CALL_ID, of those who talked."""
    finished: list[str] = field(default_factory=list)
    """The CALL_IDs that are finished."""
    entity: list[str] | None = None
    """The client's type and id in the CRM: `["CONTACT", "5"]`."""
    responsible: str | None = None
    """The user who is responsible for the client."""

    @classmethod
    def of(cls, memory: Memory) -> "Told":
        """A copy that may be changed."""
        return cls(**deepcopy(dict(memory)))

    def memory(self) -> dict[str, Any]:
        return asdict(self)

    def forget(self, call_id: str) -> None:
        """The portal does not know this CALL_ID any more."""
        if self.call == call_id:
            self.call = None
        self.legs = {extension: leg for extension, leg in self.legs.items() if leg != call_id}

    @property
    def is_taken(self) -> bool:
        """Whether the registration from while it rang belongs to somebody."""
        return self.call is not None and self.call in self.legs.values()
