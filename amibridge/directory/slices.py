"""A loaded configuration on its way from the process that has read it, in slices that each take a millisecond to unpack.

A map of 10,000 extensions takes seconds to read, and to unpack at once it would keep everybody's cards waiting. So what
is large (the map's own mapping, each index that is made of it) goes ahead in slices, and then the rest, which names it.
"""

import io
import pickle
import struct
from collections.abc import Iterator
from functools import _lru_cache_wrapper, lru_cache
from itertools import islice
from typing import Any

SLICE = 64
"""Entries of one slice; what has no more goes along with what it stands in."""
LENGTH = struct.Struct("!I")
"""Stands before each slice on a pipe: its bytes."""

_KINDS: dict[type, int] = {dict: 0, list: 1, tuple: 2, frozenset: 3}


class _Packer(pickle.Pickler):
    """Leaves out what is large, and keeps it in `large`."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.large: list[Any] = []
        self._numbers: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """The number of something large."""
        if type(obj) not in _KINDS or len(obj) <= SLICE:
            return None
        if id(obj) not in self._numbers:
            self._numbers[id(obj)] = len(self.large)
            self.large.append(obj)
        return self._numbers[id(obj)]

    def reducer_override(self, obj: Any) -> Any:
        """A memory of answers goes empty."""
        if isinstance(obj, _lru_cache_wrapper):
            return _remembering, (obj.cache_parameters()["maxsize"], obj.__wrapped__)
        return NotImplemented


def _remembering(size: int, function: Any) -> Any:
    return lru_cache(size)(function)


def sliced(thing: object) -> Iterator[bytes]:
    """The slices of something that can be pickled."""
    rest = io.BytesIO()
    packer = _Packer(rest)
    packer.dump(thing)
    for number, large in enumerate(packer.large):
        entries = iter(large.items() if isinstance(large, dict) else large)
        while some := list(islice(entries, SLICE)):
            yield pickle.dumps((number, _KINDS[type(large)], some), pickle.HIGHEST_PROTOCOL)
    yield pickle.dumps((-1, -1, rest.getvalue()), pickle.HIGHEST_PROTOCOL)


class Unpacking:
    """The other end. Slices come from a process of one's own: nobody else's may be unpacked."""

    def __init__(self) -> None:
        self._large: list[Any] = []
        self._kinds: list[int] = []

    def take(self, slice_: bytes) -> list[Any]:
        """One more slice. Returns a list with the thing itself once it is whole, an empty one before."""
        number, kind, some = pickle.loads(slice_)
        if number < 0:
            return [self._whole(some)]
        if number == len(self._large):
            self._large.append({} if kind == _KINDS[dict] else [])
            self._kinds.append(kind)
        if kind == _KINDS[dict]:
            self._large[number].update(some)
        else:
            self._large[number].extend(some)
        return []

    def _whole(self, rest: bytes) -> Any:
        types = {kind: made for made, kind in _KINDS.items()}
        large = [
            gathered if isinstance(gathered, types[kind]) else types[kind](gathered)
            for gathered, kind in zip(self._large, self._kinds, strict=True)
        ]

        class Unpacker(pickle.Unpickler):
            def persistent_load(self, pid: Any) -> Any:
                return large[pid]

        return Unpacker(io.BytesIO(rest)).load()
