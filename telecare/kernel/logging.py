"""Structured logs. One correlation id goes from a hub's event to the alarm, its notifications and the reply."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from telecare.kernel.settings import Settings

_DETAIL = re.compile(r"^DETAIL:.*?(?=\n\n(?:The above|During handling)|\Z)", re.DOTALL | re.MULTILINE)

SECRET_WORDS = ("password", "secret", "token", "credential", "key_safe", "authorization", "cookie")


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every value whose name sounds like a secret: a log is read by more people than a safe."""
    for name in event:
        if any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "[redacted]"
    return event


def leave_out_rows(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut what PostgreSQL tells of a row out of a traceback: `DETAIL: Failing row contains (…)` is somebody's data."""
    if "exception" in event:
        event["exception"] = _DETAIL.sub("DETAIL:  [left out]", event["exception"])
    return event


def configure_logging(settings: Settings, stream: TextIO = sys.stderr) -> None:
    """Set up structlog and the standard library's logging to write one line an event to `stream`."""
    render = structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            leave_out_rows,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[settings.log_level]))


def get_logger(name: str) -> Any:
    """Return a logger bound to the name of its room."""
    return structlog.get_logger(room=name)
