"""The query `material_usage`: which notebooks are used, by how many, and by whom how often.

Comes in: accesses to notebooks. Goes out: one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.notebooks.accesses import FORMAT, Accounts, Rules, accesses, ignored
from hubbub.registry import Names, query
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["material_usage"]

_LENGTH = timedelta(hours=6)
_BUCKET = _LENGTH // timedelta(microseconds=1)


@query
def material_usage(
    events: Events,
    malformed: Callable[[str], list[int]],
    staff: Names = Names(),  # noqa: B008 - it cannot be changed
    accounts: Accounts = "all",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Students of each notebook, notebooks of each student, and accesses of each pair.

    `nbstudents_per_notebook`: pairs of a notebook and its distinct students;
    `nbstudents_per_notebook_animated`: the same as it stood at the end of each six hours (00, 06,
    12, 18 h UTC) in which there was an access; `nbstudents_per_nbnotebooks`: so many students
    opened exactly k notebooks; `heatmap`: accesses by student (rows `y`, the busiest last) and
    notebook (columns `x`), null for none. Only accesses to notebooks are read.

    Args:
        events: Of which the accesses to notebooks are read.
        malformed: Gives the numbers of lines that could not be read.
        staff: Students who do not count, a name a line.
        accounts: Whose accounts are persons': all; seed: those that start with 32 lower-case hex
            digits; later: those with a dot or at least 28 characters, and notebooks lose a suffix.
    """
    rules = Rules(staff, accounts)
    rows = accesses(events)
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
    """A row for each student and notebook of hers, by names; how many accesses there were.

    Keys `student`, `notebook`, `accesses`, and `bucket`, that of the first access.
    """
    from ibis import _

    found = rows.group_by("student", "notebook").agg(
        number=_.count(), killing=_.killing.sum(), first=_.at.min(where=~_.killing)
    )
    if rules.rename:
        found = found.group_by("student", notebook=rules.named(found.notebook)).agg(
            number=_.number.sum(), killing=_.killing.sum(), first=_.first.min()
        )
    found = found.mutate(nobody=rules.nobody(found.student))
    rows_found = found.to_pyarrow().to_pylist()
    pairs = [
        {
            "student": row["student"],
            "notebook": row["notebook"],
            "accesses": row["number"] - row["killing"],
            "bucket": row["first"] // _BUCKET,
        }
        for row in rows_found
        if not row["nobody"] and row["first"] is not None
    ]
    people, nobodies = (
        {
            name: sum(row[name] for row in rows_found if row["nobody"] == side)
            for name in ("number", "killing")
        }
        for side in (False, True)
    )
    return pairs, ignored(people, nobodies)


def _buckets(rows: ir.Table, rules: Rules) -> list[int]:
    """The six hours, numbered since 1970, in which there was an access that counts."""
    counted = rows.filter(~rows.killing, ~rules.nobody(rows.student))
    found = counted.select(bucket=counted.at // _BUCKET).distinct()
    return sorted(found.to_pyarrow()["bucket"].to_pylist())


def _sorted(counts: Mapping[Any, int]) -> list[list[Any]]:
    return [[name, counts[name]] for name in sorted(counts)]


def _animated(
    buckets: Iterable[int], pairs: Iterable[Mapping[str, Any]]
) -> dict[str, list[list[Any]]]:
    """End of each bucket with an access → students of each notebook so far.

    Buckets share the entries of notebooks that nobody new opened: a step costs what changed in it.
    """
    came: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        came[pair["bucket"]][pair["notebook"]] += 1
    entries: dict[str, list[Any]] = {}
    names: list[str] = []
    out = {}
    for bucket in buckets:
        for name, number in came[bucket].items():
            if name not in entries:
                insort(names, name)
            entries[name] = [name, entries.get(name, (name, 0))[1] + number]
        out[_end(bucket)] = [entries[name] for name in names]
    return out


def _end(bucket: int) -> str:
    try:
        return f"{EPOCH + (bucket + 1) * _LENGTH:%Y-%m-%dT%H:%M:%S}"
    except OverflowError:  # the last bucket of the last year that a datetime knows
        return "10000-01-01T00:00:00"


def _heatmap(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    cells: dict[str, dict[str, int]] = {}
    for pair in pairs:
        cells.setdefault(pair["student"], {})[pair["notebook"]] = pair["accesses"]
    x = sorted({notebook for row in cells.values() for notebook in row})
    y = sorted(cells, key=lambda student: (sum(cells[student].values()), student))
    found = [number for row in cells.values() for number in row.values()]
    return {
        "x": x,
        "y": y,
        "z": [[cells[student].get(notebook) for notebook in x] for student in y],
        "zmin": min(found, default=0),
        "zmax": max(found, default=0),
    }
