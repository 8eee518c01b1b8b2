"""The query `daily_metrics`: students and notebooks of each day, and running totals.

Its data are one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.periods import require_periods
from hubbub.analyzers.common.times import DAY, wall
from hubbub.analyzers.notebooks.accesses import (
    FORMAT,
    Accounts,
    Rules,
    access_counts,
    accesses,
    time_of,
)
from hubbub.registry import Names, query
from hubbub.times import EPOCH, from_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events
    from hubbub.zones import Offsets, Zone

__all__ = ["daily_metrics"]

_US = timedelta(microseconds=1)
_DAY = DAY // _US
_NO_ACCESSES: Mapping[str, Any] = {"number": 0, "killing": 0, "value": None}
_DAILY = ("unique_students", "unique_notebooks", "new_students", "new_notebooks")


@query(names_people=False)
def daily_metrics(
    events: Events,
    malformed: Callable[[str], list[int]],
    staff: Names = Names(),  # noqa: B008 - immutable
    accounts: Accounts = "all",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Students and notebooks of each day, new ones among them, and totals over time.

    `daily` has an entry for each day with an access, `daily_filled` for every day from the first to
    the last: distinct students and notebooks of the day, and those not seen earlier in the range.
    `events` has running totals at each access that changes one of them, and at the last access.
    Days and times are those of the time zone of the request; only accesses to notebooks are read.

    Args:
        events: Events; only accesses to notebooks are read.
        malformed: Returns the numbers of the lines that could not be read.
        staff: File of students who do not count, one name a line.
        accounts: Accounts that count as persons. all; seed: those that start with 32 lower-case hex
            digits; later: those with a dot or at least 28 characters, and notebooks are named
            without their suffix.
    """
    facts = _facts(accesses(events), Rules(staff, accounts), events.selection.offsets())
    points = _points(facts, events.zone)
    days = _days(facts, points)
    first, last = min(days, default=0), max(days, default=-1)
    require_periods(last - first + 1, "day")
    included = facts["included"][0] if facts["included"] else _NO_ACCESSES
    excluded = facts["excluded"][0] if facts["excluded"] else _NO_ACCESSES
    last_access = included["value"]
    if last_access is not None:
        last_access = events.zone.wall(int(last_access))
    return {
        "daily": _daily(sorted(days), days),
        "daily_filled": _daily(range(first, last + 1), days),
        "events": _totals(points, last_access),
    }, {
        "malformed_lines": malformed(FORMAT),
        **access_counts(included, excluded),
    }


def _facts(rows: ir.Table, rules: Rules, offsets: Offsets) -> Mapping[str, list[dict[str, Any]]]:
    """Compute all aggregates in one pass: each column of names is read and grouped only once.

    Names are grouped by day first: the groups of a day are its distinct names, and all else is
    computed from these groups. The result maps a kind to rows of `number`, `killing` and `value`:

    - `students`, `notebooks`: the `number` of distinct ones on the day `value` (since 1970);
    - `student`, `notebook`: a row for each one that counts; `value` is the position of its first
      access;
    - `included`, `excluded`: the `number` of accesses of students who count and of those who do
      not, `killing` ones among them, and the time of the last access that is none (`value`, µs).
    """
    import ibis
    from ibis import _

    rows = rows.mutate(day=wall(rows.at, offsets) // _DAY)
    students = (
        rows.group_by("day", name="student")
        .agg(
            number=_.count(),
            killing=_.killing.sum(),
            position=_.position.min(where=~_.killing),
            last=_.at.max(where=~_.killing),
        )
        .mutate(excluded=rules.excludes(_.name))
    )
    used = rows.filter(~rows.killing, ~rules.excludes(rows.student))
    notebooks = used.group_by("day", name="notebook").agg(position=_.position.min())
    if rules.renames:
        renamed = notebooks.group_by("day", name=rules.renamed(notebooks.name))
        notebooks = renamed.agg(position=_.position.min())
    parts = [
        students.group_by("excluded")
        .agg(number=_.number.sum(), killing=_.killing.sum(), value=_.last.max())
        .mutate(kind=ibis.ifelse(_.excluded, "excluded", "included"))
    ]
    for name, groups in (
        ("student", students.filter(~_.excluded, _.position.notnull())),
        ("notebook", notebooks),
    ):
        firsts = groups.group_by("name").agg(value=_.position.min())
        days = groups.group_by(value="day").agg(number=_.count())
        parts += [
            firsts.mutate(kind=ibis.literal(name), number=1, killing=0),
            days.mutate(kind=ibis.literal(f"{name}s"), killing=0),
        ]
    facts = defaultdict(list)
    for row in ibis.union(*map(_with_common_types, parts)).to_pyarrow().to_pylist():
        facts[row["kind"]].append(row)
    return facts


def _with_common_types(part: ir.Table) -> ir.Table:
    """Cast the columns of a part, so that parts can be combined by a union."""
    return part.select(
        kind=part.kind,
        number=part.number.cast("int64"),
        killing=part.killing.cast("int64"),
        value=part.value.cast("decimal(38,0)"),
    )


def _points(facts: Mapping[str, list[dict[str, Any]]], zone: Zone) -> list[tuple[int, int, int]]:
    """List the accesses that were the first of a student or of a notebook, in order.

    Returns:
        Time (µs, on the clock of the zone), number of students and number of notebooks
        (each 0 or 1) with their first access.
    """
    firsts = {
        name: Counter(row["value"] for row in facts[name]) for name in ("student", "notebook")
    }
    return [
        (zone.wall(time_of(position)), firsts["student"][position], firsts["notebook"][position])
        for position in sorted(firsts["student"].keys() | firsts["notebook"].keys())
    ]


def _days(
    facts: Mapping[str, list[dict[str, Any]]], points: Iterable[tuple[int, int, int]]
) -> dict[int, list[int]]:
    """Map each day (since 1970) to the four numbers of `_DAILY`."""
    days: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for column, name in enumerate(("students", "notebooks")):
        for row in facts[name]:
            days[int(row["value"])][column] = row["number"]
    for time, students, notebooks in points:
        numbers = days[time // _DAY]
        numbers[2] += students
        numbers[3] += notebooks
    return days


def _daily(numbers: Iterable[int], days: Mapping[int, list[int]]) -> dict[str, list[Any]]:
    numbers = list(numbers)
    lists: dict[str, list[Any]] = {
        "timestamps": [f"{(EPOCH + day * DAY):%Y-%m-%d} 23:59:59" for day in numbers]
    }
    for column, name in enumerate(_DAILY):
        lists[name] = [days[day][column] if day in days else 0 for day in numbers]
    return lists


def _totals(points: Iterable[tuple[int, int, int]], last: Any) -> dict[str, list[Any]]:
    """Compute running totals at each point and at the last access (µs; None without accesses)."""
    times: list[int] = []
    students: list[int] = []
    notebooks: list[int] = []
    for time, new_students, new_notebooks in points:
        times.append(time)
        students.append(new_students + (students[-1] if students else 0))
        notebooks.append(new_notebooks + (notebooks[-1] if notebooks else 0))
    if times and times[-1] != int(last):
        times.append(int(last))
        students.append(students[-1])
        notebooks.append(notebooks[-1])
    return {
        "timestamps": [f"{from_micros(time):%Y-%m-%dT%H:%M:%S}" for time in times],
        "total_students": students,
        "total_notebooks": notebooks,
    }
