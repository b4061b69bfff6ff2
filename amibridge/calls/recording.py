"""Recordings: the files into which MixMonitor writes the talk with the client.

The name comes by a channel variable, or by an event that the dialplan sends. Every channel of a call may be recorded,
also one that never hears the client: the prompt to a mobile on which nobody presses a key, a machine's announcement. So
a file is the call's once its channel is joined with the client in conversation; what the client's own channel was
recorded into is the call's from the beginning.
"""

from amibridge.calls.call import Call
from amibridge.calls.channel import Channel
from amibridge.calls.channelvars import variable
from amibridge.calls.event import Event
from amibridge.calls.naming import named
from amibridge.calls.readable import readable
from amibridge.calls.state import State

VARIABLE = "MIXMONITOR_FILENAME"
USER_EVENT = "StartRecording"


def on_varset(state: State, event: Event) -> None:
    """`VarSet` of the recording's file; needs the read class `dialplan`. Nothing else is ever read from a VarSet."""
    if event.told("Variable") == VARIABLE:
        _records(state, event, event.told("Value"))


def on_start(state: State, event: Event) -> None:
    """`MixMonitorStart` carries the variable where `channelvars` in manager.conf asks for it."""
    _records(state, event, variable(state, event, VARIABLE))


def on_stop(state: State, event: Event) -> None:
    """`MixMonitorStop`: what the channel says from now on is in no file."""
    channel = named(state, event)
    if channel is not None:
        channel.recording = None


def on_user_event(state: State, event: Event) -> None:
    """`UserEvent` of MikoPBX, which turns the file into another format: it names the one that there will be. Needs the
    read class `user`."""
    if event.told("UserEvent") == USER_EVENT:
        _records(state, event, event.told("recordingfile"))


def joins(state: State, call: Call, channel: Channel) -> None:
    """A channel belongs to the call from now on, or is recorded from now on."""
    if channel.recording is not None:
        call.recorded[channel] = None
        talks(state, call)


def talks(state: State, call: Call) -> None:
    """Somebody begins to hear the client. By which channels is known when the event has done all that it does."""
    if call.recorded:
        state.recorders_due.append(call)


def settle(state: State) -> None:
    """The files of channels that are joined with their client in talk now are their calls'."""
    due, state.recorders_due = state.recorders_due, []
    for call in due:
        for channel in list(call.recorded):
            if channel.recording is None or channel.gone:
                del call.recorded[channel]
            elif _hears(call, channel):
                del call.recorded[channel]
                call.recordings[channel.recording] = None


def _hears(call: Call, channel: Channel) -> bool:
    anchor = call.anchor
    if call.client and channel is anchor:
        return True
    if not channel.local:
        return channel in call.talking
    between = channel.bridge.conversation if channel.bridge is not None else None
    return bool(call.talking) and anchor is not None and between is not None and anchor.hears is between


def _records(state: State, event: Event, file: str | None) -> None:
    channel = named(state, event)
    if channel is None or not file:
        return
    before, channel.recording = channel.recording, readable(file)
    for call in channel.calls:
        if before is not None and _same_recording(before, channel.recording) and before in call.recordings:
            names = [channel.recording if name == before else name for name in call.recordings]
            call.recordings = dict.fromkeys(names)
        else:
            joins(state, call, channel)


def _same_recording(one: str, other: str) -> bool:
    """Whether they are names of one recording in two formats: `….wav` and `….webm`."""
    return one.rpartition(".")[0] == other.rpartition(".")[0]
