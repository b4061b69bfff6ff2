"""Answers that are remembered beside the object that gives them."""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar
from weakref import WeakMethod

T = TypeVar("T")


def remembered(size: int, method: Callable[..., T]) -> "_lru_cache_wrapper[T]":
    """The method of an object, with a memory of so many answers that the object may keep itself.

    The two are no cycle: a map that is replaced goes at once, and no collection of garbage has to look for it.
    """
    return lru_cache(size)(Weakly(method))


class Weakly:
    """Calls a method of an object that it does not keep."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = WeakMethod(method)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        method = self._method()
        assert method is not None, "whoever remembers is gone"
        return method(*arguments, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        return Weakly, (self._method(),)
