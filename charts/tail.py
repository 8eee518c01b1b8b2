"""The tail: counts from head to tail, the straight line between them, and the gap it leaves.

Comes in: counts in descending order and the ideal line's ends. Goes out: one path for the counts,
one for the line, one for the gap, and the names of the heads that have room.
"""

from __future__ import annotations

from dataclasses import dataclass

from pygal.graph.line import Line

from hubbub.charts import text
from hubbub.charts.canvas import Canvas, dot
from hubbub.charts.line import thin
from hubbub.charts.svg import path

__all__ = ["TailCurve", "TailPlan"]

_HEADS = 5


@dataclass(frozen=True, slots=True)
class TailPlan:
    """Names of the first users with their counts in words; the ideal line's two ends."""

    heads: tuple[str, ...]
    ideal: tuple[float, float]
    x_title: str = "contributor rank (1 = head)"


def ranks(n: int) -> list[int]:
    """Up to seven round ranks from 1 to n, n included."""
    if n <= 7:  # noqa: PLR2004
        return list(range(1, n + 1))
    step = next(d * 10**e for e in range(9) for d in (1, 2, 5) if n / (d * 10**e) <= 6)  # noqa: PLR2004
    inner = [r for r in range(step, n, step) if n - r >= step / 2]
    return [1, *(r for r in inner if r > step / 4 and r != 1), n]


class TailCurve(Canvas, Line):  # type: ignore[misc]
    """One series of counts, sorted."""

    plan: TailPlan

    def _compute(self) -> None:
        n = self._len
        self._x_pos = [i / (n - 1) for i in range(n)] if n > 1 else [0.5] * n
        self._points(self._x_pos)
        values = [*self._values, *self.plan.ideal]
        self._values_axis(min(values), max(values), whole=all(v == int(v) for v in values))

    def _compute_x_labels(self) -> None:
        n = self._len
        self._x_labels = [(text.amount(r), self._x_pos[r - 1]) for r in ranks(n)] if n else []

    def _room(self) -> tuple[float, float, float]:
        return self._axis_room(), 0, 42

    def _plot(self) -> None:
        view, plot = self.view, self.nodes["plot"]
        points = [view(p) for p in self.series[0].points]
        ends = [(points[0][0], view.y(self.plan.ideal[0])), (points[-1][0], view.y(self.plan.ideal[1]))]
        curve = _corners(points)
        if len(curve) > 1:
            self.svg.node(plot, "path", d=path([*curve, *reversed(ends)], close=True), class_="f0 area")
            self.svg.node(plot, "path", d=path(ends), class_="s1 l d1")
            self.svg.node(plot, "path", d=path(curve), class_="s0 l")
        heads = self._heads(points, ends)
        marks = [points[0], points[-1], *heads]
        dots = "".join(dot(x, y) for x, y in dict.fromkeys(marks))
        self.svg.node(self.nodes["overlay"], "path", d=dots, class_="f0")
        self._names(points, ends)
        self.svg.text(self.nodes["text_overlay"], view.width / 2, view.height + 36, self.plan.x_title, "mu m")

    def _heads(
        self, points: list[tuple[float, float]], ends: list[tuple[float, float]]
    ) -> list[tuple[float, float]]:
        """Write the names that have room between the curve and the ideal line; their points."""
        free, written = float("-inf"), []
        for (x, y), name in zip(points, self.plan.heads, strict=False):
            wide = text.width(name, 12)
            first = not written
            at = min(x + (4 if first else 9), self.view.width - wide)
            base = y - 5 if first else y + 4
            below_line = base - 12 - _on(ends, at + wide) > 4  # noqa: PLR2004 (px)
            above_curve = base + 4 < min((p[1] for p in points if at - 2 <= p[0] <= at + wide), default=base + 9)
            if first or (base - 13 > free and below_line and above_curve):
                self.svg.text(self.nodes["text_overlay"], at, base, name, "t halo")
                written.append((x, y))
                free = base
            if len(written) == _HEADS:
                break
        return written

    def _names(self, points: list[tuple[float, float]], ends: list[tuple[float, float]]) -> None:
        """Name the line and the curve, where the two stand far enough apart."""
        middle = points[len(points) * 55 // 100]
        line_y = _on(ends, middle[0])
        if len(points) < 4 or middle[1] - line_y < 60:  # noqa: PLR2004 (px; two names need them)
            return
        write, overlay = self.svg.text, self.nodes["text_overlay"]
        write(overlay, middle[0] + 12, line_y - 8, "even slope from head to tail", "f1 b")
        write(overlay, middle[0], middle[1] - 9, "actual", "f0 b")


def _on(ends: list[tuple[float, float]], x: float) -> float:
    (x0, y0), (x1, y1) = ends
    return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _corners(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points where the curve bends; a tail of equal counts is two points, not a thousand."""
    kept = [
        p
        for i, p in enumerate(points)
        if i in (0, len(points) - 1) or not points[i - 1][1] == p[1] == points[i + 1][1]
    ]
    return thin(kept)
