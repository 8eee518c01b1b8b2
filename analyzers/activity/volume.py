"""The queries `volume` and `diff`: messages per period, and the change from one to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.common.limits import require_minimum, require_numbers
from hubbub.analyzers.common.periods import Calendar, period, whole_since
from hubbub.language.plurals import plural
from hubbub.registry import query
from hubbub.store.query.sums import exact_sum

if TYPE_CHECKING:
    from datetime import datetime

    from hubbub.store.query.events import Events

__all__ = ["diff", "periods_of_diff", "volume"]


@query(names_people=False)
def diff(
    events: Events,
    since: datetime,
    until: datetime,
    per: Literal["day", "week", "d", "w"] = "day",
    axis: Literal["topic", "category"] = "topic",
    *,
    top: int | None = None,
    last: int | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Messages of each topic (or category) per day or week, and the change from one to the next.

    Days are all days that the range touches; weeks are the ISO weeks (Monday to Monday) that lie
    wholly in the range. Where the range begins with the first event, its week counts as
    whole if the silence before that event is usual. The first period has no change. Every topic
    that occurs in the range is listed; with `--top N` only the N with the most messages, with
    `--last N` only the last N periods and the topics that occur in them. The diagnostics have the
    number of all `names`, and the `largest` change of all of them with the number of `times` that
    it occurs, up or down.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period.
        axis: What messages are grouped by.
        top: List only so many names, those with the most messages.
        last: List only so many periods, the last ones.

    Raises:
        UsageError: the topics and periods are too many to list each number.
    """
    from ibis import _

    for value, option in ((top, "--top"), (last, "--last")):
        if value is not None:
            require_minimum(value, option)
    calendar = periods_of_diff(events, since, until, per, last)
    days = events.daily_topics(summed=False)
    if last is not None:
        days = days.filter(calendar.number_of(days.time).between(0, calendar.number - 1))
    rows = days.select("messages", name=days[axis], bucket=calendar.number_of(days.time))
    counted = rows.group_by("name", "bucket").agg(n=_.messages.sum())
    ordered = counted.order_by("name", "bucket").to_pyarrow()
    columns = (ordered[name].to_pylist() for name in ("name", "bucket", "n"))
    cells = list(zip(*columns, strict=True))
    totals: dict[str, int] = {}
    for name, bucket, n in cells:
        whole = 0 <= bucket < calendar.number  # else in a week that the range cuts
        totals[name] = totals.get(name, 0) + (n if whole else 0)
    listed = totals if top is None else sorted(totals, key=lambda name: (-totals[name], name))[:top]
    require_numbers(
        len(listed),
        calendar.number,
        f"{plural(len(listed), 'name')} by {plural(calendar.number, 'period')}",
        "ask for fewer with --top, --last, --per week, --axis category or a shorter range",
    )
    counts = {name: [0] * calendar.number for name in sorted(listed)}
    for name, bucket, n in cells:
        if name in counts and 0 <= bucket < calendar.number:
            counts[name][bucket] = n
    data = {
        "labels": calendar.labels,
        "counts": counts,
        "diff": {name: _differences(numbers) for name, numbers in counts.items()},
    }
    names = sum(total > 0 for total in totals.values())
    return data, {"names": names, "largest": _largest(cells, calendar)}


def periods_of_diff(
    events: Events, since: datetime, until: datetime, per: str, last: int | None
) -> Calendar:
    """Return the days or weeks that `diff` compares; see there."""
    length = period(per)
    if length == "week":
        calendar = Calendar.inside(length, whole_since(events, length, since), until, events.zone)
    else:
        calendar = Calendar.touched(length, since, until, events.zone)
    return calendar if last is None else calendar.last(last)


def _differences(counts: list[int]) -> list[int | None]:
    """Subtract from each count the one before; None for the first."""
    first: list[int | None] = [None] * bool(counts)
    return first + [after - before for before, after in pairwise(counts)]


def _largest(cells: Iterable[tuple[str, int, int]], calendar: Calendar) -> dict[str, Any] | None:
    """Return the largest change of any name, its name and period, and how often it occurs.

    Args:
        cells: name, period and messages where there are any, sorted by name and period.
        calendar: the periods.
    """
    largest: dict[str, Any] = {"name": "", "bucket": 0, "change": 0, "times": 0}
    for name, bucket, change in _changes(cells, calendar.number):
        if abs(change) > abs(largest["change"]):
            largest = {"name": name, "bucket": bucket, "change": change, "times": 1}
        else:
            largest["times"] += abs(change) == abs(largest["change"])
    bucket = largest.pop("bucket")
    return {**largest, "label": calendar.labels[bucket]} if largest["change"] else None


def _changes(cells: Iterable[tuple[str, int, int]], number: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, period and change of each change from one period to the next."""
    for name, group in groupby((c for c in cells if 0 <= c[1] < number), key=itemgetter(0)):
        end, before = 0, 0  # the period that follows the last one, and its messages
        for _, bucket, n in group:
            if end and bucket > end:
                yield name, end, -before
            if bucket:
                yield name, bucket, n - (before if bucket == end else 0)
            end, before = bucket + 1, n
        if 0 < end < number:
            yield name, end, -before


@query(names_people=False)
def volume(
    events: Events,
    since: datetime,
    until: datetime,
    per: Literal["hour", "day", "week", "h", "d", "w"] = "day",
    axis: Literal["topic", "category"] | None = None,
) -> list[dict[str, Any]]:
    """Messages and bytes per hour, day or week, in all or by topic or category.

    Without `--axis` each period that the range touches has a record, also where it has no messages
    (0), and `name` is null. With it there is a record for each name and each period in which it
    occurs.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period.
        axis: What messages are grouped by; by default one row for each period.
    """
    from ibis import _

    length = period(per)
    calendar = Calendar.touched(length, since, until, events.zone)
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
    # both exact: PyArrow would import all of its functions to make an int64 of a sum
    counted = grouped.agg(messages=exact_sum(_.messages), bytes=exact_sum(_.bytes))
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
            "start": calendar.starts[row["bucket"]],
            "name": row.get("name"),
            "messages": int(row["messages"]),
            "bytes": int(row["bytes"]),
        }
        for row in rows
    ]
