"""Histogram of whole numbers: a column per number, or per range of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygal.graph.bar import Bar

from hubbub.charts.graphs.bars import box
from hubbub.charts.graphs.common import noun, plain
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import Canvas, draw
from hubbub.charts.picture.sheet import Data, column, finite, records
from hubbub.language import _
from hubbub.language.numbers import amount, brief

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["Histogram", "HistogramPlan", "binned", "draw_histogram"]

_COLUMNS = 32
_RANGES = 10


@dataclass(frozen=True, slots=True)
class HistogramPlan:
    """Names of the columns, and the title of their axis."""

    names: tuple[str, ...]
    x_title: str


def binned(counts: Iterable[tuple[int, int]]) -> tuple[list[tuple[str, int]], bool]:
    """Return columns (name, count) for pairs (number, count), and whether they are ranges.

    Up to 32, each number from 1 on has a column, also with a count of 0. Beyond that each range
    ends at twice the end of the previous one (1, 2, 3–4, 5–8, …), and the tenth is open.
    """
    by_number = {k: n for k, n in counts if k > 0 and n > 0}
    largest = max(by_number, default=0)
    if largest <= _COLUMNS:
        return [(str(k), by_number.get(k, 0)) for k in range(1, largest + 1)], False
    ranges: list[tuple[str, int]] = []
    low = 1
    while low <= largest:
        high = max(2 * (low - 1), 1)
        name = amount(low) if low == high else f"{amount(low)}–{amount(high)}"
        if len(ranges) == _RANGES - 1 and largest > high:
            name, high = f"{amount(low)}+", largest
        ranges.append((name, sum(n for k, n in by_number.items() if low <= k <= high)))
        low = high + 1
    return ranges, True


class Histogram(Canvas, Bar):  # type: ignore[misc]
    """Columns side by side, with their counts above."""

    plan: HistogramPlan

    def _compute(self) -> None:
        self._x_pos: list[float] = []
        values = self.series[0].values if self.series else []
        self._values_axis(0, max(values, default=0), whole=True)

    def _compute_x_labels(self) -> None:
        n = len(self.plan.names)
        self._x_labels = [(name, (i + 0.5) / n) for i, name in enumerate(self.plan.names)]

    def _room(self) -> tuple[float, float, float]:
        return self._axis_room(), 0, 42

    def _plot(self) -> None:
        values = self.series[0].values
        pitch = self.view.width / len(values)
        wide = min(pitch * 0.86, 60)
        d = ""
        for i, value in enumerate(values):
            if value:
                y = self.view.y(value)
                d += box((i + 0.5) * pitch - wide / 2, y, wide, self.view.height - y)
                label = amount(value) if value < 10_000 else brief(value)  # noqa: PLR2004
                if text.width(label, 12) < pitch:
                    overlay = self.nodes["text_overlay"]
                    self.svg.text(overlay, (i + 0.5) * pitch, y - 5, label, "mu m")
        self.svg.node(self.nodes["plot"], "path", d=d, class_="f0")
        middle = self.view.width / 2
        self.svg.text(
            self.nodes["text_overlay"], middle, self.view.height + 36, self.plan.x_title, "mu m"
        )


def draw_histogram(
    chart: Chart, result: Data, *, x: str, y: str, finding: str, subtitle: str, empty: str
) -> Drawing:
    """Draw how many (column `y`) have each number (column `x`)."""
    table = records(result)
    pairs = zip(map(finite, column(table, x)), map(finite, column(table, y)), strict=True)
    counts = [(int(k), int(n)) for k, n in pairs if k is not None and n is not None]
    columns, ranges = binned(counts)
    if ranges:
        subtitle = _(
            "{subtitle}; each column ends at twice the number of the one before", subtitle=subtitle
        )
    page = chart.sheet(result, finding=finding, subtitle=subtitle, empty=empty)
    return draw(
        Histogram,
        page,
        HistogramPlan(tuple(name for name, _ in columns), noun(x)),
        [(noun(y), [n for _, n in columns])] if columns else [],
        columns=(plain(x), plain(y)),
        rows=sorted(counts),
    )
