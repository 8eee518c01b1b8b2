"""The radar: up to three users over the categories, clockwise from the top, square.

Comes in: shares 0…1 per axis. Goes out: a web with the scale on one spoke, an outline per user with
its own dash pattern, and a key that says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

from pygal.graph.radar import Radar

from hubbub.charts import scale, text
from hubbub.charts.canvas import EDGE, LINE, Canvas, dot
from hubbub.charts.svg import path

__all__ = ["Web", "WebPlan"]


@dataclass(frozen=True, slots=True)
class WebPlan:
    """The labels of the axes, clockwise; three or more."""

    axes: tuple[str, ...]


class Web(Canvas, Radar):  # type: ignore[misc]
    """Outlines over spokes."""

    plan: WebPlan

    def _compute(self) -> None:
        top = max((v for s in self.series for v in s.values), default=0)
        axis = scale.values(0, min(max(top, 1e-6), 1))
        self._rmax = axis.high
        self._y_labels = [(text.percent(t), t) for t in axis.ticks if t > 0]
        self._x_pos: list[float] = []

    def _room(self) -> tuple[float, float, float]:
        return 0, 0, 4

    def _set_view(self) -> None:
        super()._set_view()
        wide, high = self.view.width, self.view.height
        longest = max((text.width(a, 12) for a in self.plan.axes), default=0)
        self.radius = max(min(high / 2 - 24, wide / 2 - longest - 14), 60)
        self.middle = (wide / 2, high / 2)

    def at(self, index: int, share: float, beyond: float = 0) -> tuple[float, float]:
        """The point of a share on an axis: the first axis points up, the next is to its right."""
        angle = 2 * pi * index / len(self.plan.axes)
        radius = self.radius * share / self._rmax + beyond
        return self.middle[0] + radius * sin(angle), self.middle[1] - radius * cos(angle)

    def _y_axis(self, draw_axes: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        if not self._drawable():
            return
        n = range(len(self.plan.axes))
        web = "".join(path([self.at(i, t) for i in n], close=True) for _, t in self._y_labels)
        web += "".join(path([self.middle, self.at(i, self._rmax)]) for i in n)
        self.svg.node(self.nodes["plot"], "path", d=web, class_="ba hair")

    def _x_axis(self, draw_axes: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        for i, label in enumerate(self.plan.axes if self._drawable() else ()):
            x, y = self.at(i, self._rmax, beyond=9)
            across = sin(2 * pi * i / len(self.plan.axes))
            anchor = "m" if abs(across) < 0.1 else "" if across > 0 else "e"  # noqa: PLR2004
            lift = 4.2 - 4 * cos(2 * pi * i / len(self.plan.axes))
            roles = f"t {anchor}".strip()
            self.svg.text(self.nodes["text_overlay"], x, y + lift, label, roles)

    def _plot(self) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["overlay"]
        for serie in self.series:
            points = [self.at(i, v) for i, v in enumerate(serie.values)]
            i = serie.index
            dash = f" d{i}" if i else ""
            outline = path(points, close=True)
            self.svg.node(plot, "path", d=outline, class_=f"f{i} area")
            self.svg.node(plot, "path", d=outline, class_=f"s{i} l{dash}")
            self.svg.node(overlay, "path", d="".join(dot(x, y) for x, y in points), class_=f"f{i}")
        self._scale_labels()
        self._key()

    def _scale_labels(self) -> None:
        """Between the first two spokes, so that no outline's corner hides them."""
        half = cos(pi / len(self.plan.axes))
        angle = pi / len(self.plan.axes)
        for label, value in self._y_labels:
            radius = self.radius * value / self._rmax * half
            x, y = self.middle[0] + radius * sin(angle), self.middle[1] - radius * cos(angle)
            self.svg.text(self.nodes["text_overlay"], x, y + 4, label, "mu t3 m halo")

    def _key(self) -> None:
        left = EDGE - float(self.margin_box.left)
        for serie in self.series:
            i, y = serie.index, 8 + serie.index * (LINE + 4)
            dash = f" d{i}" if i else ""
            overlay = self.nodes["text_overlay"]
            self.svg.node(overlay, "path", d=f"M{left:.2f} {y}h28", class_=f"s{i} l{dash}")
            self.svg.text(overlay, left + 36, y + 4.2, str(serie.title), f"f{i} b")
