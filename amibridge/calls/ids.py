"""Ids: a call's is made of the linkedid that its client's channel had first, and no other call ever gets the same."""

import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

GONE_MEMORY = 60.0
"""Seconds during which what has ended is remembered: Asterisk tells of some channels after their Hangup."""
FORGOTTEN_KEPT = 4096
"""Of so many calls that were forgotten the ids stay taken: such a channel may still live, and be heard of again."""
FIRST_LOOK = 1024
_COUNTED = re.compile(r"-([0-9]{1,18})\Z")
"""How an id ends that is not the first under its linkedid."""


@dataclass(slots=True)
class Ids:
    """The ids that are taken at one PBX, as far as they could be given again.

    A linkedid comes again only through a channel that carries it: a new channel has that of whoever made it.
    """

    pbx: str
    _given: dict[str, list[int]] = field(default_factory=dict)
    """linkedid -> [ids given, calls for whose sake that is remembered]."""
    _over: deque[tuple[float, str]] = field(default_factory=deque)
    """When a call under this linkedid ended."""
    _forgotten: deque[str] = field(default_factory=deque)
    _look_at: int = FIRST_LOOK

    def give(self, linkedid: str) -> str:
        """A call id that no other call has: `<pbx>:<linkedid>`, then `…-2`, `…-3`.

        No linkedid of Asterisk ends like a counted one; one that does all the same is counted from the first.
        """
        given = self._given.setdefault(linkedid, [0, 0])
        given[0] += 1
        given[1] += 1
        suffix = f"-{given[0]}" if given[0] > 1 or _COUNTED.search(linkedid) else ""
        return f"{self.pbx}:{linkedid}{suffix}"

    def taken(self, call_id: str) -> str:
        """A call from before a restart has this id. Returns the linkedid in it."""
        linkedid, number = self._parted(call_id)
        given = self._given.setdefault(linkedid, [0, 0])
        given[0] = max(given[0], number)
        given[1] += 1
        return linkedid

    def linkedid(self, call_id: str) -> str:
        """`office:1795290971.8-2` -> `1795290971.8`."""
        return self._parted(call_id)[0]

    def over(self, linkedid: str, at: float) -> None:
        """A call under this linkedid is over."""
        self._over.append((at, linkedid))

    def forgotten(self, linkedid: str, at: float) -> None:
        """The end of a call under this linkedid was never seen."""
        self._forgotten.append(linkedid)
        if len(self._forgotten) > FORGOTTEN_KEPT:
            self.over(self._forgotten.popleft(), at)

    @property
    def many(self) -> bool:
        """Whether it is time to look what can be forgotten."""
        return len(self._over) >= self._look_at

    def forget(self, at: float, carried: Collection[str]) -> None:
        """Forgets what cannot come again. carried: the linkedids of the channels that live."""
        kept: deque[tuple[float, str]] = deque()
        for ended, linkedid in self._over:
            if ended >= at - GONE_MEMORY or linkedid in carried:
                kept.append((ended, linkedid))
                continue
            given = self._given[linkedid]
            given[1] -= 1
            if not given[1]:
                del self._given[linkedid]
        self._over = kept
        self._look_at = 2 * len(kept) + FIRST_LOOK

    def __len__(self) -> int:
        return len(self._given)

    def _parted(self, call_id: str) -> tuple[str, int]:
        linkedid = call_id.removeprefix(f"{self.pbx}:")
        counted = _COUNTED.search(linkedid)
        return (linkedid[: counted.start()], int(counted[1])) if counted else (linkedid, 1)
