"""A configuration on its way from the process that has read it, in slices that each take a millisecond to unpack.

A map of 10,000 extensions takes seconds to read, and to unpack at once it would keep everybody's cards waiting. So what
is large (the map's own mapping, each index that is made of it) goes ahead in slices, and then the rest, which names it.
"""

import io
import pickle
import struct
from collections.abc import Iterator, Sequence
from functools import _lru_cache_wrapper, lru_cache
from itertools import islice
from typing import Any

SLICE = 64
"""Entries of one slice; what has no more goes along with what it stands in."""
LENGTH = struct.Struct("!I")
"""Stands before each slice on a pipe: its bytes."""

_GROWING: dict[type, type] = {dict: dict, list: list, tuple: list, frozenset: set}
"""What may be large, and what it grows in."""


class _Packer(pickle.Pickler):
    """Leaves out what is large, and keeps it in `large`."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.large: list[Any] = []
        self._numbers: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """The number of something large."""
        if type(obj) not in _GROWING or len(obj) <= SLICE:
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
            yield pickle.dumps((number, type(large), some), pickle.HIGHEST_PROTOCOL)
    yield pickle.dumps((-1, None, rest.getvalue()), pickle.HIGHEST_PROTOCOL)


class Unpacking:
    """The other end. Slices come from a process of one's own: nobody else's may be unpacked."""

    def __init__(self) -> None:
        self._large: list[Any] = []
        self._kinds: list[type] = []

    def take(self, slice_: bytes) -> list[Any]:
        """One more slice. Returns a list with the thing itself once it is whole, an empty one before."""
        number, kind, some = pickle.loads(slice_)
        if number < 0:
            return [self._whole(some)]
        if number == len(self._large):
            self._large.append(_GROWING[kind]())
            self._kinds.append(kind)
        if isinstance(self._large[number], list):
            self._large[number].extend(some)
        else:
            self._large[number].update(some)
        return []

    def _whole(self, rest: bytes) -> Any:
        large = [
            gathered if isinstance(gathered, kind) else kind(gathered)
            for gathered, kind in zip(self._large, self._kinds, strict=True)
        ]
        return _Unpacker(rest, large).load()


class _Unpacker(pickle.Unpickler):
    """Puts what is large where it was left out."""

    def __init__(self, rest: bytes, large: Sequence[Any]) -> None:
        super().__init__(io.BytesIO(rest))
        self._large = large

    def persistent_load(self, pid: Any) -> Any:
        """What has this number."""
        return self._large[pid]
