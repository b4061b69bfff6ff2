"""YAML's graph of nodes, without what a few lines of YAML can grow into.

An alias repeats what its anchor stands for: nine aliases to nine aliases to nine aliases, ten times, are three thousand
million values in a file of ten lines. They are counted while the graph is made, which holds each of them once.
"""

from typing import Any

from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import Node

DEEPEST = 50
"""Lists and mappings inside of each other, in the file and by its aliases: ours have six."""
REPEATED = 100_000
"""Values that aliases may add to those of the file."""
TOO_DEEP = "nested too deep"
TOO_MANY = "too many values by aliases"


class BoundedComposer(Composer):
    """Raises ComposerError with TOO_DEEP or TOO_MANY at the place where it becomes too much."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._around = 0
        """How many nodes the next one stands in."""
        self._deepest = 0
        """How deep the deepest node is that was met since somebody has set this back."""
        self._values = 0
        self._repeated = 0
        self._sizes: dict[int, tuple[int, int]] = {}
        """Of each node that is complete: its values with those inside of it, and the depth that it has by itself."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, and what stands in it."""
        event = self.parser.peek_event()
        if isinstance(event, AliasEvent):
            return self._repeat(super().compose_node(parent, index), event)
        self._around += 1
        outer, self._deepest, before = self._deepest, self._around, self._values
        self._bound(event)
        self._values += 1
        node = super().compose_node(parent, index)
        self._sizes[id(node)] = (self._values - before, self._deepest - self._around + 1)
        self._deepest = max(outer, self._deepest)
        self._around -= 1
        return node

    def _repeat(self, node: Node, event: AliasEvent) -> Node:
        """Counts what an alias stands for; one to what it stands in is nobody's size yet, and refused elsewhere."""
        values, depth = self._sizes.get(id(node), (1, 1))
        self._values += values
        self._repeated += values
        self._deepest = max(self._deepest, self._around + depth)
        self._bound(event)
        return node

    def _bound(self, event: Any) -> None:
        if self._deepest > DEEPEST:
            raise ComposerError(None, None, TOO_DEEP, event.start_mark)
        if self._repeated > REPEATED:
            raise ComposerError(None, None, TOO_MANY, event.start_mark)
