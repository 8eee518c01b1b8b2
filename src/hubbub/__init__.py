"""hubbub shows who carries the load on a project's message bus.

Importing the package is cheap: public names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.calls.combined import combine as combine
    from hubbub.calls.remote import connect as connect
    from hubbub.calls.restricted import restrict as restrict
    from hubbub.collector.people.extract import people as people
    from hubbub.notebook import open as open  # noqa: A004
    from hubbub.registry import cron as cron
    from hubbub.registry import query as query
    from hubbub.registry import view as view
    from hubbub.registry.events import event_handler as event_handler
    from hubbub.registry.events import event_property as event_property
    from hubbub.run.objects.memoize import memoize_query as memoize_query
    from hubbub.run.objects.memoize import use_clearcache as use_clearcache
    from hubbub.run.objects.memoize import use_forcememoize as use_forcememoize
    from hubbub.run.objects.memoize import use_fromcache as use_fromcache

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "combine",
    "connect",
    "cron",
    "event_handler",
    "event_property",
    "memoize_query",
    "open",
    "people",
    "query",
    "restrict",
    "use_clearcache",
    "use_forcememoize",
    "use_fromcache",
    "view",
]

__getattr__ = lazy_names(
    __name__,
    {
        "combine": "hubbub.calls.combined",
        "connect": "hubbub.calls.remote",
        "cron": "hubbub.registry",
        "event_handler": "hubbub.registry.events",
        "event_property": "hubbub.registry.events",
        "memoize_query": "hubbub.run.objects.memoize",
        "open": "hubbub.notebook",
        "people": "hubbub.collector.people.extract",
        "query": "hubbub.registry",
        "restrict": "hubbub.calls.restricted",
        "use_clearcache": "hubbub.run.objects.memoize",
        "use_forcememoize": "hubbub.run.objects.memoize",
        "use_fromcache": "hubbub.run.objects.memoize",
        "view": "hubbub.registry",
    },
)
