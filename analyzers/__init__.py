"""Built-in queries and jobs: pure functions from the events table to results, without I/O.

Importing this package registers all of them and loads no query engine.
"""

from hubbub.analyzers import extraction
from hubbub.analyzers.activity import (
    briefing,
    coverage,
    event_activity,
    heatmap,
    radar,
    totals,
    traffic,
    volume,
    year_over_year,
)
from hubbub.analyzers.alerts import threshold
from hubbub.analyzers.evenness import longtail
from hubbub.analyzers.notebooks import daily_metrics, material_usage, monitor_counts
from hubbub.analyzers.people import (
    active_users,
    cohorts,
    health,
    organisations,
    overload,
    suspects,
    what_if,
)
