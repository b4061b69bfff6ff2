"""The log's form: colours on a terminal, else logfmt or JSON for the journal; tracebacks without local variables."""

import logging
import sys

import structlog

from amibridge.directory.settings import Log, LogFormat


def configure(settings: Log) -> None:
    """Sets structlog up for the whole process. Lines go to standard error."""
    renderer: structlog.typing.Processor
    processors: list[structlog.typing.Processor] = [structlog.processors.add_log_level]
    if settings.format is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
        processors += [structlog.processors.TimeStamper(fmt="iso"), structlog.processors.format_exc_info]
    elif sys.stderr.isatty():
        # Local variables may hold secrets: a traceback shows none.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        processors += [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)]
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=("level", "event"), drop_missing=True)
        processors += [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*processors, _readable, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _readable(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What is not known is left out; bytes that were no UTF-8, and line ends, must not break a line of the log."""
    said: structlog.typing.EventDict = {}
    for key, value in event.items():
        if isinstance(value, str):
            value = value.encode("utf-8", "replace").decode()
            value = value if key == "exception" else " ".join(value.splitlines())
        if value is not None:
            said[key] = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    return said
