"""Averages over time with the stretches in which an alert was raised, and a lane that names them.

Comes in: lines, and spans at 0…1 of the width. Goes out: a shade behind each span, its bar in the
lane below the plot with how far it rose, an arrow where it is still open.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubbub.charts.graphs.bars import box
from hubbub.charts.graphs.line import LinePlan, Lines
from hubbub.charts.picture import text
from hubbub.charts.picture.document import number

__all__ = ["Raised", "RaisedPlan", "Span"]

_LANE = 26  # px
_GAP = 22  # px between the plot and the first lane
_BAR = 14
_LEAST = 2.0  # px; an alert of a minute in a month is seen
_CLOSE = 10.0  # px between a label and the next bar


@dataclass(frozen=True, slots=True)
class Span:
    """A raised stretch at 0…1 of the width; its label from long to short; still open?"""

    start: float
    end: float
    says: tuple[str, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class RaisedPlan(LinePlan):
    """Lines, and lanes below them: a name and its spans each; the first lane's shade the plot."""

    lanes: tuple[tuple[str, tuple[Span, ...]], ...] = ()


class Raised(Lines):
    """Lines over a common axis, and alerts."""

    plan: RaisedPlan

    def _room(self) -> tuple[float, float, float]:
        left, right, bottom = super()._room()
        names = max((text.width(name, 12) for name, _ in self.plan.lanes), default=0) + 10
        self.foot = float(_GAP + _LANE * len(self.plan.lanes)) if self.plan.lanes else 0.0
        return max(left, names), right, bottom + self.foot

    def _at(self, span: Span) -> tuple[float, float]:
        """Left edge and width in px."""
        wide = max((span.end - span.start) * self.view.width, _LEAST)
        return min(span.start * self.view.width, self.view.width - wide), wide

    def _plot(self) -> None:
        shades = "".join(
            box(x, 0, wide, self.view.height)
            for x, wide in map(self._at, self.plan.lanes[0][1] if self.plan.lanes else ())
        )
        if shades:
            self.svg.node(self.nodes["plot"], "path", d=shades, class_="dn area")
        super()._plot()
        for i, (name, spans) in enumerate(self.plan.lanes):
            self._lane(self.view.height + _GAP + (i + 0.5) * _LANE, name, spans)

    def _lane(self, y: float, name: str, spans: tuple[Span, ...]) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["text_overlay"]
        self.svg.node(plot, "path", d=f"M0 {number(y)}h{number(self.view.width)}", class_="g")
        self.svg.text(overlay, -8, y + 4.2, name, "t e")
        places = [self._at(span) for span in spans]
        bars = ""
        free = 0.0  # where the room left of a bar begins
        for i, (span, (x, wide)) in enumerate(zip(spans, places, strict=True)):
            bars += _arrow(x, y, wide) if span.open else box(x, y - _BAR / 2, wide, _BAR)
            last = i + 1 == len(spans)
            room = self.view.width if last else places[i + 1][0] - _CLOSE
            for says in span.says:
                long = text.width(says, 12)
                if x + wide + 5 + long <= room:
                    self.svg.text(overlay, x + wide + 5, y + 4.2, says, "t halo")
                    free = x + wide + 5 + long + _CLOSE
                    break
                if last and x - 5 - long >= free:
                    self.svg.text(overlay, x - 5, y + 4.2, says, "t e halo")
                    break
            else:
                free = x + wide + _CLOSE
        if bars:
            self.svg.node(plot, "path", d=bars, class_="dn")


def _arrow(x: float, y: float, wide: float) -> str:
    """A bar that goes on at its right end."""
    tip = min(wide, 6)
    top = y - _BAR / 2
    body = f"M{number(x)} {number(top)}h{number(wide - tip)}l{number(tip)} {number(_BAR / 2)}"
    return f"{body}l{number(-tip)} {number(_BAR / 2)}h{number(tip - wide)}z"
