"""The log: one line an event, for people on a terminal or as JSON for machines, on stderr."""

import logging
import sys
from typing import TextIO

import structlog

from app.settings import Settings
from app.web import access_log


def configure_logs(settings: Settings) -> None:
    """Sets up structlog and the standard library's logging to write the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        last: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        # The traceback without the values in it: those may be a reader's key, and are slow to print.
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _AfterRequests(sys.stderr)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[remove_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    assert handler.lock is not None  # noqa: S101 (every handler has one)
    access_log.write_to(sys.stderr, _request_line(settings), handler.lock)


class _AfterRequests(logging.StreamHandler[TextIO]):
    """Has the access log write first, so that the lines come in the order of what they tell."""

    def emit(self, record: logging.LogRecord) -> None:
        access_log.flush()
        super().emit(record)


def _request_line(settings: Settings) -> access_log.Line | None:
    if settings.log_level not in ("debug", "info"):
        return None
    if settings.log_format == "json":
        return access_log.json_line
    return access_log.coloured_line if sys.stderr.isatty() else access_log.plain_line
