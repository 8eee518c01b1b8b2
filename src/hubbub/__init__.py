"""hubbub shows who carries the load on a project's message bus.

Importing the package is cheap: public names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.collector.people.extract import people as people
    from hubbub.notebook import open as open  # noqa: A004
    from hubbub.registry import cron as cron
    from hubbub.registry import event_handler as event_handler
    from hubbub.registry import query as query
    from hubbub.registry import view as view

__version__ = "0.1.0"
__all__ = ["__version__", "cron", "event_handler", "open", "people", "query", "view"]

__getattr__ = lazy_names(
    __name__,
    {
        "cron": "hubbub.registry",
        "event_handler": "hubbub.registry",
        "open": "hubbub.notebook",
        "people": "hubbub.collector.people.extract",
        "query": "hubbub.registry",
        "view": "hubbub.registry",
    },
)
