"""Lines over time with the periods in which an alert was raised.

Each alert is a shaded area behind the lines and a labelled bar in a lane below the plot; the bar of
an alert that is still open ends in an arrow.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.charts.graphs.bars import box
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import text
from hubbub.charts.picture.document import number

__all__ = ["Raised", "RaisedPlan", "Span"]

_LANE = 26  # px
_NAME = 150.0  # px of a lane's name at most
_GAP = 22  # px between the plot and the first lane
_BAR = 14  # px
_LEAST = 2.0  # px; keeps an alert of a minute visible in a month
_CLOSE = 10.0  # px between a label and the next bar


@dataclass(frozen=True, slots=True)
class Span:
    """An alert at 0…1 of the width, its label in variants from long to short, and if it is open."""

    start: float
    end: float
    says: tuple[str, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class RaisedPlan(LinePlan):
    """Lines, and below them lanes of (name, spans); the spans of one lane shade the plot."""

    lanes: tuple[tuple[str, tuple[Span, ...]], ...] = ()
    shaded: int | None = 0  # index of the lane; None: none


class Raised(Lines):
    """Lines over a common axis, with alerts."""

    plan: RaisedPlan

    def _room(self) -> tuple[float, float, float]:
        left, right, bottom = super()._room()
        names = max((text.width(name, 12) for name, _ in self.plan.lanes), default=0) + 10
        names = min(names, _NAME + 10)
        self.foot = float(_GAP + _LANE * len(self.plan.lanes)) if self.plan.lanes else 0.0
        return max(left, names), right, bottom + self.foot

    def _place(self, span: Span) -> tuple[float, float]:
        """Return the left edge and the width of a span in px."""
        wide = max((span.end - span.start) * self.view.width, _LEAST)
        return min(span.start * self.view.width, self.view.width - wide), wide

    def _plot(self) -> None:
        lanes, shaded = self.plan.lanes, self.plan.shaded
        explained = lanes[shaded][1] if lanes and shaded is not None else ()
        shades = "".join(
            box(x, 0, wide, self.view.height) for x, wide in map(self._place, explained)
        )
        if shades:
            self.svg.node(self.nodes["plot"], "path", d=shades, class_="dn area")
        super()._plot()
        for i, (name, spans) in enumerate(self.plan.lanes):
            self._lane(self.view.height + _GAP + (i + 0.5) * _LANE, name, spans)

    def _lane(self, y: float, name: str, spans: tuple[Span, ...]) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["text_overlay"]
        self.svg.node(plot, "path", d=f"M0 {number(y)}h{number(self.view.width)}", class_="g")
        self.svg.text(overlay, -8, y + 4.2, text.fit(name, _NAME, 12), "t e")
        places = [self._place(span) for span in spans]
        bars = ""
        free = 0.0  # right end of what was drawn so far
        for i, (span, (x, wide)) in enumerate(zip(spans, places, strict=True)):
            bars += _arrow(x, y, wide) if span.open else box(x, y - _BAR / 2, wide, _BAR)
            last = i + 1 == len(spans)
            room = self.view.width if last else places[i + 1][0] - _CLOSE
            for label in span.says:
                length = text.width(label, 12)
                if x + wide + 5 + length <= room:
                    self.svg.text(overlay, x + wide + 5, y + 4.2, label, "t halo")
                    free = x + wide + 5 + length + _CLOSE
                    break
                if last and x - 5 - length >= free:
                    self.svg.text(overlay, x - 5, y + 4.2, label, "t e halo")
                    break
            else:
                free = x + wide + _CLOSE
        if bars:
            self.svg.node(plot, "path", d=bars, class_="dn")


def _arrow(x: float, y: float, wide: float) -> str:
    """Return path data for a bar with a pointed right end."""
    tip = min(wide, 6)
    top = y - _BAR / 2
    body = f"M{number(x)} {number(top)}h{number(wide - tip)}l{number(tip)} {number(_BAR / 2)}"
    return f"{body}l{number(-tip)} {number(_BAR / 2)}h{number(tip - wide)}z"
