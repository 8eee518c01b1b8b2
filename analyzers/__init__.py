"""From the events table to result tables: pure functions, lazy expressions, no I/O.

Importing this package registers every built-in query and job and loads no engine.
"""

from hubbub.analyzers import (
    alerts,
    briefing,
    cohorts,
    coverage,
    daily_metrics,
    diffs,
    extraction,
    health,
    heatmap,
    longtail,
    material_usage,
    monitor_counts,
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
    "daily_metrics",
    "diffs",
    "extraction",
    "health",
    "heatmap",
    "longtail",
    "material_usage",
    "monitor_counts",
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
