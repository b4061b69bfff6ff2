"""The log's form: colours on a terminal, else logfmt or JSON; nothing in it is invisible.

The journal notes the time of a line, and reads its priority from `<6>` before it (sd-daemon(3)); elsewhere a line says
when it was written itself.
"""

import logging
import os
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from amibridge.calls.readable import visible
from amibridge.daemon.log_stream import LogStream
from amibridge.directory.settings import Log, LogFormat

STANDARD_ERROR = 2
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog's."""


def configure(settings: Log) -> LogStream:
    """Sets structlog up for the whole process, and Python's own logging behind it. Lines go to standard error."""
    journal = _is_journal(STANDARD_ERROR)
    # Local variables may hold secrets: this traceback shows none.
    rendered: list[Processor] = [structlog.processors.add_log_level, structlog.processors.format_exc_info, _readable]
    rendered += _rendering(settings.format, journal)
    if journal:
        rendered[-1] = _with_priority(rendered[-1])
    bound = structlog.make_filtering_bound_logger(logging.getLevelName(settings.level.upper()))
    teller = structlog.wrap_logger(structlog.ReturnLogger(), rendered, wrapper_class=bound)
    stream = LogStream(
        STANDARD_ERROR, lambda lines, why: str(teller.error("log.lost", lines=lines, why=why, meaning="calls went on"))
    )
    structlog.configure(
        processors=rendered,
        wrapper_class=bound,
        logger_factory=lambda *_: stream,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    return stream


def _rendering(form: LogFormat, journal: bool) -> list[Processor]:
    """What makes a line of an event, the last of them the line itself."""
    now = structlog.processors.TimeStamper(fmt="iso")
    if form is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
        return [now, renderer]
    if sys.stderr.isatty():
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        return [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False), console]
    logfmt = structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event"), drop_missing=True)
    return [logfmt] if journal else [now, logfmt]


def _is_journal(descriptor: int) -> bool:
    """Whether this is the stream that systemd has connected to the journal: $JOURNAL_STREAM alone may be inherited."""
    file = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{file.st_dev}:{file.st_ino}"


def _with_priority(renderer: Processor) -> Processor:
    def prefixed(logger: WrappedLogger, method: str, event: EventDict) -> str:
        prefix = f"<{PRIORITIES[event['level']]}>"
        return "\n".join(f"{prefix}{line}" for line in str(renderer(logger, method, event)).split("\n"))

    return prefixed


def _readable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What is not known is left out; line ends, bytes that were no UTF-8, and what is not seen must break no line."""
    return {key: _shown(key, value) for key, value in event.items() if value is not None}


def _shown(key: str, value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = text.encode("utf-8", "replace").decode()
    if key == "exception":
        return "\n".join(map(visible, text.split("\n")))
    return visible(" ".join(text.splitlines()))


class _Libraries(logging.Handler):
    """What asyncio and the libraries have to say goes the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line of the log."""
        tell = structlog.get_logger("amibridge")
        tell = tell.error if record.levelno >= logging.ERROR else tell.warning
        tell("library", library=record.name, what=record.getMessage(), exc_info=record.exc_info or None)
