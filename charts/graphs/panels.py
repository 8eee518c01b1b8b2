"""Lines in two panels over one axis of time: what differs too much in size to share a scale.

Comes in: the series of each panel, None for what is not known. Goes out: a `Drawing`; each panel
has its own scale from zero, and its lines are labelled at their ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.common import time_axis
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["PanelPlan", "Panels", "panels"]

Series = tuple[str, Sequence[float | None]]
#: Bottom and top of the panels at 0…1 of the plot's height.
_FRAMES = ((0.45, 1.0), (0.0, 0.37))
_DENSE = 4  # ticks of the lower panel


@dataclass(frozen=True, slots=True)
class PanelPlan(LinePlan):
    """Lines at 0…1 of the height, and what the ticks there are called."""

    labels: tuple[tuple[str, float], ...] = ()


class Panels(Lines):
    """Lines whose values were scaled to their panels before."""

    plan: PanelPlan

    def _compute(self) -> None:
        super()._compute()
        self._box.ymin, self._box.ymax = 0, 1
        self._y_labels = list(self.plan.labels)


def panels(
    chart: Chart,
    data: Data,
    at: Sequence[Any],
    series: tuple[Sequence[Series], Sequence[Series]],
    *,
    title: str,
    subtitle: str,
) -> Drawing:
    """Whole numbers over times: the series of the upper panel, and those of the lower one."""
    times = [t for t in map(as_time, at) if t is not None]
    xs, ticks = time_axis(times)
    drawn: list[Series] = []
    labels: list[tuple[str, float]] = []
    for part, (bottom, top) in zip(series, _FRAMES, strict=True):
        most = max((v for _, values in part for v in values if v is not None), default=0)
        axis = scale.values(0, most, whole=True)
        unit = (top - bottom) / axis.high
        some = axis.ticks if bottom or len(axis.ticks) <= _DENSE else axis.ticks[::2]
        labels += [(text.tick(t, axis.step), bottom + t * unit) for t in some]
        for name, values in part:
            drawn.append((name, [None if v is None else bottom + v * unit for v in values]))
    page = chart.sheet(data, title=title, subtitle=subtitle)
    plan = PanelPlan(xs, ticks, labels=tuple(labels))
    every = [*series[0], *series[1]]
    table = list(zip(at, *(values for _, values in every), strict=True))
    columns = ("start", *(name for name, _ in every))
    return draw(Panels, page, plan, drawn, columns=columns, rows=table)
