"""The store: one SQLite file with the journal of calls and the outbox of commands."""

from amibridge.store.archive import Archive
from amibridge.store.backup import back_up
from amibridge.store.errors import (
    AlreadyRunningError,
    BrokenStoreError,
    NotOurDatabaseError,
    StoreError,
    StoreFailedError,
)
from amibridge.store.health import Down
from amibridge.store.lock import Holder, holder
from amibridge.store.opening import is_ours
from amibridge.store.outbox import Errand, Outbox, Result, State
from amibridge.store.store import Limits, Saved, Store

__all__ = [
    "AlreadyRunningError",
    "Archive",
    "BrokenStoreError",
    "Down",
    "Errand",
    "Holder",
    "Limits",
    "NotOurDatabaseError",
    "Outbox",
    "Result",
    "Saved",
    "State",
    "Store",
    "StoreError",
    "StoreFailedError",
    "back_up",
    "holder",
    "is_ours",
]
