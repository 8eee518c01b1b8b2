"""Which views a report draws, and how to read them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hubbub.errors import UsageError
from hubbub.registry import Registry

__all__ = ["Reading", "builtin", "chosen", "readings"]

#: The order of the report; views not listed follow by name.
_ORDER = (
    *("longtail", "tail", "lorenz", "radar", "weekly_diff", "daily_diff", "volume"),
    *("daily_users", "active_users", "cohorts", "returning", "overload"),
    *("heatmap", "objects_per_user", "users_per_object", "alerts", "traffic", "coverage"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What to know of a view: plain text of its page in docs/metrics."""

    how: str  # to read it
    when: str  # not to trust it


@cache
def readings() -> dict[str, Reading]:
    """Return what to know of each built-in view, by name."""
    text = (files("hubbub.charts.report") / "readings.json").read_text("utf-8")
    return {name: Reading(**texts) for name, texts in json.loads(text).items()}


def builtin(registry: Registry) -> list[str]:
    """Return the names of the built-in views in the order of a report."""
    names = [
        name
        for name, function in registry.views.items()
        if function.public and function.module.startswith("hubbub.charts.")
    ]
    rank = {name: i for i, name in enumerate(_ORDER)}
    return sorted(names, key=lambda n: (rank.get(n, len(rank)), n))


def chosen(registry: Registry, names: Sequence[str]) -> list[str]:
    """Return the views of a report: the named ones in their order, else the built-in ones.

    Raises:
        UsageError: there is no such view.
    """
    for name in names:
        if name not in registry.views:
            views = sorted(registry.views)
            hint = f"there are: {', '.join(views)}"
            if matches := difflib.get_close_matches(name, views, n=1):
                hint = f"did you mean {matches[0]}?"
            raise UsageError(f"there is no view {name!r}", where="--views", hint=hint)
    return list(dict.fromkeys(names)) or builtin(registry)
