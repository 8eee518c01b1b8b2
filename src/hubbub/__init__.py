"""hubbub: who carries the load on a project's message bus.

The public names are resolved when they are first used (PEP 562), so that `import hubbub` costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubbub.collector.people import people as people
    from hubbub.notebook import open as open  # noqa: A004
    from hubbub.registry import cron as cron
    from hubbub.registry import event_handler as event_handler
    from hubbub.registry import query as query
    from hubbub.registry import view as view

__version__ = "0.1.0"
_NAMES = {
    "cron": "hubbub.registry",
    "event_handler": "hubbub.registry",
    "open": "hubbub.notebook",
    "people": "hubbub.collector.people",
    "query": "hubbub.registry",
    "view": "hubbub.registry",
}
__all__ = ["__version__", "cron", "event_handler", "open", "people", "query", "view"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'hubbub' has no attribute {name!r}")
