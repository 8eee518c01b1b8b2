"""Stacked areas of shares over time that add up to 1, named at their right ends.

A missing share (None) is a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pygal.graph.line import Line

from hubbub.charts.graphs.common import time_axis
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import LINE, Canvas, draw, spread
from hubbub.charts.picture.document import path
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data, column, finite, records
from hubbub.errors import UsageError
from hubbub.language import _
from hubbub.language.numbers import percent

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["AreaPlan", "Areas", "draw_areas"]

_ALONE = 0.01  # half the width of a point without neighbours, as a share of the plot


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """Positions 0…1 of the points, and the x labels."""

    xs: tuple[float, ...]
    ticks: tuple[tuple[str, float], ...]


class Areas(Canvas, Line):  # type: ignore[misc]
    """Areas on top of each other; the first series stands on the axis."""

    plan: AreaPlan

    def _compute(self) -> None:
        self._x_pos = list(self.plan.xs)
        self._points(self._x_pos)
        self._box.ymin, self._box.ymax = 0, 1
        self._y_labels = [(percent(t / 4), t / 4) for t in range(5)]

    def _room(self) -> tuple[float, float, float]:
        names = max((text.width(str(s.title), 12, bold=True) for s in self.series), default=0)
        return self._axis_room(), names + 26 if names else 0, 24

    def _plot(self) -> None:
        base = [0.0] * self._len
        ends: list[float] = []
        for serie in self.series:
            values = [None if v is None else b + v for b, v in zip(base, serie.values, strict=True)]
            d = edge = ""
            for known, group in groupby(range(self._len), key=lambda i: values[i] is not None):
                if known:
                    area, top = self._run(list(group), base, values)
                    d, edge = d + area, edge + top
            if d:
                self.svg.node(self.nodes["plot"], "path", d=d, class_=f"f{serie.index}")
                # a line between neighbours: they must not differ by colour alone
                self.svg.node(self.nodes["plot"], "path", d=edge, class_="rim")
            known_ends = [(b, v) for b, v in zip(base, values, strict=True) if v is not None]
            low, high = known_ends[-1] if known_ends else (0.0, 0.0)
            ends.append(self.view.y((low + high) / 2))
            base = [b if v is None else v for b, v in zip(base, values, strict=True)]
        self._key(ends)

    def _run(
        self, indices: list[int], base: list[float], values: list[float | None]
    ) -> tuple[str, str]:
        """Return the outline and the upper edge of consecutive points without a gap."""
        xs = [self.plan.xs[i] for i in indices]
        low, high = [base[i] for i in indices], [values[i] or 0.0 for i in indices]
        if len(indices) == 1:
            left, right = max(xs[0] - _ALONE, 0), min(xs[0] + _ALONE, 1)
            xs, low, high = [left, right], low * 2, high * 2
        top = [self.view((x, v)) for x, v in zip(xs, high, strict=True)]
        bottom = [self.view((x, v)) for x, v in zip(xs, low, strict=True)]
        bottom = [p for i, p in enumerate(bottom) if not _redundant(bottom, i)]
        return path([*top, *reversed(bottom)], close=True), path(top)

    def _key(self, ends: list[float]) -> None:
        up = sorted(spread([-y for y in ends], LINE + 4, -self.view.height + 8, -6))
        overlay = self.nodes["text_overlay"]
        for serie, y in zip(self.series, up, strict=True):
            x, role = self.view.width + 10, f"f{serie.index}"
            self.svg.node(overlay, "rect", x=x, y=-y - 5, width=10, height=10, class_=role)
            self.svg.text(overlay, x + 16, -y + 4.2, str(serie.title), "t")


def _redundant(points: list[tuple[float, float]], i: int) -> bool:
    """Whether a point lies on a horizontal line between its neighbours."""
    return 0 < i < len(points) - 1 and points[i - 1][1] == points[i][1] == points[i + 1][1]


def draw_areas(
    chart: Chart,
    result: Data,
    *,
    x: str,
    shares: Mapping[str, str],
    finding: str,
    subtitle: str,
    empty: str,
) -> Drawing:
    """Draw shares over the times in column `x`; `shares` maps columns to names of their series.

    The names are messages: English in the table behind the picture.

    Raises:
        UsageError: a value of column `x` is not a time.
    """
    table = records(result)
    times = [as_time(v) for v in column(table, x)]
    if not all(times):
        raise UsageError(f"column {x!r} has values that are not times")
    order = sorted(range(len(table)), key=lambda i: times[i] or 0)
    known = [t for t in (times[i] for i in order) if t is not None]
    series = []
    for share, name in shares.items():
        values = [finite(v) for v in column(table, share)]
        series.append((text.clean(_(name)), [values[i] for i in order]))
    drawable = any(v is not None for _name, values in series for v in values)
    page = chart.sheet(result, finding=finding, subtitle=subtitle, empty=empty)
    xs, ticks = time_axis(known) if known else ((), ())
    return draw(
        Areas,
        page,
        AreaPlan(xs, ticks),
        series if drawable else [],
        columns=(x, *shares.values()),
        rows=list(zip(known, *(values for _name, values in series), strict=True)),
    )
