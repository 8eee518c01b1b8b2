"""Heat maps: squares over rows and columns, darker for more; or a triangle of shares.

One path per bin (strokes as thick as a row take a third of the bytes of rectangles), the names, a
key, and in small pictures the numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from pygal.graph.graph import Graph

from hubbub.charts.graphs.common import noun
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import EDGE, Canvas, draw
from hubbub.charts.picture.document import number
from hubbub.charts.picture.sheet import Data, column, finite, records

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["BINS", "Heat", "HeatPlan", "Square", "bins", "squares"]


BINS = 7
_LIGHT = 4  # bins from here on carry numbers in the colour of the page
_NAME = 170.0  # px of a row's name, at most
_COLUMN = 120.0
_SLOPE = 1 / sqrt(2)  # names of columns rise at 45 degrees
_WIDEST = 64  # px of a column
_KEY = 24


@dataclass(frozen=True, slots=True)
class Square:
    """Row, column, bin, and what may be written in it."""

    row: int
    column: int
    bin: int
    says: str = ""


@dataclass(frozen=True, slots=True)
class HeatPlan:
    """Names from the top and from the left, the squares, and the bins in words."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    squares: tuple[Square, ...]
    key: tuple[str, ...]
    counted: str  # what the bins count
    x_title: str = ""


class Heat(Canvas, Graph):  # type: ignore[misc]
    """The squares of a plan; the series only say that there is something to draw."""

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
        if not self.upright:  # the last names stick out at the right
            over = [w * _SLOPE - (n - 1 - i) * self.pitch * 0.85 for i, w in enumerate(widths)]
            right = max(0.0, max(over) - self.pitch / 2 + 8)
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
        """The names stand above the squares."""

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
