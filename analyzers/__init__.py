"""From the events table to result tables: pure functions, lazy expressions, no I/O.

Importing this package registers every built-in query and loads no engine.
"""

from hubbub.analyzers import (
    alerts,
    briefing,
    cohorts,
    coverage,
    diffs,
    health,
    heatmap,
    longtail,
    occasions,
    organisations,
    overload,
    radar,
    suspects,
    totals,
    traffic,
    usage,
    what_if,
    years,
)

__all__ = [
    "alerts",
    "briefing",
    "cohorts",
    "coverage",
    "diffs",
    "health",
    "heatmap",
    "longtail",
    "occasions",
    "organisations",
    "overload",
    "radar",
    "suspects",
    "totals",
    "traffic",
    "usage",
    "what_if",
    "years",
]
