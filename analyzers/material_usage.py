"""The query `material_usage`: which notebooks are used, by how many, and by whom how often.

Comes in: accesses to notebooks. Goes out: one document of lists, ready for a plotting library.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.accesses import Accounts, accesses
from hubbub.analyzers.moments import number_since
from hubbub.registry import Names, query
from hubbub.times import EPOCH

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.engine import Events

__all__ = ["material_usage"]

_BUCKET = timedelta(hours=6)


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
    from ibis import _

    counted, diagnostics = accesses(events, staff, accounts, malformed)
    placed = counted.select(
        "student", "notebook", bucket=number_since(counted.time, EPOCH, _BUCKET)
    )
    pairs = (
        placed.group_by("student", "notebook")
        .agg(accesses=_.count(), bucket=_.bucket.min())
        .to_pyarrow()
        .to_pylist()
    )
    students = Counter(pair["notebook"] for pair in pairs)
    notebooks = Counter(pair["student"] for pair in pairs)
    return {
        "nbnotebooks": len(students),
        "nbstudents": len(notebooks),
        "nbstudents_per_notebook": _sorted(students),
        "nbstudents_per_notebook_animated": _animated(placed, pairs),
        "nbstudents_per_nbnotebooks": _sorted(Counter(notebooks.values())),
        "heatmap": _heatmap(pairs),
    }, diagnostics


def _sorted(counts: Mapping[Any, int]) -> list[list[Any]]:
    return [[name, counts[name]] for name in sorted(counts)]


def _animated(placed: ir.Table, pairs: Iterable[Mapping[str, Any]]) -> dict[str, list[list[Any]]]:
    """End of each bucket with an access → students of each notebook so far."""
    buckets = placed.select("bucket").distinct().to_pyarrow()["bucket"].to_pylist()
    ordered = sorted(pairs, key=lambda pair: pair["bucket"])
    came = {
        bucket: [pair["notebook"] for pair in some]
        for bucket, some in groupby(ordered, key=lambda pair: pair["bucket"])
    }
    sofar: Counter[str] = Counter()
    out = {}
    for bucket in sorted(buckets):
        sofar.update(came.get(bucket, ()))
        out[f"{EPOCH + (bucket + 1) * _BUCKET:%Y-%m-%dT%H:%M:%S}"] = _sorted(sofar)
    return out


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
