"""The core's face: events in, commands and verdicts out. Pure and synchronous; it has no clock but the events'."""

import heapq
from collections.abc import Callable, Iterable, Mapping

from amibridge.calls import (
    bridging,
    conversation,
    dialling,
    ending,
    faults,
    forgetting,
    holding,
    keypress,
    lifecycle,
    parking,
    pickup,
    queue,
    recording,
    resync,
    spying,
    transfer,
)
from amibridge.calls.event import Event
from amibridge.calls.outputs import Output
from amibridge.calls.record import FIRST, LAST
from amibridge.calls.resync import Picture
from amibridge.calls.state import Known, Patience, State
from amibridge.calls.who import Directory

HANDLERS: Mapping[str, Callable[[State, Event], None]] = {
    "Newchannel": lifecycle.on_newchannel,
    "Newstate": lifecycle.on_newstate,
    "NewCallerid": lifecycle.on_newcallerid,
    "HangupRequest": lifecycle.on_hangup_request,
    "Hangup": lifecycle.on_hangup,
    "DialBegin": dialling.on_begin,
    "DialEnd": dialling.on_end,
    "BridgeEnter": bridging.on_enter,
    "BridgeLeave": bridging.on_leave,
    "LocalBridge": bridging.on_local_bridge,
    "Hold": holding.on_hold,
    "Unhold": holding.on_unhold,
    "MusicOnHoldStart": holding.on_music_start,
    "MusicOnHoldStop": holding.on_music_stop,
    "Pickup": pickup.on_pickup,
    "ParkedCall": parking.on_parked,
    "UnParkedCall": parking.on_unparked,
    "BlindTransfer": transfer.on_blind,
    "AttendedTransfer": transfer.on_attended,
    "QueueCallerJoin": queue.on_join,
    "AgentConnect": queue.on_connect,
    "ChanSpyStart": spying.on_start,
    "ChanSpyStop": spying.on_stop,
    "MixMonitorStart": recording.on_start,
    "MixMonitorStop": recording.on_stop,
    "UserEvent": recording.on_user_event,
    "VarSet": recording.on_varset,
    "DTMFEnd": keypress.on_dtmf,
}
"""What each event means to the core. Events with other names need not be brought here at all."""


class Calls:
    """The calls of one PBX.

    pbx: its name, the first half of every call id.
    directory: who is who, numbers and card rules.
    known: calls in the store when the daemon starts again.
    tell_fault: is told of exceptions of the core's own; each costs one event, and none comes out. Without, they do.

    Deadlines fire inside `apply` as well: a timer that calls `advance` makes commands punctual and changes nothing
    else. What comes at a time that no calendar has (infinity, no number at all) comes when the last event did.
    """

    def __init__(
        self,
        pbx: str,
        directory: Directory,
        patience: Patience | None = None,
        known: Iterable[Known] = (),
        tell_fault: faults.TellFault | None = None,
    ) -> None:
        self._state = State(pbx, directory, patience or Patience(), tell_fault)
        self._state.take_known(known)
        self._seen_at = 0.0
        self._seen_wall = 0.0

    def apply(self, event: Event) -> list[Output]:
        """Takes in one event and returns what follows from it, in order."""
        state = self._state
        name, at, wall, _ = event
        if not FIRST <= at <= LAST:
            at, wall = self._seen_at, self._seen_wall
            event = event._replace(at=at, wall=wall)
        if state.deadlines and state.deadlines[0][0] <= at:
            self._fire(at)
        self._seen_at = state.at = at
        self._seen_wall = state.wall = wall
        handler = HANDLERS.get(name)
        if handler is not None:
            try:
                handler(state, event)
                if state.unsettled:
                    conversation.settle(state)
                if state.recorders_due:
                    recording.settle(state)
                if not state.watching:
                    forgetting.watch(state)
            except Exception as error:  # noqa: BLE001 - whatever it was, the other events and calls go on
                faults.contain(state, name, error, faults.concerned(state, event))
        return self._take() if state.out else []

    def advance(self, at: float) -> list[Output]:
        """Fires the deadlines up to `at`, each stamped with its own time."""
        if FIRST <= at <= LAST:
            self._fire(at)
        return self._take()

    def present(self, picture: Picture, at: float, wall: float) -> list[Output]:
        """After a (re)connect: what the PBX shows now takes the place of what was believed."""
        state = self._state
        if not FIRST <= at <= LAST:
            at, wall = self._seen_at, self._seen_wall
        self._fire(at)
        state.at, state.wall = self._seen_at, self._seen_wall
        with faults.contained(state, faults.LISTING):
            resync.lose(state, picture)
        self._seen_at, self._seen_wall = state.at, state.wall = at, wall
        with faults.contained(state, faults.LISTING):
            resync.present(state, picture)
            recording.settle(state)
            forgetting.watch(state)
        return self._take()

    def end(self, at: float) -> list[Output]:
        """The end of a capture: the records of the calls that it ends in the middle of, as far as they go."""
        state = self._state
        at = max(at if FIRST <= at <= LAST else self._seen_at, holding.settled_at(state))
        self._fire(at)
        state.wall += max(0.0, at - state.at)
        state.at = max(at, state.at)
        for call in list(state.live):
            with faults.contained(state, "the end of the capture", call):
                record = ending.so_far(state, call)
                if record is not None:
                    state.out.append(record)
        return self._take()

    @property
    def deadline(self) -> float | None:
        """When `advance` next has something to do, on the PBX's line of time."""
        return self._state.deadlines[0][0] if self._state.deadlines else None

    def use(self, directory: Directory) -> None:
        """A new map for calls that begin from now on; running calls keep theirs."""
        self._state.directory = directory

    def _fire(self, at: float) -> None:
        state = self._state
        while state.deadlines and state.deadlines[0][0] <= at:
            due, _, then = heapq.heappop(state.deadlines)
            state.at, state.wall = due, self._seen_wall + (due - self._seen_at)
            with faults.contained(state, "a deadline"):
                then()
                recording.settle(state)

    def _take(self) -> list[Output]:
        out = self._state.out
        if out:
            self._state.out = []
        return out
