"""The log of decisions: one line for each, so that "why did 120 get a card?" can be asked of the journal."""

import re
import traceback
from collections.abc import Sequence
from typing import Any

import structlog

from amibridge.calls import DEFECT, Command, CommandType, Ended, Fault, Finding, Output, Verdict

log = structlog.get_logger("amibridge")

_NUMBER = re.compile(r"(?<![-\w./@])\+?\d{7,15}(?![-\w.])")
"""A telephone number in a sentence, but no Uniqueid, no part of a bridge's, and not the counter in a channel's name."""


class DecisionLog:
    """Tells what the core decided. mask: clients' numbers are shown without their middle digits. shadow: nothing of it
    is sent.
    """

    def __init__(self, *, mask: bool, shadow: bool = False) -> None:
        self._mask = mask
        self._shadow = shadow

    def tell(self, outputs: Sequence[Output]) -> None:
        """One line for each decision."""
        for output in outputs:
            if isinstance(output, Command):
                self._command(output)
            elif isinstance(output, Verdict):
                self._verdict(output)
            elif isinstance(output, Ended) and output.record["direction"] == "internal":
                self._internal(output)

    def _verdict(self, verdict: Verdict) -> None:
        said = {"call": verdict.call_id, "extension": verdict.extension, "finding": verdict.finding.value}
        no_card = self.shown(verdict.no_card)
        if no_card is None and self._shadow and verdict.finding is Finding.PARTICIPANT:
            no_card = "shadow is on: nothing is sent"
        if no_card is not None:
            said["no_card"] = no_card
        log.info("verdict", **said, because=self.shown(verdict.because))

    def _internal(self, ended: Ended) -> None:
        """A call between colleagues is nobody's news, unless it came from outside: by a mobile that a number names."""
        record = ended.record
        if record["client_raw"] is None:
            log.debug("call.internal", call=ended.call_id, outcome=record["outcome"])
        else:
            log.info(
                "call.internal",
                call=ended.call_id,
                initiator=record["initiator"],
                unverified=self.shown(record["client_raw"]),
                outcome=record["outcome"],
            )

    def tell_fault(self, fault: Fault) -> None:
        """One line for an exception of the core's own, with its traceback."""
        trace = self.shown("".join(traceback.format_exception(fault.error)))
        log.error("core.fault", at=fault.what, call=fault.calls or None, remedy=DEFECT, exception=trace)

    def shown(self, text: str | None) -> str | None:
        """A number, or a text with numbers in it, as the log may show it."""
        if text is None or not self._mask:
            return text
        return _NUMBER.sub(lambda match: masked(match[0]), text)

    def _command(self, command: Command) -> None:
        said: dict[str, Any] = {"call": command.call_id}
        if command.extension is not None:
            said["extension"] = command.extension
        if command.type is CommandType.CALL_FINISHED:
            record = command.data["record"]
            said |= {
                "direction": record["direction"],
                "client": self.shown(record["client"] or record["client_raw"]),
                "outcome": record["outcome"],
                "participants": ",".join(part["extension"] for part in record["participants"]) or None,
                "partial": record["partial"] or None,
            }
        else:
            call = command.data["call"]
            said |= {"client": self.shown(call["client"] or call["client_raw"]), "did": call["did"]}
            if command.type is CommandType.CARD_OPEN:
                said["again"] = command.data["again"] or None
        log.info(command.type.value, **{key: value for key, value in said.items() if value is not None})


def masked(number: str) -> str:
    """`+79031234504` -> `+790•••••504`: enough to tell two clients apart, not enough to call one."""
    return number[:4] + "•" * (len(number) - 7) + number[-3:]
