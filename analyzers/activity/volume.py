"""The queries `volume` and `diff`: messages per period, and the change from one to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.common.periods import Calendar, period, whole_since
from hubbub.registry import query
from hubbub.store.query.sums import exact_sum

if TYPE_CHECKING:
    from datetime import datetime

    from hubbub.store.query.events import Events

__all__ = ["diff", "volume"]


@query
def diff(
    events: Events,
    since: datetime,
    until: datetime,
    per: Literal["day", "week", "d", "w"] = "day",
    axis: Literal["topic", "category"] = "topic",
) -> dict[str, Any]:
    """Messages of each topic (or category) per day or week, and the change from one to the next.

    Days are all UTC days that the range touches; weeks are the ISO weeks (Monday to Monday, UTC)
    that lie wholly in the range. Where the range begins with the first event, its week counts as
    whole if the silence before that event is usual. The first period has no change. Every topic
    that occurs in the range is listed.
    """
    from ibis import _

    length = period(per)
    if length == "week":
        calendar = Calendar.inside(length, whole_since(events, length, since), until)
    else:
        calendar = Calendar.touched(length, since, until)
    days = events.daily_topics(summed=False)
    rows = days.select("messages", name=days[axis], bucket=calendar.number_of(days.time))
    counted = rows.group_by("name", "bucket").agg(n=_.messages.sum()).order_by("name").to_pyarrow()
    counts: dict[str, list[int]] = {}
    for row in counted.to_pylist():
        numbers = counts.setdefault(row["name"], [0] * calendar.number)
        if 0 <= row["bucket"] < calendar.number:  # else in a week that the range cuts
            numbers[row["bucket"]] = row["n"]
    return {
        "labels": calendar.labels,
        "counts": counts,
        "diff": {name: _differences(numbers) for name, numbers in counts.items()},
    }


def _differences(counts: list[int]) -> list[int | None]:
    """Subtract from each count the one before; None for the first."""
    first: list[int | None] = [None] * bool(counts)
    return first + [after - before for before, after in pairwise(counts)]


@query
def volume(
    events: Events,
    since: datetime,
    until: datetime,
    per: Literal["hour", "day", "week", "h", "d", "w"] = "day",
    axis: Literal["topic", "category"] | None = None,
) -> list[dict[str, Any]]:
    """Messages and bytes per hour, day or week (UTC), in all or by topic or category.

    Without `--axis` each period that the range touches has a record, also where it has no messages
    (0), and `name` is null. With it there is a record for each name and each period in which it
    occurs.
    """
    from ibis import _

    length = period(per)
    calendar = Calendar.touched(length, since, until)
    if length == "hour":  # there is no hourly rollup of topics
        table = events.stored.mutate(messages=1, bytes=_["size"])
    else:
        table = events.daily_topics(summed=False)
    bucket = calendar.number_of(table.time)
    if axis is None:
        grouped = table.select("messages", "bytes", bucket=bucket).group_by("bucket")
    else:
        named = table.select("messages", "bytes", name=table[axis], bucket=bucket)
        grouped = named.group_by("bucket", "name")
    counted = grouped.agg(messages=_.messages.sum(), bytes=exact_sum(_.bytes))
    rows = (
        counted.order_by("bucket" if axis is None else ["bucket", "name"]).to_pyarrow().to_pylist()
    )
    if axis is None and rows:
        by_bucket = {row["bucket"]: row for row in rows}
        rows = [
            by_bucket.get(i, {"bucket": i, "messages": 0, "bytes": 0})
            for i in range(calendar.number)
        ]
    return [
        {
            "start": calendar.first + calendar.length * row["bucket"],
            "name": row.get("name"),
            "messages": row["messages"],
            "bytes": int(row["bytes"]),
        }
        for row in rows
    ]
