"""`longtail` over 1 M events compared with the first published method, in the same run.

The published method fills a dictionary for each window by a loop over the messages of the window,
then applies the formula to the sorted counts. Here it gets its messages as lists in memory, sorted
by time (the original script fetched them over HTTP for each window); hubbub reads Parquet files.
Budget: at least 15 times as fast. The windows are those first published: 50 of 24 h, every 30 min.
"""

from __future__ import annotations

import bisect
import tempfile
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from _events import UNTIL, events, seconds, user_lists, write

from hubbub.analyzers.evenness.longtail import longtail
from hubbub.parameters import duration_text
from hubbub.times import to_micros

EVENTS, WINDOW = 1_000_000, timedelta(hours=24)
PUBLISHED = 50  # windows of the first script
STEPS = {timedelta(minutes=30): PUBLISHED, timedelta(hours=2): 289}


def published(
    times: list[int], users: list[list[str]], since: datetime, until: datetime, step: timedelta
) -> list[float | None]:
    """Return the longtail number of each window, oldest first."""
    results: list[float | None] = []
    end = until
    while end - WINDOW >= since:
        counts: dict[str, int] = {}
        first = bisect.bisect_left(times, to_micros(end - WINDOW))
        last = bisect.bisect_left(times, to_micros(end))
        for message in users[first:last]:
            for user in message:
                counts[user] = counts.get(user, 0) + 1
        values = sorted(counts.values(), reverse=True)
        n = len(values)
        if n:
            head, slope = values[0], (values[-1] - values[0]) / n
            results.append(sum(head + slope * i - v for i, v in enumerate(values)) / n)
        else:
            results.append(None)
        end -= step
    return results[::-1]


def main() -> None:
    for step, number in STEPS.items():
        since = UNTIL - WINDOW - step * (number - 1)
        with tempfile.TemporaryDirectory() as folder:
            table = events(write(Path(folder), EVENTS, UNTIL - since))
            micros, users = map(list, zip(*user_lists(table), strict=True))
            ours = partial(longtail, table, since, UNTIL, WINDOW, step)
            theirs = partial(published, micros, users, since, UNTIL, step)
            pairs = zip([row["longtail"] for row in ours()[0]], theirs(), strict=True)
            assert all(abs(a - b) < 1e-6 for a, b in pairs)
            times = seconds({"ours": ours, "theirs": theirs}, rounds=3)
        budget = "; budget 15" if number == PUBLISHED else ""
        print(
            f"longtail of {number} windows of 24 h every {duration_text(step)}, {EVENTS:,} events: "
            f"{times['theirs'] / times['ours']:.1f} times as fast as the published method "
            f"({times['ours']:.2f} s against {times['theirs']:.2f} s{budget})"
        )


if __name__ == "__main__":
    main()
