"""The query `material_usage`: which notebooks are used, by how many students and how often.

Its data are one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import wall
from hubbub.analyzers.notebooks.accesses import FORMAT, Accounts, Rules, access_counts, accesses
from hubbub.registry import Names, query
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["material_usage"]

_LENGTH = timedelta(hours=6)
_BUCKET = _LENGTH // timedelta(microseconds=1)


@query(names_people=True, accounts=("y",))
def material_usage(
    events: Events,
    malformed: Callable[[str], list[int]],
    staff: Names = Names(),  # noqa: B008 - immutable
    accounts: Accounts = "all",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Students of each notebook, notebooks of each student, and accesses of each pair.

    `nbstudents_per_notebook`: each notebook with the number of its distinct students;
    `nbstudents_per_notebook_animated`: the same at the end of each six hours (00, 06, 12, 18 h)
    with an access; `nbstudents_per_nbnotebooks`: how many students opened exactly k notebooks;
    `heatmap`: accesses by student (rows `y`, the busiest last) and notebook (columns `x`), null for
    none. Only accesses to notebooks are read.

    Args:
        events: Events; only accesses to notebooks are read.
        malformed: Returns the numbers of the lines that could not be read.
        staff: File of students who do not count, one name a line.
        accounts: Accounts that count as persons. all; seed: those that start with 32 lower-case hex
            digits; later: those with a dot or at least 28 characters, and notebooks are named
            without their suffix.
    """
    rules = Rules(staff, accounts)
    rows = accesses(events)
    rows = rows.mutate(at=wall(rows.at, events.selection.offsets()))
    pairs, diagnostics = _pairs(rows, rules)
    students = Counter(pair["notebook"] for pair in pairs)
    notebooks = Counter(pair["student"] for pair in pairs)
    return {
        "nbnotebooks": len(students),
        "nbstudents": len(notebooks),
        "nbstudents_per_notebook": _sorted(students),
        "nbstudents_per_notebook_animated": _animated(_buckets(rows, rules), pairs),
        "nbstudents_per_nbnotebooks": _sorted(Counter(notebooks.values())),
        "heatmap": _heatmap(pairs),
    }, {"malformed_lines": malformed(FORMAT), **diagnostics}


def _pairs(rows: ir.Table, rules: Rules) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the pairs of a student and a notebook, and the diagnostics.

    A pair has the keys `student`, `notebook`, `accesses`, and `bucket`, that of the first access.
    """
    from ibis import _

    grouped = rows.group_by("student", "notebook").agg(
        number=_.count(), killing=_.killing.sum(), first=_.at.min(where=~_.killing)
    )
    if rules.renames:
        grouped = grouped.group_by("student", notebook=rules.renamed(grouped.notebook)).agg(
            number=_.number.sum(), killing=_.killing.sum(), first=_.first.min()
        )
    grouped = grouped.mutate(excluded=rules.excludes(grouped.student))
    all_pairs = grouped.to_pyarrow().to_pylist()
    pairs = [
        {
            "student": row["student"],
            "notebook": row["notebook"],
            "accesses": row["number"] - row["killing"],
            "bucket": row["first"] // _BUCKET,
        }
        for row in all_pairs
        if not row["excluded"] and row["first"] is not None
    ]
    included, excluded = (
        {
            name: sum(row[name] for row in all_pairs if row["excluded"] == side)
            for name in ("number", "killing")
        }
        for side in (False, True)
    )
    return pairs, access_counts(included, excluded)


def _buckets(rows: ir.Table, rules: Rules) -> list[int]:
    """Return the six-hour buckets, numbered since 1970, with an access that counts."""
    counted = rows.filter(~rows.killing, ~rules.excludes(rows.student))
    buckets = counted.select(bucket=counted.at // _BUCKET).distinct()
    return sorted(buckets.to_pyarrow()["bucket"].to_pylist())


def _sorted(counts: Mapping[Any, int]) -> list[list[Any]]:
    return [[name, counts[name]] for name in sorted(counts)]


def _animated(
    buckets: Iterable[int], pairs: Iterable[Mapping[str, Any]]
) -> dict[str, list[list[Any]]]:
    """Map the end of each bucket with an access to the students of each notebook so far.

    Buckets share the entries of notebooks without new students, so each bucket costs only what
    changed in it.
    """
    new_students: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        new_students[pair["bucket"]][pair["notebook"]] += 1
    entries: dict[str, list[Any]] = {}
    names: list[str] = []
    frames = {}
    for bucket in buckets:
        for name, number in new_students[bucket].items():
            if name not in entries:
                insort(names, name)
            entries[name] = [name, entries.get(name, (name, 0))[1] + number]
        frames[_end(bucket)] = [entries[name] for name in names]
    return frames


def _end(bucket: int) -> str:
    try:
        return f"{EPOCH + (bucket + 1) * _LENGTH:%Y-%m-%dT%H:%M:%S}"
    except OverflowError:  # the last bucket of the year 9999
        return "10000-01-01T00:00:00"


def _heatmap(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    cells: dict[str, dict[str, int]] = {}
    for pair in pairs:
        cells.setdefault(pair["student"], {})[pair["notebook"]] = pair["accesses"]
    x = sorted({notebook for row in cells.values() for notebook in row})
    y = sorted(cells, key=lambda student: (sum(cells[student].values()), student))
    numbers = [number for row in cells.values() for number in row.values()]
    return {
        "x": x,
        "y": y,
        "z": [[cells[student].get(notebook) for notebook in x] for student in y],
        "zmin": min(numbers, default=0),
        "zmax": max(numbers, default=0),
    }
