"""Logging to standard error with structlog, as text or as JSON lines."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import MutableMapping
from functools import partial
from typing import Any

from hubbub.errors import HubbubError
from hubbub.formats.tables import clean_lines
from hubbub.language.plurals import plural
from hubbub.logger import configure_later, get_logger

__all__ = ["configure", "log_error", "redact"]

_CREDENTIALS = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s]+@")
_SECRET = re.compile(
    r"(?P<name>[?&](?:token|key|password|secret|access_token)=)[^&\s]+", re.IGNORECASE
)


def redact(text: str) -> str:
    """Remove user names, passwords and tokens from the URLs in a text."""
    return _SECRET.sub(r"\g<name>…", _CREDENTIALS.sub(r"\g<scheme>…@", text))


def _redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _sanitise(value)
        elif isinstance(value, (list, tuple)):
            event[key] = [_sanitise(item) if isinstance(item, str) else item for item in value]
    return event


def _sanitise(text: str) -> str:
    """Remove secrets and terminal control characters; line breaks (of tracebacks) stay."""
    return clean_lines(redact(text))


class _Logger:
    """Logs to the current standard error, which a progress bar replaces while it is shown.

    A service goes on where its log cannot be written (a full disk): lines are lost, and counted.
    """

    _lost = 0

    def msg(self, message: str) -> None:
        """Write a line."""
        lost = _Logger._lost
        notice = f"{plural(lost, 'line')} of the log could not be written\n" if lost else ""
        try:
            sys.stderr.write(f"{notice}{message}\n")
            sys.stderr.flush()
        except OSError:
            _Logger._lost += 1
        else:
            _Logger._lost = 0

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def _logger(*_args: Any) -> _Logger:
    return _Logger()


class _Handler(logging.StreamHandler[Any]):
    """Renders records of the standard library's loggers as structlog renders its own."""

    def __init__(self, log_format: str) -> None:
        super().__init__(sys.stderr)
        self._log_format = log_format
        self._rendering: logging.Formatter | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr  # a progress bar or a view may have replaced it
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        if self._rendering is None:
            import structlog

            shared, renderer = _processors(self._log_format)
            self._rendering = structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            )
        return self._rendering.format(record)


def _processors(log_format: str) -> tuple[list[Any], Any]:
    """Return what completes a message, and what renders it."""
    import structlog

    json = log_format == "json"
    renderer: Any = structlog.processors.JSONRenderer()
    if not json:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
            pad_event_to=0,
            # the default shows local variables where `rich` is installed: names and messages
            exception_formatter=structlog.dev.plain_traceback,
        )
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([structlog.processors.format_exc_info] if json else []),
        _redact,
    ]
    return shared, renderer


def _configure_structlog(log_format: str, level: int) -> None:
    import structlog

    shared, renderer = _processors(log_format)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_logger,
        cache_logger_on_first_use=False,
    )


def configure(log_format: str, level: int) -> None:
    """Configure structlog and the standard library's logging for this process.

    Args:
        log_format: `text`, or `json` for one JSON object per line.
        level: the lowest level that is shown, of `logging`.
    """
    configure_later(partial(_configure_structlog, log_format, level))
    handler = _Handler(log_format)
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    if log_format == "json":  # also warnings and threads' tracebacks, which Python prints as text
        logging.captureWarnings(capture=True)
        threading.excepthook = _log_thread_error


def log_error(error: BaseException) -> None:
    """Log the error that ended a command, as one JSON line.

    Args:
        error: a HubbubError; any other exception is logged with its traceback.
    """
    configure("json", logging.INFO)
    log = get_logger("hubbub")
    if isinstance(error, HubbubError):
        log.error(error.what, where=error.where, hint=error.hint, exit_code=error.exit_code)
    else:
        log.error("internal error", why=repr(error), exit_code=1, exc_info=error)


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    thread = args.thread.name if args.thread is not None else ""
    log = get_logger("hubbub")
    log.error("a thread failed", thread=thread, exc_info=args.exc_value)
