"""Loggers of structlog that import it with their first message.

The import takes a tenth of a second, more than most commands need for all else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["configure_later", "get_logger"]

_configurations: list[Callable[[], None]] = []


def configure_later(configure: Callable[[], None]) -> None:
    """Call `configure` before the first message; at once where structlog is imported already."""
    _configurations[:] = [configure]
    if "structlog" in sys.modules:
        _configure()


def _configure() -> None:
    while _configurations:
        _configurations.pop()()


class _LazyLogger:
    """A structlog logger; every attribute is one of structlog's."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self._name = name
        self._values = values

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # copying and pickling ask for special methods
            raise AttributeError(attribute)
        import structlog

        _configure()
        return getattr(structlog.get_logger(self._name, **self._values), attribute)


def get_logger(name: str = "", **values: Any) -> Any:
    """Return a logger.

    Args:
        name: dotted, as `hubbub.store`; not printed.
        values: what each of its messages carries.
    """
    return _LazyLogger(name, values)
