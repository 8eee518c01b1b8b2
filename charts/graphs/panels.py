"""Lines in two panels over one time axis, for values of too different size for a common scale.

Each panel has its own scale from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.common import time_axis
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import scale
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data
from hubbub.language.numbers import tick

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["PanelPlan", "Panels", "draw_panels"]

Series = tuple[str, Sequence[float | None]]
#: (bottom, top) of the panels at 0…1 of the plot's height.
_FRAMES = ((0.45, 1.0), (0.0, 0.37))
_DENSE = 4  # ticks in the lower panel; of more, every other one is labelled


@dataclass(frozen=True, slots=True)
class PanelPlan(LinePlan):
    """Lines at 0…1 of the height, and labels of the y axis with their positions."""

    labels: tuple[tuple[str, float], ...] = ()


class Panels(Lines):
    """Lines whose values are already scaled to their panels."""

    plan: PanelPlan

    def _compute(self) -> None:
        super()._compute()
        self._box.ymin, self._box.ymax = 0, 1
        self._y_labels = list(self.plan.labels)


def draw_panels(
    chart: Chart,
    data: Data,
    times: Sequence[Any],
    upper: Sequence[Series],
    lower: Sequence[Series],
    *,
    columns: Sequence[str],
    title: str,
    subtitle: str,
) -> Drawing:
    """Draw series of whole numbers (None: missing) over ascending times in two panels.

    `columns` name the series in the table behind the picture.
    """
    xs, ticks = time_axis([t for t in map(as_time, times) if t is not None])
    scaled: list[Series] = []
    labels: list[tuple[str, float]] = []
    for panel, (bottom, top) in zip((upper, lower), _FRAMES, strict=True):
        most = max((v for _, values in panel for v in values if v is not None), default=0)
        axis = scale.values(0, most, whole=True)
        unit = (top - bottom) / axis.high
        labelled = axis.ticks if bottom or len(axis.ticks) <= _DENSE else axis.ticks[::2]
        labels += [(tick(t, axis.step), bottom + t * unit) for t in labelled]
        for name, values in panel:
            scaled.append((name, [None if v is None else bottom + v * unit for v in values]))
    series = [*upper, *lower]
    return draw(
        Panels,
        chart.sheet(data, title=title, subtitle=subtitle),
        PanelPlan(xs, ticks, labels=tuple(labels)),
        scaled,
        columns=("start", *columns),
        rows=list(zip(times, *(values for _, values in series), strict=True)),
    )
