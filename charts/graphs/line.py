"""Lines, one path per series, labelled at their right ends.

A missing value (None) is a gap that is never bridged; a single value between gaps is a dot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pygal.graph.line import Line

from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import Canvas, dot
from hubbub.charts.picture.document import path

__all__ = ["LinePlan", "Lines", "runs", "simplify", "thin"]


Point = tuple[float, float]
_MOST = 600  # points per series; about one per px
_NAME = 230.0  # px of a series' name at most
_CROWDED = 200  # points; with more, lines are thinner and simplified
_TOLERANCE = 0.25  # px by which a simplified line may pass a point


@dataclass(frozen=True, slots=True)
class LinePlan:
    """Positions 0…1 of the points, the x labels, and the kind of values."""

    xs: tuple[float, ...]
    ticks: tuple[tuple[str, float], ...]
    whole: bool = False
    unit: str = ""  # "%" multiplies by 100
    others: int | None = None  # index of the grey series "other"
    x_title: str = ""


def runs(points: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    """Split points at gaps."""
    return [
        [(x, y) for x, y in group if y is not None]
        for known, group in groupby(points, key=lambda p: p[1] is not None)
        if known
    ]


def thin(points: Sequence[Point], most: int = _MOST) -> list[Point]:
    """Reduce to at most `most` points: the lowest and the highest of each group of neighbours."""
    if len(points) <= most:
        return list(points)
    size = -(-2 * len(points) // most)
    kept: list[Point] = []
    for start in range(0, len(points), size):
        group = points[start : start + size]
        ends = {min(group, key=lambda p: (p[1], p[0])), max(group, key=lambda p: (p[1], -p[0]))}
        kept += sorted(ends)
    return kept


def simplify(points: Sequence[Point], tolerance: float = _TOLERANCE) -> list[Point]:
    """Drop points that the line through the remaining ones misses by at most `tolerance` px.

    Source: Ramer 1972, Douglas and Peucker 1973; with vertical distances, since x only grows.
    """
    kept = {0, len(points) - 1}
    pending = [(0, len(points) - 1)]
    while pending:
        first, last = pending.pop()
        (x0, y0), (x1, y1) = points[first], points[last]
        slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
        distances = [
            (abs(y - y0 - slope * (x - x0)), -i)
            for i, (x, y) in enumerate(points[first + 1 : last], first + 1)
        ]
        largest, negative_index = max(distances, default=(0.0, 0))
        if largest > tolerance:
            kept.add(-negative_index)
            pending += [(first, -negative_index), (-negative_index, last)]
    return [points[i] for i in sorted(kept)]


class Lines(Canvas, Line):  # type: ignore[misc]
    """Lines over a common axis."""

    plan: LinePlan

    def _compute(self) -> None:
        self._x_pos = list(self.plan.xs)
        self._points(self._x_pos)
        known = self._values
        self._values_axis(min(known, default=0), max(known, default=0), whole=self.plan.whole)

    def _names(self) -> list[str]:
        names = [text.fit(str(s.title), _NAME, 12, bold=True) for s in self.series]
        return names if len(names) > 1 else []

    def _room(self) -> tuple[float, float, float]:
        right = max((text.width(n, 12, bold=True) for n in self._names()), default=0)
        return self._axis_room(), right + 4 if right else 0, 42 if self.plan.x_title else 24

    def _roles(self, index: int) -> tuple[str, str]:
        """Return the roles of a line, and of its dots and name."""
        if index == self.plan.others:
            return "so l", "fo"
        dash = f" d{index}" if index else ""
        return f"s{index} l{dash}", f"f{index}"

    def _plot(self) -> None:
        labels: list[tuple[float, str, str]] = []
        names = self._names()
        crowded = len(self.plan.xs) > _CROWDED
        for serie in self.series:
            stroke, fill = self._roles(serie.index)
            parts = [thin([self.view(p) for p in run]) for run in runs(serie.points)]
            parts = [simplify(part) for part in parts] if crowded else parts
            lines = "".join(path(part) for part in parts if len(part) > 1)
            if lines:
                roles = stroke + (" thin" if crowded else "")
                self.svg.node(self.nodes["plot"], "path", d=lines, class_=roles)
            dots = "".join(dot(*part[0]) for part in parts if len(part) == 1)
            if dots:
                self.svg.node(self.nodes["overlay"], "path", d=dots, class_=fill)
            if parts and names:
                labels.append((parts[-1][-1][1], names[serie.index], f"{fill} b"))
        if names:
            self._end_labels(labels)
        if self.plan.x_title:
            self.svg.text(
                self.nodes["text_overlay"],
                self.view.width / 2,
                self.view.height + 36,
                self.plan.x_title,
                "mu m",
            )
