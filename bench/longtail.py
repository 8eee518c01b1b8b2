"""`longtail` over 1 M events against the first published method, in the same run.

The published method: for each window a dictionary, filled by a loop over the window's messages,
then the formula over the sorted counts. It gets its messages as lists in memory, sorted by time
(the script itself fetched them over HTTP for every window anew); hubbub reads Parquet files.
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
    """The longtail number of each window, oldest first."""
    answers: list[float | None] = []
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
            answers.append(sum(head + slope * i - v for i, v in enumerate(values)) / n)
        else:
            answers.append(None)
        end -= step
    return answers[::-1]


def main() -> None:
    for step, number in STEPS.items():
        since = UNTIL - WINDOW - step * (number - 1)
        with tempfile.TemporaryDirectory() as folder:
            table = events(write(Path(folder), EVENTS, UNTIL - since))
            times, users = map(list, zip(*user_lists(table), strict=True))
            ours = partial(longtail, table, since, UNTIL, WINDOW, step)
            theirs = partial(published, times, users, since, UNTIL, step)
            pairs = zip([row["longtail"] for row in ours()[0]], theirs(), strict=True)
            assert all(abs(a - b) < 1e-6 for a, b in pairs)
            took = seconds({"ours": ours, "theirs": theirs}, rounds=3)
        budget = "; budget 15" if number == PUBLISHED else ""
        print(
            f"longtail of {number} windows of 24 h every {duration_text(step)}, {EVENTS:,} events: "
            f"{took['theirs'] / took['ours']:.1f} times as fast as the published method "
            f"({took['ours']:.2f} s against {took['theirs']:.2f} s{budget})"
        )


if __name__ == "__main__":
    main()
