"""Evenness of 50 windows against one plain GROUP BY user of the same engine, in the same run.

10 M events over two years (BENCH_EVENTS sets another number). Budgets: 50 windows that tile the
whole at most 2.2 times the plain query, 50 overlapping windows of 24 h within 25 days at most 0.3.
In seconds of CPU: both sides use every core, and on a busy machine the wall clock says nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from _events import UNTIL, events, seconds, write

from hubbub.analyzers.evenness.longtail import longtail
from hubbub.store.query.events import Events

EVENTS, LENGTH = int(os.environ.get("BENCH_EVENTS", "10_000_000")), timedelta(days=730)
DAY, MONTH = timedelta(days=1), timedelta(days=25)


def main() -> None:
    since, late = UNTIL - LENGTH, UNTIL - timedelta(days=100)
    with tempfile.TemporaryDirectory() as folder:
        table = events(write(Path(folder), EVENTS, LENGTH))
        part: Events = table.filter(table.time >= late - MONTH, table.time < late)
        tile, overlap = (
            LENGTH / 50,
            timedelta(hours=11.75),
        )  # the 50th begins 6 h after `late - MONTH`
        assert len(longtail(table, since, UNTIL, tile, tile)[0]) == 50
        assert len(longtail(part, late - MONTH, late, DAY, overlap)[0]) == 50
        took = seconds(
            {
                "plain": lambda: (
                    table.unnest_users().group_by("user").agg(n=lambda t: t.count()).to_pyarrow()
                ),
                "tiling": lambda: longtail(table, since, UNTIL, tile, tile),
                "overlapping": lambda: longtail(part, late - MONTH, late, DAY, overlap),
            },
            clock=time.process_time,
        )
    for name, budget in (("tiling", 2.2), ("overlapping", 0.3)):
        ratio = took[name] / took["plain"]
        print(
            f"50 {name} windows, {EVENTS:,} events: {ratio:.2f} times one plain GROUP BY user "
            f"({took[name]:.2f} s of CPU against {took['plain']:.2f} s; budget {budget})"
        )


if __name__ == "__main__":
    main()
