"""The query `daily_metrics`: how many students and notebooks, day by day, and how many so far.

Comes in: accesses to notebooks. Goes out: one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.accesses import Accounts, accesses
from hubbub.analyzers.moments import DAY, number_since
from hubbub.registry import Names, query
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.engine import Events

__all__ = ["daily_metrics"]

_DAILY = ("unique_students", "unique_notebooks", "new_students", "new_notebooks")


@query
def daily_metrics(
    events: Events,
    malformed: Callable[[str], list[int]],
    staff: Names = Names(),  # noqa: B008 - it cannot be changed
    accounts: Accounts = "all",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Students and notebooks of each day, new ones among them, and totals over time.

    `daily` has a list entry for each day with an access, `daily_filled` for every day from the
    first to the last: distinct students and notebooks of the day, and those that were not seen
    earlier in the range. `events` has running totals after each access that changes one, and at the
    last access. Days are of UTC; only accesses to notebooks are read.

    Args:
        events: Of which the accesses to notebooks are read.
        malformed: Gives the numbers of lines that could not be read.
        staff: Students who do not count, a name a line.
        accounts: Whose accounts are persons': all; seed: those that start with 32 lower-case hex
            digits; later: those with a dot or at least 28 characters, and notebooks lose a suffix.
    """
    counted, diagnostics = accesses(events, staff, accounts, malformed)
    points = _points(counted)
    days = _days(counted, points)
    first, last = min(days, default=0), max(days, default=-1)
    return {
        "daily": _daily(sorted(days), days),
        "daily_filled": _daily(range(first, last + 1), days),
        "events": _totals(points, counted),
    }, diagnostics


def _points(counted: ir.Table) -> list[dict[str, Any]]:
    """A row for each access that was somebody's or something's first, in order.

    Columns `time`, `students` and `notebooks` (0 or 1: how many were new).
    """
    import ibis
    from ibis import _

    place = ibis.struct({"time": counted.time, "source": counted.source, "seq": counted.seq})
    rows = counted.mutate(place=place)
    firsts = [
        rows.group_by(name)
        .agg(place=_.place.min())
        .select("place", students=ibis.literal(students), notebooks=ibis.literal(1 - students))
        for name, students in (("student", 1), ("notebook", 0))
    ]
    found = (
        ibis.union(*firsts)
        .group_by("place")
        .agg(students=_.students.sum(), notebooks=_.notebooks.sum())
    )
    ordered = found.order_by("place").select("students", "notebooks", time=_.place["time"])
    rows_found: list[dict[str, Any]] = ordered.to_pyarrow().to_pylist()
    return rows_found


def _days(counted: ir.Table, points: Iterable[Mapping[str, Any]]) -> dict[int, list[int]]:
    """Day since 1970 → the four numbers of `_DAILY`."""
    from ibis import _

    days = counted.select("student", "notebook", day=number_since(counted.time, EPOCH, DAY))
    unique = days.group_by("day").agg(students=_.student.nunique(), notebooks=_.notebook.nunique())
    out = {
        row["day"]: [row["students"], row["notebooks"], 0, 0]
        for row in unique.to_pyarrow().to_pylist()
    }
    for point in points:
        numbers = out[(point["time"] - EPOCH) // DAY]
        numbers[2] += point["students"]
        numbers[3] += point["notebooks"]
    return out


def _daily(numbers: Iterable[int], days: Mapping[int, list[int]]) -> dict[str, list[Any]]:
    numbers = list(numbers)
    out: dict[str, list[Any]] = {
        "timestamps": [f"{(EPOCH + day * DAY):%Y-%m-%d} 23:59:59" for day in numbers]
    }
    for place, name in enumerate(_DAILY):
        out[name] = [days[day][place] if day in days else 0 for day in numbers]
    return out


def _totals(points: Iterable[Mapping[str, Any]], counted: ir.Table) -> dict[str, list[Any]]:
    """Running totals at each point, and at the last access."""
    times: list[datetime] = []
    students: list[int] = []
    notebooks: list[int] = []
    for point in points:
        times.append(point["time"])
        students.append(point["students"] + (students[-1] if students else 0))
        notebooks.append(point["notebooks"] + (notebooks[-1] if notebooks else 0))
    last = counted.time.max().to_pyarrow().as_py()
    if times and times[-1] != last:
        times.append(last)
        students.append(students[-1])
        notebooks.append(notebooks[-1])
    return {
        "timestamps": [f"{time:%Y-%m-%dT%H:%M:%S}" for time in times],
        "total_students": students,
        "total_notebooks": notebooks,
    }
