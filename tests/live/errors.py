"""What can go wrong in the harness, apart from its own faults."""


class CannotPlayError(Exception):
    """What this machine lacks, in words for whoever started the harness."""


class MissingError(Exception):
    """What a story waits for did not happen."""
