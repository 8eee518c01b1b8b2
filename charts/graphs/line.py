"""Lines over time (or over ranks), one path per series, labelled at their ends.

Comes in: values with None for what is not known. Goes out: a gap where a value is missing, a dot
where one stands alone; never a bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pygal.graph.line import Line

from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import Canvas, dot
from hubbub.charts.picture.document import path

__all__ = ["LinePlan", "Lines", "runs", "straight", "thin"]

Point = tuple[float, float]
_MOST = 600  # points a series; about one per px
_NAME = 230.0  # px of a series' name, at most
_CROWDED = 200  # points; 2 px lines run into one another
_SEEN = 0.25  # px; a line that passes a point nearer than this passes through it


@dataclass(frozen=True, slots=True)
class LinePlan:
    """Where the points stand (0…1), the x labels, and what the values are."""

    xs: tuple[float, ...]
    ticks: tuple[tuple[str, float], ...]
    whole: bool = False
    unit: str = ""  # "%" multiplies by 100
    others: int | None = None  # index of the grey series "other"
    x_title: str = ""


def runs(points: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    """The stretches without a gap."""
    return [
        [(x, y) for x, y in group if y is not None]
        for known, group in groupby(points, key=lambda p: p[1] is not None)
        if known
    ]


def thin(points: Sequence[Point], most: int = _MOST) -> list[Point]:
    """At most `most` points: of each stretch the lowest and the highest."""
    if len(points) <= most:
        return list(points)
    stretch = -(-2 * len(points) // most)
    out: list[Point] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        ends = {min(part, key=lambda p: (p[1], p[0])), max(part, key=lambda p: (p[1], -p[0]))}
        out += sorted(ends)
    return out


def straight(points: Sequence[Point], seen: float = _SEEN) -> list[Point]:
    """The points without those that a straight line between others passes, nearer than `seen` px.

    Source: Ramer 1972, Douglas and Peucker 1973; by height, since time only goes forward.
    """
    kept = {0, len(points) - 1}
    open_ = [(0, len(points) - 1)]
    while open_:
        first, last = open_.pop()
        (x0, y0), (x1, y1) = points[first], points[last]
        slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
        far = [
            (abs(y - y0 - slope * (x - x0)), -i)
            for i, (x, y) in enumerate(points[first + 1 : last], first + 1)
        ]
        most, back = max(far, default=(0.0, 0))
        if most > seen:
            kept.add(-back)
            open_ += [(first, -back), (-back, last)]
    return [points[i] for i in sorted(kept)]


class Lines(Canvas, Line):  # type: ignore[misc]
    """Series over a common axis."""

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
        """Roles of the line and of its dots and name."""
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
            parts = [straight(part) for part in parts] if crowded else parts
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
