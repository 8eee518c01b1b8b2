"""Squares over rows and columns, darker for more: a heat map, or a triangle of shares.

Comes in: a bin per square. Goes out: one path per bin (strokes as thick as a row: a third of the
bytes of rectangles), the names, a key, and in small pictures the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from pygal.graph.graph import Graph

from hubbub.charts import text
from hubbub.charts.canvas import EDGE, Canvas
from hubbub.charts.svg import number

__all__ = ["BINS", "Heat", "HeatPlan", "Square"]

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
