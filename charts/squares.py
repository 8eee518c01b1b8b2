"""Squares from rows of pairs: which bin each value falls into, and what the bins are called.

Comes in: rows with a row name, a column name and a value. Goes out: a `Drawing`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.charts import text
from hubbub.charts.canvas import draw
from hubbub.charts.heat import BINS, Heat, HeatPlan, Square
from hubbub.charts.plots import noun
from hubbub.charts.sheet import Data, column, finite, records

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.drawing import Drawing

__all__ = ["bins", "squares"]

_PERCENT = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
_WRITTEN = 90  # squares; more numbers than that are noise
_ROW = 19  # px
_LOW = 34


def bins(largest: float) -> list[float]:
    """Where at most seven bins begin, each so many times as wide as the one before; from 1 on."""
    if largest <= BINS:
        return [float(i) for i in range(1, max(int(largest), 1) + 1)]
    ratio = (largest + 1) ** (1 / BINS)
    edges: list[float] = []
    for i in range(BINS):
        edges.append(max(round(ratio**i), edges[-1] + 1 if edges else 1))
    return edges


def _words(edges: Sequence[float], *, percent: bool) -> tuple[str, ...]:
    if percent:
        ends = [*edges[1:], 1.01]
        return tuple(f"{a * 100:.0f}–{b * 100 - 1:.0f}%" for a, b in zip(edges, ends, strict=True))
    out = []
    for i, low in enumerate(edges):
        high = edges[i + 1] - 1 if i + 1 < len(edges) else None
        said = text.amount(low)
        out.append(said if high == low else f"{said}–{text.amount(high)}" if high else f"{said}+")
    return tuple(out)


def squares(
    chart: Chart,
    result: Data,
    names: tuple[str, str, str],
    *,
    title: str,
    subtitle: str,
    empty: str,
    percent: bool,
    cells: Sequence[Mapping[str, Any]] | None,
    order: tuple[Sequence[Any], Sequence[Any]],
) -> Drawing:
    """A square per pair."""
    table = records(result) if cells is None else list(cells)
    row, across, value = names
    values = [finite(v) for v in column(table, value)]
    known = [
        (r, c, v)
        for r, c, v in zip(column(table, row), column(table, across), values, strict=True)
        if v is not None
    ]
    rows = {name: i for i, name in enumerate(dict.fromkeys([*order[0], *(r for r, _, _ in known)]))}
    columns = {
        name: i for i, name in enumerate(dict.fromkeys([*order[1], *(c for _, c, _ in known)]))
    }
    largest = max((v for _, _, v in known), default=0)
    edges = list(_PERCENT) if percent else bins(largest)
    write = len(known) <= _WRITTEN
    said = text.percent if percent else text.brief
    plan = HeatPlan(
        tuple(text.named(r) for r in rows),
        tuple(text.named(c) for c in columns),
        tuple(
            Square(
                rows[r], columns[c], max(bisect_right(edges, v) - 1, 0), said(v) if write else ""
            )
            for r, c, v in known
        ),
        _words(edges, percent=percent),
        noun(value),
        noun(across) if all(isinstance(c, int) for c in columns) else "",
    )
    pitch = _ROW if len(rows) > 12 else _LOW if write else 26  # noqa: PLR2004 (rows that fill a page)
    high = 18 if all(isinstance(c, int) for c in columns) else 84
    page = chart.sheet(
        result,
        title="",
        finding=title,
        subtitle=subtitle,
        empty=empty,
        height=180 + high + pitch * len(rows) if known else 300,
    )
    return draw(
        Heat,
        page,
        plan,
        [(noun(value), [v for _, _, v in known])] if known else [],
        columns=(noun(row), noun(across), noun(value)),
        rows=known,
    )
