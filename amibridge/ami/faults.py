"""What can go wrong with a manager connection: each says why, and what a person can do. None holds a secret."""


class LinkError(Exception):
    """The connection cannot be used. why and remedy are words for an admin."""

    def __init__(self, why: str, remedy: str) -> None:
        self.why = why
        self.remedy = remedy
        super().__init__(f"{why}; {remedy}")


class UnreachableError(LinkError):
    """There was no connection, or nothing that speaks the manager protocol behind it."""


class LoginRefusedError(LinkError):
    """The PBX does not take the account. Trying again at once makes it worse: somebody has to act."""


class LinkLostError(LinkError):
    """The connection ended. What was asked and not answered may have been done, or not."""


class NotLiveError(LinkError):
    """There is no connection at the moment: nothing was sent."""


class NoAnswerError(Exception):
    """An action was sent and not answered in time: it may have been done, or not. It is forgotten."""


class UnsafeValueError(ValueError):
    """A header's name or value holds CR or LF, and would be read as a header of its own. Nothing was sent."""
