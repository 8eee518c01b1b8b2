"""From the events table to result tables: pure functions, lazy expressions, no I/O.

Importing this package registers every built-in query and loads no engine.
"""

from hubbub.analyzers import (
    cohorts,
    diffs,
    health,
    heatmap,
    longtail,
    occasions,
    overload,
    radar,
    totals,
    usage,
    what_if,
    years,
)

__all__ = [
    "cohorts",
    "diffs",
    "health",
    "heatmap",
    "longtail",
    "occasions",
    "overload",
    "radar",
    "totals",
    "usage",
    "what_if",
    "years",
]
