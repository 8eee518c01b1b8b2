"""Explanations of the queries of notebooks: daily_metrics, material_usage."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import DAY, wall
from hubbub.analyzers.explained.cell import Column, Explanation, Request, Row, number
from hubbub.analyzers.notebooks.accesses import Rules, accesses

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

__all__ = ["EXPLANATIONS"]

_DAY = DAY // timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - on the clock of the zone


def _counted(request: Request) -> ir.Table:
    """Return the accesses that count: `id`, `time`, `student`, `notebook`, `day` since 1970."""
    rules = Rules(request.values["staff"], request.values["accounts"])
    rows = accesses(request.events, "id")
    rows = rows.filter(~rows.killing, ~rules.excludes(rows.student))
    notebook = rules.renamed(rows.notebook) if rules.renames else rows.notebook
    day = wall(rows["at"], request.events.selection.offsets()) // _DAY
    return rows.select("id", "time", "student", notebook=notebook, day=day)


def _daily(request: Request, row: Row, *, name: str, new: bool) -> ir.Table:
    rows = _counted(request).rename({"user" if name == "student" else "object": name})
    day = (datetime.fromisoformat(row["timestamp"]) - _EPOCH).days
    found = rows.filter(rows.day == day)
    if new:
        key = "user" if name == "student" else "object"
        found = found.filter(found[key].notin(rows.filter(rows.day < day)[key]))
    return found


def _distinct(rows: ir.Table) -> ir.Scalar:
    return (rows.user if "user" in rows.columns else rows.object).nunique()


def _daily_records(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each day with an access."""
    daily = data["daily"]
    columns = [name for name in daily if name != "timestamps"]
    return [
        {"timestamp": time, **{name: daily[name][i] for name in columns}}
        for i, time in enumerate(daily["timestamps"])
    ]


def _pair(request: Request, row: Row) -> ir.Table:
    rows = _counted(request)
    return rows.filter(rows.student == row["student"], rows.notebook == row["notebook"])


def _pair_records(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each pair of a student and a notebook."""
    cells = data["heatmap"]
    return [
        {"student": student, "notebook": notebook, "accesses": n}
        for student, numbers in zip(cells["y"], cells["z"], strict=True)
        for notebook, n in zip(cells["x"], numbers, strict=True)
        if n is not None
    ]


EXPLANATIONS = {
    "daily_metrics": Explanation(
        ("timestamp",),
        {
            f"{kind}_{name}s": Column(
                f"the distinct {name}s of the day" + (" not seen before" if new else ""),
                partial(_daily, name=name, new=new),
                _distinct,
            )
            for kind, new in (("unique", False), ("new", True))
            for name in ("student", "notebook")
        },
        records=_daily_records,
    ),
    "material_usage": Explanation(
        ("student", "notebook"),
        {"accesses": Column("the accesses of the student to the notebook", _pair, number)},
        records=_pair_records,
    ),
}
