"""What hubbub says on standard error while it works: structlog, as text or as JSON lines."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import structlog

from hubbub.cli.output.tables import clean
from hubbub.errors import HubbubError

__all__ = ["configure", "redact", "say"]

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
    json = log_format == "json"
    renderer: Any = structlog.processors.JSONRenderer()
    if not json:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
            pad_event_to=0,
        )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([structlog.processors.format_exc_info] if json else []),
        _redact,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_logger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    if json:  # whatever Python itself would print: a collector of logs reads lines of JSON
        logging.captureWarnings(capture=True)
        threading.excepthook = _thread_failed


def say(error: BaseException) -> None:
    """How a command ended, as one JSON line.

    Args:
        error: a HubbubError, or a fault of ours, which is said with its traceback.
    """
    configure("json", logging.INFO)
    log = structlog.get_logger("hubbub")
    if isinstance(error, HubbubError):
        log.error(error.what, where=error.where, hint=error.hint, exit_code=error.exit_code)
    else:
        log.error("internal error", why=repr(error), exit_code=1, exc_info=error)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    thread = failed.thread.name if failed.thread is not None else ""
    log = structlog.get_logger("hubbub")
    log.error("a thread failed", thread=thread, exc_info=failed.exc_value)
