"""Recordings: the file names that MixMonitor leaves in a channel variable."""

from amibridge.calls.channelvars import variable
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.readable import readable
from amibridge.calls.state import State

VARIABLE = "MIXMONITOR_FILENAME"


def on_varset(state: State, event: Event) -> None:
    """`VarSet` of the recording's file; needs the read class `dialplan`. Nothing else is ever read from a VarSet."""
    if event.told("Variable") == VARIABLE:
        _belongs(state, event, event.told("Value"))


def on_start(state: State, event: Event) -> None:
    """`MixMonitorStart` carries the variable where `channelvars` in manager.conf asks for it."""
    _belongs(state, event, variable(state, event, VARIABLE))


def _belongs(state: State, event: Event, file: str | None) -> None:
    channel = named(state, event)
    if channel is not None and file:
        file = readable(file)
        channel.recording = file
        for call in channel.calls:
            call.recordings[file] = None
