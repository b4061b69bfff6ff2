"""The core: who talked to whom. Pure, synchronous, no I/O; events in, verdicts and commands out."""

from amibridge.calls.core import HANDLERS, Calls
from amibridge.calls.event import UNKNOWN, Event
from amibridge.calls.faults import DEFECT, Fault
from amibridge.calls.headers import Headers
from amibridge.calls.outputs import Anchored, Command, CommandType, End, Ended, Fact, Finding, Outcome, Output, Verdict
from amibridge.calls.resync import Picture, SeenBridge, SeenChannel
from amibridge.calls.state import Known, Patience

__all__ = [
    "DEFECT",
    "HANDLERS",
    "UNKNOWN",
    "Anchored",
    "Calls",
    "Command",
    "CommandType",
    "End",
    "Ended",
    "Event",
    "Fact",
    "Fault",
    "Finding",
    "Headers",
    "Known",
    "Outcome",
    "Output",
    "Patience",
    "Picture",
    "SeenBridge",
    "SeenChannel",
    "Verdict",
]
