"""Bars: horizontal rows, columns stacked by series, and strips of changes.

Values are finite; None is a missing value. There is one SVG path per colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pygal.graph.graph import Graph
from pygal.graph.stackedbar import StackedBar

from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import LINE, Canvas, spread
from hubbub.charts.picture.document import number
from hubbub.language.numbers import amount

__all__ = ["Row", "RowPlan", "Rows", "StackPlan", "Stacked", "Strip", "StripPlan", "Strips"]

_NAME = 250.0  # px of a row's name at most
_KEY = 230.0  # px of a series' name at most
_LEAST = 1.0  # px; keeps a column visible where most times are missing


def box(x: float, y: float, wide: float, high: float) -> str:
    """Return path data for a rectangle."""
    return f"M{number(x)} {number(y)}h{number(wide)}v{number(high)}h{number(-wide)}z"


def outline(values: Sequence[float | None], base: float, step: float, unit: float) -> str:
    """Return path data for the outline of touching columns over `base`, of positive values only.

    Args:
        values: one per column.
        base: y of the axis in px.
        step: width of a column in px.
        unit: px upwards per unit of value; negative: downwards.
    """
    d, level = "", 0.0
    for i, value in enumerate(values):
        height = max(value or 0.0, 0.0)
        if height == level:
            continue
        d += f"H{number(i * step)}" if level else f"M{number(i * step)} {number(base)}"
        d += f"V{number(base - height * unit)}"
        level = height
    return d + (f"H{number(len(values) * step)}V{number(base)}" if level else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, and its bars as (value, label, role of the theme)."""

    name: str
    bars: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True)
class RowPlan:
    """The rows from top to bottom; the axis reaches at least to `least`."""

    rows: tuple[Row, ...]
    least: float = 0.0


class Rows(Canvas, Graph):  # type: ignore[misc]
    """Horizontal bars from a common zero, with names at the left and values at the ends."""

    plan: RowPlan

    def _compute(self) -> None:
        self._y_labels = []
        values = [v for row in self.plan.rows for v, _, _ in row.bars]
        self.low, self.high = min([0, *values]), max([0, self.plan.least, *values])

    def _room(self) -> tuple[float, float, float]:
        names = max((text.width(r.name, 12) for r in self.plan.rows), default=0)
        return min(names, _NAME) + 10, 0, 0

    def _scale(self) -> tuple[float, float]:
        """Return the x of zero and px per unit, with room for the labels at both ends."""

        def wide(sign: int) -> float:
            bars = (b for row in self.plan.rows for b in row.bars if b[0] * sign > 0)
            return max((text.width(t, 12) for _, t, _ in bars), default=0)

        before = wide(-1) + 8 if self.low < 0 else 0
        widths = (text.width(t, 12) for row in self.plan.rows for _, t, _ in row.bars)
        after = max(widths, default=0) + 8
        after = max(wide(1) + 8 if self.high > 0 else 0, after if self.low == 0 else 0, 60)
        unit = (self.view.width - before - after) / ((self.high - self.low) or 1)
        return before - self.low * unit, unit

    def _plot(self) -> None:
        zero, unit = self._scale()
        plot, overlay = self.nodes["plot"], self.nodes["text_overlay"]
        pitch = self.view.height / len(self.plan.rows)
        paths: dict[str, str] = {}
        for i, row in enumerate(self.plan.rows):
            name = text.fit(row.name, _NAME, 12)
            self.svg.text(overlay, -8, (i + 0.5) * pitch + 4.2, name, "t e")
            thick = min(pitch * 0.8 / max(len(row.bars), 1), 26)
            top = (i + 0.5) * pitch - thick * len(row.bars) / 2
            for j, (value, label, role) in enumerate(row.bars):
                x = zero + min(value, 0) * unit
                paths[role] = paths.get(role, "") + box(
                    x, top + j * thick, abs(value) * unit, thick * 0.94
                )
                end = zero + value * unit + (6 if value >= 0 else -6)
                baseline = top + (j + 0.5) * thick + 4
                self.svg.text(overlay, end, baseline, label, "t" if value >= 0 else "t e")
        for role, d in paths.items():
            self.svg.node(plot, "path", d=d, class_=role)
        self.svg.node(plot, "path", d=f"M{zero:.2f} 0v{self.view.height:.2f}", class_="ba")

    def _compute_x_labels(self) -> None:
        self._x_labels = []


@dataclass(frozen=True, slots=True)
class StackPlan:
    """The x labels at 0…1 of the width, and which series is the grey "other".

    Columns stand at the centres `xs` and fill `wide` of the width; without them, side by side.
    """

    ticks: tuple[tuple[str, float], ...]
    others: int | None = None
    unit: str = ""
    peak: int | None = None  # the column that is labelled with its height
    xs: tuple[float, ...] = ()
    wide: float = 0.0
    whole: bool = True  # whether the axis has whole numbers


class Stacked(Canvas, StackedBar):  # type: ignore[misc]
    """A stacked column per bucket; the first series stands on the axis.

    Values below zero are stacked downwards; None is unknown and is not drawn.
    """

    plan: StackPlan

    def _compute(self) -> None:
        super()._compute()
        self._x_pos: list[float] = []
        above, below = self._piles()
        self._values_axis(min(below, default=0), max(above, default=0), whole=self.plan.whole)

    def _piles(self) -> tuple[list[float], list[float]]:
        """Return the height of each column above zero, and (negative) below it."""
        columns = list(zip(*(serie.values for serie in self.series), strict=True))
        above = [sum(v for v in column if v is not None and v > 0) for column in columns]
        return above, [sum(v for v in column if v is not None and v < 0) for column in columns]

    def _room(self) -> tuple[float, float, float]:
        if len(self.series) < 2:  # noqa: PLR2004 (a single series needs no key)
            return self._axis_room(), 0, 24
        names = max(text.width(str(s.title), 12) for s in self.series)
        return self._axis_room(), min(names, _KEY) + 26, 24

    def _role(self, index: int) -> str:
        return "fo" if index == self.plan.others else f"f{index}"

    def _plot(self) -> None:
        n = self._len
        xs = self.plan.xs or tuple((i + 0.5) / n for i in range(n))
        pitch = self.view.width * (self.plan.wide or 1 / n)
        wide = min(pitch * (0.86 if pitch > 4 else 1), 60)  # noqa: PLR2004 (px; thin bars touch)
        wide = max(wide, _LEAST)
        above, below = [0.0] * n, [0.0] * n
        for serie in self.series:
            d = ""
            for i, value in enumerate(serie.values):
                if value:
                    base = above if value > 0 else below
                    ends = self.view.y(base[i]), self.view.y(base[i] + value)
                    base[i] += value
                    left = xs[i] * self.view.width - wide / 2
                    d += box(left, min(ends), wide, max(ends) - min(ends))
            if d:
                self.svg.node(self.nodes["plot"], "path", d=d, class_=self._role(serie.index))
        if len(self.series) > 1:
            self._key()
        if self.plan.peak is not None:
            i = self.plan.peak
            x, y = xs[i] * self.view.width, self.view.y(above[i]) - 5
            label = amount(above[i])
            half = text.width(label, 12) / 2
            x = min(max(x, half), self.view.width - half)
            self.svg.text(self.nodes["text_overlay"], x, y, label, "t m halo")

    def _key(self) -> None:
        """Write the names right of the last column, close to their parts of it."""
        heights, above, below = [], 0.0, 0.0
        for serie in self.series:
            value = serie.values[-1] or 0.0
            base = above if value >= 0 else below
            heights.append(self.view.y(base + value / 2))
            above, below = above + max(value, 0.0), below + min(value, 0.0)
        bottom_up = spread([-y for y in heights], LINE + 4, -self.view.height + 8, -6)
        if not below:  # also with ties in the order of the stack
            bottom_up = sorted(bottom_up)
        for serie, up in zip(self.series, bottom_up, strict=True):
            x, y, role = self.view.width + 10, -up, self._role(serie.index)
            self.svg.node(
                self.nodes["text_overlay"], "rect", x=x, y=y - 5, width=10, height=10, class_=role
            )
            name = text.fit(str(serie.title), _KEY, 12)
            self.svg.text(self.nodes["text_overlay"], x + 16, y + 4.2, name, "t")


@dataclass(frozen=True, slots=True)
class Strip:
    """One topic: its name, the change per bucket (None: unknown), and a label with its scale."""

    name: str
    values: tuple[float | None, ...]
    scale: str


@dataclass(frozen=True, slots=True)
class StripPlan:
    """The strips from top to bottom, and x labels at 0…1."""

    strips: tuple[Strip, ...]
    ticks: tuple[tuple[str, float], ...]


class Strips(Canvas, Graph):  # type: ignore[misc]
    """A strip of bars per topic, up for more, down for fewer; each has its own scale."""

    plan: StripPlan

    def _compute(self) -> None:
        self._y_labels = []

    def _room(self) -> tuple[float, float, float]:
        names = max((text.width(s.name, 12) for s in self.plan.strips), default=0)
        scales = max((text.width(s.scale, 12) for s in self.plan.strips), default=0)
        return min(names, _NAME) + 10, scales + 8, 24

    def _plot(self) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["text_overlay"]
        pitch = self.view.height / len(self.plan.strips)
        bases, more, fewer = "", "", ""
        for i, strip in enumerate(self.plan.strips):
            middle = (i + 0.5) * pitch
            step = self.view.width / max(len(strip.values), 1)
            wide = min(step * (0.8 if step > 3 else 1), 24)  # noqa: PLR2004 (px)
            most = max((abs(v) for v in strip.values if v is not None), default=0) or 1
            unit = pitch * 0.44 / most
            bases += f"M0 {middle:.2f}h{self.view.width:.2f}"
            if wide == step:  # bars touch: an outline takes half the bytes of boxes
                more += outline(strip.values, middle, step, unit)
                fewer += outline([v and -v for v in strip.values], middle, step, -unit)
            else:
                for j, value in enumerate(strip.values):
                    x = (j + 0.5) * step - wide / 2
                    if value is not None and value > 0:
                        more += box(x, middle - value * unit, wide, value * unit)
                    elif value:
                        fewer += box(x, middle, wide, -value * unit)
            name = text.fit(strip.name, _NAME, 12)
            self.svg.text(overlay, -8, middle + 4.2, name, "t e")
            self.svg.text(overlay, self.view.width + 8, middle + 4.2, strip.scale, "mu")
        for d, role in ((bases, "ba"), (more, "up"), (fewer, "dn")):
            if d:
                self.svg.node(plot, "path", d=d, class_=role)
