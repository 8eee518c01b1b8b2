"""Every query that reads the whole store, relative to a plain GROUP BY user in the same run.

1 M events over two years (BENCH_EVENTS sets another number). There is no budget: the ratios show
which queries need attention. (With rollups, `scale.py` has a budget of 1 s for 100 M events.)
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from _events import UNTIL, events, seconds, write

from hubbub.analyzers.activity.briefing import briefing
from hubbub.analyzers.activity.event_activity import event_activity
from hubbub.analyzers.activity.heatmap import heatmap, objects_per_user, users_per_object
from hubbub.analyzers.activity.year_over_year import year_over_year
from hubbub.analyzers.evenness.longtail import longtail
from hubbub.analyzers.people.active_users import active_users, daily_users, recipients
from hubbub.analyzers.people.cohorts import cohorts, returning
from hubbub.analyzers.people.health import health
from hubbub.analyzers.people.overload import overload
from hubbub.analyzers.people.what_if import what_if

EVENTS, LENGTH = int(os.environ.get("BENCH_EVENTS", "1_000_000")), timedelta(days=730)
WEEK = timedelta(weeks=1)


def main() -> None:
    since = UNTIL - LENGTH
    with tempfile.TemporaryDirectory() as folder:
        table = events(write(Path(folder), EVENTS, LENGTH))
        times = seconds(
            {
                "plain": lambda: (
                    table.unnest_users().group_by("user").agg(n=lambda t: t.count()).to_pyarrow()
                ),
                "active_users": lambda: active_users(table),
                "daily_users": lambda: daily_users(table, since, UNTIL),
                "recipients": lambda: recipients(table, top=20),
                "cohorts": lambda: cohorts(table, since, UNTIL),
                "returning": lambda: returning(table, since, UNTIL),
                "heatmap": lambda: [heatmap(table)[0].to_pyarrow()],
                "objects_per_user": lambda: objects_per_user(table).to_pyarrow(),
                "users_per_object": lambda: users_per_object(table, since, UNTIL),
                "health": lambda: health(table, since, UNTIL),
                "event_activity": lambda: event_activity(
                    table, since, UNTIL, UNTIL - 9 * WEEK, UNTIL - 8 * WEEK
                ),
                "year_over_year": lambda: year_over_year(table, since, UNTIL),
                "overload": lambda: overload(table, since, UNTIL, people=True),
                "what_if": lambda: what_if(table, ["user1"]),
                "briefing": lambda: briefing(table, since, UNTIL),
                "longtail": lambda: longtail(table, since, UNTIL, WEEK, WEEK),
                "longtail --rarefy": lambda: longtail(
                    table, since, UNTIL, WEEK, WEEK, rarefy=1_000
                ),
            }
        )
    plain = times.pop("plain")
    print(f"{EVENTS:,} events; plain GROUP BY user: {plain:.3f} s")
    for name, time in times.items():
        print(f"{name}: {time / plain:.1f} times that ({time:.2f} s)")


if __name__ == "__main__":
    main()
