"""Heat maps: a square per row and column, darker for larger values.

One path per colour: strokes as thick as a row take a third of the bytes of rectangles. Small heat
maps also have the numbers in the squares.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from pygal.graph.graph import Graph

from hubbub.charts.graphs.common import noun, plain
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import EDGE, Canvas, draw
from hubbub.charts.picture.document import number
from hubbub.charts.picture.sheet import Data, finite, records
from hubbub.charts.picture.sheet import column as column_of
from hubbub.language import numbers

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["BINS", "Heat", "HeatPlan", "Square", "bins", "draw_heatmap"]

BINS = 7
_LIGHT = 4  # numbers in this bin and above have the colour of the page
_NAME = 170.0  # px of a row's name at most
_COLUMN = 120.0  # px of a column's name at most
_SLOPE = 1 / sqrt(2)  # names of columns rise at 45 degrees
_WIDEST = 64  # px of a column
_KEY = 24  # px
_PERCENT = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
_WRITTEN = 90  # squares; beyond that the numbers are noise
_ROW = 19  # px
_LOW = 34  # px of a row in small heat maps


@dataclass(frozen=True, slots=True)
class Square:
    """Row, column, bin, and the number to write in it."""

    row: int
    column: int
    bin: int
    says: str = ""


@dataclass(frozen=True, slots=True)
class HeatPlan:
    """Names of rows and columns, the squares, and the bins in words."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    squares: tuple[Square, ...]
    key: tuple[str, ...]
    counted: str  # title of the key
    x_title: str = ""


class Heat(Canvas, Graph):  # type: ignore[misc]
    """Draws the squares of its plan; the series only mark the chart as not empty."""

    plan: HeatPlan

    def _compute(self) -> None:
        self._y_labels = []

    def _compute_x_labels(self) -> None:
        self._x_labels = []

    def _room(self) -> tuple[float, float, float]:
        plan = self.plan
        left = min(max((text.width(r, 12) for r in plan.rows), default=0), _NAME) + 10
        self.names = [text.fit(c, _COLUMN, 12) for c in plan.columns]
        n = max(len(self.names), 1)
        wide = self.sheet.width - 2 * EDGE - left
        self.pitch = min(wide / n, _WIDEST)
        widths = [text.width(c, 12) for c in self.names]
        self.upright = max(widths, default=0) < self.pitch - 2
        right = 0.0
        if not self.upright:  # the last names reach beyond the last column
            excess = [w * _SLOPE - (n - 1 - i) * self.pitch * 0.85 for i, w in enumerate(widths)]
            right = max(0.0, max(excess) - self.pitch / 2 + 8)
            self.pitch = min((wide - right) / n, _WIDEST)
        if self.pitch >= 8:  # noqa: PLR2004 (px; whole ones are shorter to write)
            self.pitch = int(self.pitch)
        rise = 18 if self.upright else max(widths, default=0) * _SLOPE + 12
        self.rise = rise + (16 if plan.x_title else 0)
        return left, right, 0

    def _compute_margin(self) -> None:
        super()._compute_margin()
        if self._drawable():
            self.margin_box.top += round(self.rise) + _KEY

    def _y_axis(self) -> None:
        if not self._drawable():
            super()._y_axis()

    def _x_axis(self) -> None:
        """No axis below: the names of columns stand above the squares."""

    def _plot(self) -> None:
        plan, overlay = self.plan, self.nodes["text_overlay"]
        high = min(self.view.height / len(plan.rows), 40)
        high = int(high) if high >= 8 else high  # noqa: PLR2004 (as for the columns)
        gap = 1 if min(high, self.pitch) > 5 else 0  # noqa: PLR2004 (px)
        paths = [""] * BINS
        for square in plan.squares:
            x, y = square.column * self.pitch, (square.row + 0.5) * high
            paths[square.bin] += f"M{number(x)} {number(y)}h{number(self.pitch - gap)}"
            if square.says and text.width(square.says, 12) < self.pitch - 2:
                role = "on m" if square.bin >= _LIGHT else "t m"
                self.svg.text(overlay, x + (self.pitch - gap) / 2, y + 4.2, square.says, role)
        for i, d in enumerate(paths):
            if d:
                self._stroke(self.nodes["plot"], d, i, high - gap)
        for i, name in enumerate(plan.rows):
            shown = text.fit(name, _NAME, 12)
            self.svg.text(overlay, -8, (i + 0.5) * high + 4.2, shown, "t e")
        self._columns()
        self._key()

    def _stroke(self, parent: object, d: str, shade: int, thick: float) -> None:
        self.svg.node(parent, "path", d=d, class_=f"q{shade}", stroke_width=thick)

    def _columns(self) -> None:
        overlay = self.nodes["text_overlay"]
        for i, name in enumerate(self.names):
            x = (i + 0.5) * self.pitch
            if self.upright:
                self.svg.text(overlay, x, -6, name, "t m")
            else:
                node = self.svg.text(overlay, x + 3, -6, name, "t")
                node.set("transform", f"rotate(-45 {number(x + 3)} -6)")
        if self.plan.x_title:
            self.svg.text(overlay, 0, -self.rise + 10, self.plan.x_title, "mu")

    def _key(self) -> None:
        overlay = self.nodes["text_overlay"]
        x, y = EDGE - float(self.margin_box.left), -self.rise - _KEY + 14
        self.svg.text(overlay, x, y, f"{self.plan.counted}:", "mu")
        x += text.width(f"{self.plan.counted}:", 12) + 10
        for i, words in enumerate(self.plan.key):
            self._stroke(overlay, f"M{number(x)} {number(y - 4)}h12", i, 12)
            self.svg.text(overlay, x + 17, y, words, "t")
            x += 17 + text.width(words, 12) + 12


def bins(largest: float) -> list[float]:
    """Return the lower ends of at most seven bins from 1 to `largest`, of growing width."""
    if largest <= BINS:
        return [float(i) for i in range(1, max(int(largest), 1) + 1)]
    ratio = (largest + 1) ** (1 / BINS)
    edges: list[float] = []
    for i in range(BINS):
        edges.append(max(round(ratio**i), edges[-1] + 1 if edges else 1))
    return edges


def _words(edges: Sequence[float], largest: float, *, percent: bool) -> tuple[str, ...]:
    if percent:
        ends = [*edges[1:], 1.01]
        return tuple(
            f"{a * 100:.0f}–{numbers.percent(b - 0.01)}" for a, b in zip(edges, ends, strict=True)
        )
    ends = [*(following - 1 for following in edges[1:]), max(largest, edges[-1])]
    return tuple(
        numbers.amount(low) if low == high else f"{numbers.amount(low)}–{numbers.amount(high)}"
        for low, high in zip(edges, ends, strict=True)
    )


def draw_heatmap(
    chart: Chart,
    result: Data,
    *,
    row: str,
    column: str,
    value: str,
    finding: str,
    subtitle: str,
    empty: str,
    percent: bool = False,
    cells: Sequence[Mapping[str, Any]] | None = None,
    row_order: Sequence[Any] = (),
    column_order: Sequence[Any] = (),
) -> Drawing:
    """Draw a square per pair of `row` and `column`, darker for a larger `value`.

    Args:
        chart: of the view.
        result: rows with these columns.
        row: column with the names of rows.
        column: column with the names of columns.
        value: column with the numbers.
        finding: title of the picture.
        subtitle: of the picture.
        empty: text of an empty picture.
        percent: the values are shares 0…1.
        cells: replace the rows of the result.
        row_order: rows from the top; others follow as they occur.
        column_order: columns from the left; others follow as they occur.
    """
    table = records(result) if cells is None else list(cells)
    known = [
        (r, c, v)
        for r, c, v in zip(
            column_of(table, row),
            column_of(table, column),
            map(finite, column_of(table, value)),
            strict=True,
        )
        if v is not None
    ]
    rows = {n: i for i, n in enumerate(dict.fromkeys([*row_order, *(r for r, _, _ in known)]))}
    columns = {
        n: i for i, n in enumerate(dict.fromkeys([*column_order, *(c for _, c, _ in known)]))
    }
    largest = max((v for _, _, v in known), default=0)
    edges = list(_PERCENT) if percent else bins(largest)
    write = len(known) <= _WRITTEN
    written = numbers.percent if percent else numbers.brief
    numbered = all(isinstance(c, int) for c in columns)
    plan = HeatPlan(
        tuple(text.named(r) for r in rows),
        tuple(text.named(c) for c in columns),
        tuple(
            Square(
                rows[r], columns[c], max(bisect_right(edges, v) - 1, 0), written(v) if write else ""
            )
            for r, c, v in known
        ),
        _words(edges, largest, percent=percent),
        noun(value),
        noun(column) if numbered else "",
    )
    pitch = _ROW if len(rows) > 12 else _LOW if write else 26  # noqa: PLR2004 (rows that fill a page)
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=subtitle,
        empty=empty,
        height=180 + (18 if numbered else 84) + pitch * len(rows) if known else 300,
    )
    return draw(
        Heat,
        page,
        plan,
        [(noun(value), [v for _, _, v in known])] if known else [],
        columns=(plain(row), plain(column), plain(value)),
        rows=known,
    )
