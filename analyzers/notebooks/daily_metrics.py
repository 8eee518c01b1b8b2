"""The query `daily_metrics`: how many students and notebooks, day by day, and how many so far.

Comes in: accesses to notebooks. Goes out: one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import DAY
from hubbub.analyzers.notebooks.accesses import FORMAT, Accounts, Rules, accesses, ignored, time_of
from hubbub.registry import Names, query
from hubbub.times import EPOCH, from_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["daily_metrics"]

_US = timedelta(microseconds=1)
_DAY = DAY // _US
_NONE = {"number": 0, "killing": 0, "place": None}  # of nobody
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
    facts = _facts(accesses(events), Rules(staff, accounts))
    points = _points(facts)
    days = _days(facts, points)
    first, last = min(days, default=0), max(days, default=-1)
    people, nobodies = (facts[what] or [_NONE] for what in ("people", "nobodies"))
    return {
        "daily": _daily(sorted(days), days),
        "daily_filled": _daily(range(first, last + 1), days),
        "events": _totals(points, people[0]["place"]),
    }, {
        "malformed_lines": malformed(FORMAT),
        **ignored(people[0], nobodies[0]),
    }


def _facts(rows: ir.Table, rules: Rules) -> Mapping[str, list[dict[str, Any]]]:
    """All that is asked of the accesses, with each column of names read and grouped once.

    Names are grouped by day first: a day's groups are its distinct names, and what is asked beyond
    that is asked of the groups. What a fact is about → `number`, `killing`, `place`:

    - `students`, `notebooks`: so many (`number`) distinct ones on the day `place` (since 1970);
    - `student`, `notebook`: one that counts, and the `place` of its first access;
    - `people`, `nobodies`: so many accesses of those who count, and of those who do not, `killing`
      among them, and when (`place`, µs) the last of the others was.
    """
    import ibis
    from ibis import _

    rows = rows.mutate(day=rows.at // _DAY)
    students = (
        rows.group_by("day", name="student")
        .agg(
            number=_.count(),
            killing=_.killing.sum(),
            place=_.place.min(where=~_.killing),
            last=_.at.max(where=~_.killing),
        )
        .mutate(nobody=rules.nobody(_.name))
    )
    used = rows.filter(~rows.killing, ~rules.nobody(rows.student))
    notebooks = used.group_by("day", name="notebook").agg(place=_.place.min())
    if rules.rename:
        named = notebooks.group_by("day", name=rules.named(notebooks.name))
        notebooks = named.agg(place=_.place.min())
    parts = [
        students.group_by("nobody")
        .agg(number=_.number.sum(), killing=_.killing.sum(), place=_.last.max())
        .mutate(what=ibis.ifelse(_.nobody, "nobodies", "people"))
    ]
    for name, groups in (
        ("student", students.filter(~_.nobody, _.place.notnull())),
        ("notebook", notebooks),
    ):
        firsts = groups.group_by("name").agg(place=_.place.min())
        days = groups.group_by(place="day").agg(number=_.count())
        parts += [
            firsts.mutate(what=ibis.literal(name), number=1, killing=0),
            days.mutate(what=ibis.literal(f"{name}s"), killing=0),
        ]
    facts = defaultdict(list)
    for row in ibis.union(*map(_alike, parts)).to_pyarrow().to_pylist():
        facts[row["what"]].append(row)
    return facts


def _alike(part: ir.Table) -> ir.Table:
    """The columns of a fact, all parts of the same types."""
    return part.select(
        what=part.what,
        number=part.number.cast("int64"),
        killing=part.killing.cast("int64"),
        place=part.place.cast("decimal(38,0)"),
    )


def _points(facts: Mapping[str, list[dict[str, Any]]]) -> list[tuple[int, int, int]]:
    """Each access that was somebody's or something's first, in order.

    Its time (µs), and how many students and notebooks (each 0 or 1) it was the first of.
    """
    firsts = {
        name: Counter(row["place"] for row in facts[name]) for name in ("student", "notebook")
    }
    return [
        (time_of(place), firsts["student"][place], firsts["notebook"][place])
        for place in sorted(firsts["student"].keys() | firsts["notebook"].keys())
    ]


def _days(
    facts: Mapping[str, list[dict[str, Any]]], points: Iterable[tuple[int, int, int]]
) -> dict[int, list[int]]:
    """Day since 1970 → the four numbers of `_DAILY`."""
    out: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for place, name in enumerate(("students", "notebooks")):
        for row in facts[name]:
            out[int(row["place"])][place] = row["number"]
    for time, students, notebooks in points:
        numbers = out[time // _DAY]
        numbers[2] += students
        numbers[3] += notebooks
    return out


def _daily(numbers: Iterable[int], days: Mapping[int, list[int]]) -> dict[str, list[Any]]:
    numbers = list(numbers)
    out: dict[str, list[Any]] = {
        "timestamps": [f"{(EPOCH + day * DAY):%Y-%m-%d} 23:59:59" for day in numbers]
    }
    for place, name in enumerate(_DAILY):
        out[name] = [days[day][place] if day in days else 0 for day in numbers]
    return out


def _totals(points: Iterable[tuple[int, int, int]], last: Any) -> dict[str, list[Any]]:
    """Running totals at each point, and at the last access (µs; None where there is none)."""
    times: list[int] = []
    students: list[int] = []
    notebooks: list[int] = []
    for time, came, opened in points:
        times.append(time)
        students.append(came + (students[-1] if students else 0))
        notebooks.append(opened + (notebooks[-1] if notebooks else 0))
    if times and times[-1] != int(last):
        times.append(int(last))
        students.append(students[-1])
        notebooks.append(notebooks[-1])
    return {
        "timestamps": [f"{from_micros(time):%Y-%m-%dT%H:%M:%S}" for time in times],
        "total_students": students,
        "total_notebooks": notebooks,
    }
