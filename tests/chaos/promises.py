"""What must hold of the outputs of a core, whatever it was fed with."""

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from amibridge.calls import Calls, Command, CommandType, Ended, Finding, Output
from amibridge.calls.explain import told
from amibridge.calls.ids import GONE_MEMORY
from amibridge.crm.webhook import body
from amibridge.store.encoding import dump, load
from amibridge.store.journal import statements
from amibridge.store.migrations import MIGRATIONS
from tests.contract import wrong

Card = tuple[str, str]
"""Call and extension."""


class BrokenPromiseError(AssertionError):
    """Something came out that must never come out."""


def promised(kept: bool, what: str) -> None:
    if not kept:
        raise BrokenPromiseError(what)


@dataclass
class Promises:
    """Hears everything that a core says, across restarts, and complains of what must never be said."""

    started: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    recorded: dict[str, float] = field(default_factory=dict)
    """Calls that have ended, and when."""
    calls: int = 0
    opened: set[Card] = field(default_factory=set)
    """Cards that are open now."""
    openings: dict[Card, int] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    findings: dict[Finding, int] = field(default_factory=dict)
    restarted: bool = False
    """What was said before may be said again, with the same keys."""
    at: float = -math.inf

    def hear(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            promised(math.isfinite(output.at), f"{output}: its time is no time")
            promised(output.at >= self.at, f"{output}: before {self.at}")
            self.at = output.at
            self._perhaps_again(output.call_id)
            if isinstance(output, Command):
                self._command(output)
            elif isinstance(output, Ended):
                self._ended(output)

    def all_over(self, calls: Calls) -> None:
        """Everybody has hung up: every call that was begun has its end, and the core remembers nothing."""
        promised(self.started == self.finished, f"begun and not ended, or the opposite: {self.started ^ self.finished}")
        promised(not self.opened, f"still open: {self.opened}")
        state = calls._state
        for name in ("channels", "names", "bridges", "live", "engaged", "among_themselves", "known"):
            promised(not getattr(state, name), f"the core keeps {name}: {getattr(state, name)}")

    def _perhaps_again(self, call_id: str) -> None:
        """An id may be given again when its call is long over: no Asterisk gives a Uniqueid to another channel."""
        ended = self.recorded.get(call_id)
        if ended is not None and (self.restarted or self.at > ended + GONE_MEMORY):
            del self.recorded[call_id]
            self.started.discard(call_id)
            self.finished.discard(call_id)
            self.keys = {key for key in self.keys if not key.startswith(f"{call_id}/")}
            self.openings = {card: count for card, count in self.openings.items() if card[0] != call_id}

    def _command(self, command: Command) -> None:
        known = command.key in self.keys
        promised(self.restarted or not known, f"{command.key} comes twice")
        _sendable(command)
        if known:
            return
        self.keys.add(command.key)
        call_id, card = command.call_id, (command.call_id, command.extension or "")
        promised(call_id not in self.finished, f"{command.key} after call.finished")
        if command.type is CommandType.CALL_STARTED:
            self.started.add(call_id)
            return
        promised(call_id in self.started, f"{command.key} before call.started")
        if command.type is CommandType.CARD_OPEN:
            promised(card not in self.opened, f"{command.key} while it is open")
            self.opened.add(card)
            self.openings[card] = self.openings.get(card, 0) + 1
        elif command.type is CommandType.CARD_CLOSE:
            promised(card in self.opened, f"{command.key} while it is not open")
            self.opened.discard(card)
        else:
            self.finished.add(call_id)
            promised(all(call != call_id for call, _ in self.opened), f"{command.key} while a card is open")

    def _ended(self, ended: Ended) -> None:
        promised(self.restarted or ended.call_id not in self.recorded, f"{ended.call_id} ends twice")
        self.recorded[ended.call_id] = ended.at
        self.calls += 1
        record = ended.record
        promised("fault" not in record, f"{ended.call_id} has a fault: {record.get('fault')}")
        verdicts = {extension: said["verdict"] for extension, said in record["verdicts"].items()}
        for verdict in verdicts.values():
            self.findings[Finding(verdict)] = self.findings.get(Finding(verdict), 0) + 1
        talkers = [part["extension"] for part in record["participants"]]
        promised(len(talkers) == len(set(talkers)), f"{ended.call_id} has {talkers}")
        participants = {extension for extension, verdict in verdicts.items() if verdict == Finding.PARTICIPANT}
        promised(participants == set(talkers), f"{ended.call_id}: {participants} talked, the record has {talkers}")
        for part in record["participants"]:
            seconds = part["talk_seconds"]
            promised(seconds is None or (math.isfinite(seconds) and seconds >= 0), f"{ended.call_id}: {part}")
            # A time that nothing tells is null.
            promised(None in (part["from"], part["to"]) or part["from"] <= part["to"], f"{ended.call_id}: {part}")
        cards = [card["extension"] for card in record["cards"]]
        promised(len(cards) == len(set(cards)), f"{ended.call_id} has the cards {cards}")
        if ended.call_id in self.started:
            due = {extension for call, extension in self.openings if call == ended.call_id}
            promised(due == set(cards), f"{ended.call_id}: {due} had cards, the record has {cards}")
        for extension in (None, *verdicts, "nobody"):
            promised(all(isinstance(line, str) for line in told(ended, extension)), "explained in lines")
        promised(load(dump(record))["call_id"] is not None, "the record is JSON")


def _sendable(command: Command) -> None:
    """That a CRM can be sent it, as it comes out of the outbox, and that receivers were told to expect it."""
    said = load(body(replace(command, data=load(dump(command.data)))).decode())
    promised(not (why := wrong(said)), f"{command.key} is not as the schema says: {why}")


class Journal:
    """A database that takes in what a core says, and forgets it again."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        for migration in MIGRATIONS:
            for sql in migration:
                self._database.execute(sql)

    def take(self, outputs: Sequence[Output]) -> None:
        """Raises what the store would have to refuse."""
        self._database.execute("BEGIN")
        try:
            for statement in statements(outputs, "lab", ("crm",), 0.0):
                self._database.executemany(statement.sql, statement.rows)
        finally:
            self._database.execute("ROLLBACK")
