"""Lorenz curve: cumulative share of the work over the share of people, and the even diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pygal.graph.line import Line

from hubbub.charts.graphs.line import thin
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import Canvas, dot, draw
from hubbub.charts.picture.document import path
from hubbub.charts.picture.sheet import Data
from hubbub.language import N_, _
from hubbub.language.numbers import percent

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["Curve", "CurvePlan", "draw_lorenz"]

_EVEN = N_("everybody does the same")
_APART = 24  # px above the marked point that its label needs
_FIFTHS = (0, 0.2, 0.4, 0.6, 0.8, 1)


@dataclass(frozen=True, slots=True)
class CurvePlan:
    """The point to mark, (share of people, share of the work), and its label."""

    mark: tuple[float, float] | None
    says: str
    x_title: str


class Curve(Canvas, Line):  # type: ignore[misc]
    """One series: cumulative shares 0…1, evenly spaced, 0 and 1 included."""

    plan: CurvePlan

    def _compute(self) -> None:
        last = max(self._len - 1, 1)
        self._x_pos = [i / last for i in range(self._len)]
        self._points(self._x_pos)
        self._box.ymin, self._box.ymax = 0, 1
        self._y_labels = [(percent(t), t) for t in _FIFTHS]

    def _compute_x_labels(self) -> None:
        self._x_labels = [(percent(t), t) for t in _FIFTHS] if self.series else []

    def _room(self) -> tuple[float, float, float]:
        return self._axis_room(), 8, 42

    def _plot(self) -> None:
        view, plot, overlay = self.view, self.nodes["plot"], self.nodes["text_overlay"]
        points = thin([view(p) for p in self.series[0].points], 300)
        ends = [view((0, 0)), view((1, 1))]
        bent = any(abs(y - self._even(x)) > 1 for x, y in points)
        if bent:
            self.svg.node(plot, "path", d=path(points, close=True), class_="f0 area")
        self.svg.node(plot, "path", d=path(ends), class_="s1 l d1")
        self.svg.node(plot, "path", d=path(points), class_="s0 l")
        middle = view((0.42, 0.42))
        self.svg.text(overlay, middle[0] - 10, middle[1] - 12, _(_EVEN), "f1 b e")
        self.svg.text(overlay, view.width / 2, view.height + 36, self.plan.x_title, "mu m")
        if self.plan.mark is None or not bent:
            return
        x, y = view(self.plan.mark)
        self.svg.node(self.nodes["overlay"], "path", d=dot(x, y, 4), class_="f0")
        wide = text.width(self.plan.says, 12, bold=True)
        # Left of the point, between diagonal and curve, if there is room; else below the curve.
        if x - 12 - wide > 0 and y - _APART > self._even(x - 12 - wide):
            self.svg.text(overlay, x - 12, y - 8, self.plan.says, "f0 b e halo")
        else:
            self.svg.text(overlay, view.width - 8, view.height - 10, self.plan.says, "f0 b e halo")

    def _even(self, x: float) -> float:
        """Return the y of the diagonal in px from the top."""
        return float(self.view.height * (1 - x / self.view.width))


def draw_lorenz(
    chart: Chart,
    result: Data,
    shares: Sequence[float],
    *,
    mark: tuple[float, float] | None,
    label: str,
    finding: str,
    subtitle: str,
    rows: Sequence[Sequence[Any]],
) -> Drawing:
    """Draw a Lorenz curve.

    Args:
        chart: of the view.
        result: the result behind the picture.
        shares: cumulative shares from 0 to 1, those with the least first; empty: no data.
        mark: (share of people, share of the work) of a point to mark.
        label: of that point.
        finding: title of the picture.
        subtitle: of the picture.
        rows: (position, user, messages, cumulative share) of the table behind the picture.
    """
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=subtitle,
        empty=_("No messages in this range name a person"),
        height=500,
    )
    plan = CurvePlan(
        mark, text.clean(label), _("share of people, those with the fewest messages first")
    )
    return draw(
        Curve,
        page,
        plan,
        [("share", list(shares))] if shares else [],
        columns=("people", "user", "messages", "share"),
        rows=rows,
    )
