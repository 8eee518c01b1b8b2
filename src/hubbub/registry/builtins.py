"""The modules of hubbub's own functions, so that a call of one imports one module.

A test compares the tables with what the modules register.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache

__all__ = ["JOBS", "MODULES", "QUERIES", "VIEWS", "import_all", "import_for", "modules_for"]

#: Module in hubbub.analyzers by the name of its queries.
QUERIES = {
    "active_users": "people.active_users",
    "alerts": "alerts.threshold",
    "briefing": "activity.briefing",
    "cohorts": "people.cohorts",
    "coverage": "activity.coverage",
    "daily_metrics": "notebooks.daily_metrics",
    "daily_users": "people.active_users",
    "diff": "activity.volume",
    "event_activity": "activity.event_activity",
    "health": "people.health",
    "heatmap": "activity.heatmap",
    "longtail": "evenness.longtail",
    "material_usage": "notebooks.material_usage",
    "monitor_counts": "notebooks.monitor_counts",
    "objects": "activity.totals",
    "objects_per_user": "activity.heatmap",
    "organisations": "people.organisations",
    "overload": "people.overload",
    "radar": "activity.radar",
    "recipients": "people.active_users",
    "returning": "people.cohorts",
    "suspects": "people.suspects",
    "tail": "evenness.longtail",
    "traffic": "activity.traffic",
    "usage": "extraction",
    "users": "activity.totals",
    "users_per_object": "activity.heatmap",
    "volume": "activity.volume",
    "what_if": "people.what_if",
    "year_over_year": "activity.year_over_year",
}
#: Module in hubbub.charts.views by the name of its views.
VIEWS = {
    "active_users": "people",
    "alerts": "alerts",
    "cohorts": "staying",
    "coverage": "coverage",
    "daily_diff": "activity",
    "daily_users": "people",
    "heatmap": "objects",
    "longtail": "evenness",
    "lorenz": "evenness",
    "objects_per_user": "objects",
    "overload": "overload",
    "radar": "activity",
    "returning": "staying",
    "tail": "evenness",
    "traffic": "traffic",
    "users_per_object": "objects",
    "volume": "activity",
    "weekly_diff": "activity",
}
#: Module in hubbub by the name of its job.
JOBS = {
    "expire_files": "plugins.expiry",
    "usage": "analyzers.extraction",
}

_TABLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "query": ("hubbub.analyzers", QUERIES),
    "view": ("hubbub.charts.views", VIEWS),
    "cron": ("hubbub", JOBS),
}


def _modules(kind: str) -> list[str]:
    package, table = _TABLES[kind]
    return [f"{package}.{module}" for module in dict.fromkeys(table.values())]


#: All modules that register built-in functions.
MODULES = tuple(dict.fromkeys(module for kind in _TABLES for module in _modules(kind)))


def modules_for(kind: str, name: str) -> list[str]:
    """Return the modules that a call of a built-in function needs; none if there is no such one.

    A view may call every query.
    """
    package, table = _TABLES.get(kind, ("", {}))
    if name not in table:
        return []
    return [f"{package}.{table[name]}", *(_modules("query") if kind == "view" else [])]


@cache
def import_for(kind: str, name: str) -> None:
    """Import what a call of a built-in function needs; nothing if there is no such one."""
    _import(modules_for(kind, name))


@cache
def import_all(kind: str) -> None:
    """Import all built-in functions of a kind, and what calls of them need."""
    for name in _TABLES.get(kind, ("", {}))[1]:
        import_for(kind, name)


def _import(modules: Iterable[str]) -> None:
    for module in modules:
        importlib.import_module(module)
