"""Whether a PBX's stream is whole: calls that tell that events are missing are said, in the log and in `status`."""

from collections.abc import Callable, Sequence

import structlog

from amibridge.calls import Ended, Finding, Output, Verdict
from amibridge.calls.lacking import LACKS
from amibridge.store import Store
from amibridge.waiting import elapsed

log = structlog.get_logger("amibridge")

REMEDY = (
    "people answer, and no BridgeEnter comes: look at the `eventfilter` lines and at `read` of the account in"
    " manager.conf; `amibridge example --full DIR` writes one that does"
)
SELDOM = 3600.0
"""Seconds between two lines about one PBX. `status` says it all the while."""


class Completeness:
    """Of one PBX. now: seconds that never step."""

    def __init__(self, pbx: str, store: Store, now: Callable[[], float] = elapsed) -> None:
        self._pbx = pbx
        self._store = store
        self._now = now
        self._told_at: float | None = None
        self._doubted = False

    def hear(self, outputs: Sequence[Output]) -> None:
        """What the core decided. A talk that was seen ends the doubt."""
        for output in outputs:
            if isinstance(output, Ended):
                if output.record.get("lacks_events"):
                    self._doubt(output.call_id)
            elif self._doubted and isinstance(output, Verdict) and output.finding is Finding.PARTICIPANT:
                self._doubted = False
                self._store.note_doubt(self._pbx, None, None)
                log.info("stream.whole_again", pbx=self._pbx, call=output.call_id)

    def _doubt(self, call_id: str) -> None:
        self._doubted = True
        self._store.note_doubt(self._pbx, LACKS, REMEDY)
        if self._told_at is None or self._now() - self._told_at >= SELDOM:
            self._told_at = self._now()
            log.warning("stream.lacks_events", pbx=self._pbx, call=call_id, why=LACKS, remedy=REMEDY)
