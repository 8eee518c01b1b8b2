"""What hubbub says on standard error while it works: structlog, as text or as JSON lines."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from hubbub.cli.tables import clean

__all__ = ["configure", "redact"]

_CREDENTIALS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s]+@")
_SECRET = re.compile(
    r"(?P<name>[?&](?:token|key|password|secret|access_token)=)[^&\s]+", re.IGNORECASE
)


def redact(text: str) -> str:
    """The same without what a URL must not show: user names, passwords, tokens."""
    return _SECRET.sub(r"\g<name>…", _CREDENTIALS.sub(r"\g<scheme>…@", text))


def _redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _harmless(value)
        elif isinstance(value, (list, tuple)):
            event[key] = [_harmless(one) if isinstance(one, str) else one for one in value]
    return event


def _harmless(text: str) -> str:
    """Neither secrets nor what a terminal acts on; the lines of a traceback stay lines."""
    return "\n".join(clean(line) for line in redact(text).split("\n"))


def _logger(*_args: Any) -> structlog.PrintLogger:
    """To standard error as it is now: below a progress bar it is the bar's."""
    return structlog.PrintLogger(sys.stderr)


def configure(log_format: str, level: int) -> None:
    """Set structlog up for this process.

    Args:
        log_format: `text` for people, `json` for one JSON object a line.
        level: the lowest level that is shown, of `logging`.
    """
    renderer: Any
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
            pad_event_to=0,
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([structlog.processors.format_exc_info] if log_format == "json" else []),
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_logger,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING), force=True)
