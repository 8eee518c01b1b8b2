"""Evenness of 50 windows relative to a plain GROUP BY user of the same engine, in the same run.

10 M events over two years (BENCH_EVENTS sets another number). Budgets: 50 windows that tile the
whole range at most 2.2 times the plain query, 50 overlapping windows of 24 h within 25 days at most
0.3 times. Measured in CPU seconds, because both use all cores and the machine may be busy.
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
        tile = LENGTH / 50
        overlap = timedelta(hours=11.75)  # the 50th window begins 6 h after `late - MONTH`
        assert len(longtail(table, since, UNTIL, tile, tile)[0]) == 50
        assert len(longtail(part, late - MONTH, late, DAY, overlap)[0]) == 50
        times = seconds(
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
        ratio = times[name] / times["plain"]
        print(
            f"50 {name} windows, {EVENTS:,} events: {ratio:.2f} times one plain GROUP BY user "
            f"({times[name]:.2f} s of CPU against {times['plain']:.2f} s; budget {budget})"
        )


if __name__ == "__main__":
    main()
