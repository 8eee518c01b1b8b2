"""Lanes: the state of each source over time.

Each state has its own shape, so that states do not differ by colour alone. One path per state, and
a key in the same shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pygal.graph.graph import Graph

from hubbub.charts.graphs.bars import box
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import Canvas
from hubbub.language import N_, _

__all__ = ["Lane", "LanePlan", "Lanes"]

_NAME = 210.0  # px of a lane's name at most
_LEAST = 2.0  # px; keeps a gap of a minute visible in a year
_KEY = 26  # px below the axis
#: State → role, top and bottom of its box (0…1 of the lane, from the top), label in the key.
_SHAPES = {
    "complete": ("f2", 0.18, 0.82, N_("complete")),
    "healed": ("f0", 0.18, 0.82, N_("covered by history")),
    "unproven": ("fo", 0.62, 0.82, N_("only heard")),
    "gap": ("f1", 0.0, 1.0, N_("gap")),
}


@dataclass(frozen=True, slots=True)
class Lane:
    """A source: its name, pieces (start, end, state) at 0…1 of the width, and a note at the end."""

    name: str
    pieces: tuple[tuple[float, float, str], ...]
    note: str


@dataclass(frozen=True, slots=True)
class LanePlan:
    """The lanes from top to bottom, and x labels at 0…1."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[str, float], ...]


class Lanes(Canvas, Graph):  # type: ignore[misc]
    """Draws lanes: "healed" has a notch, "unproven" is low, a gap is taller than the rest."""

    plan: LanePlan

    def _compute(self) -> None:
        self._y_labels = []

    def _room(self) -> tuple[float, float, float]:
        names = max((text.width(lane.name, 12) for lane in self.plan.lanes), default=0)
        notes = max((text.width(lane.note, 12) for lane in self.plan.lanes), default=0)
        return min(names, _NAME) + 10, notes + 8, 24 + _KEY

    def _plot(self) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["text_overlay"]
        pitch = self.view.height / len(self.plan.lanes)
        paths = dict.fromkeys(_SHAPES, "")
        notches = bases = ""
        for i, lane in enumerate(self.plan.lanes):
            top, high = (i + 0.12) * pitch, 0.76 * pitch
            bases += f"M0 {top + 0.82 * high:.2f}h{self.view.width:.2f}"
            for start, end, state in lane.pieces:
                x, wide = start * self.view.width, (end - start) * self.view.width
                if state == "gap" and wide < _LEAST:
                    x, wide = min(x, self.view.width - _LEAST), _LEAST
                paths[state] += _shape(state, x, wide, top, high)
                notches += _notch(x, wide, top, high) if state == "healed" else ""
            middle = top + 0.5 * high + 4.2
            self.svg.text(overlay, -8, middle, text.fit(lane.name, _NAME, 12), "t e")
            self.svg.text(overlay, self.view.width + 8, middle, lane.note, "mu")
        self.svg.node(plot, "path", d=bases, class_="ba")
        for state, shape in _SHAPES.items():
            if paths[state]:
                self.svg.node(plot, "path", d=paths[state], class_=shape[0])
        if notches:
            self.svg.node(plot, "path", d=notches, class_="on")
        self._key({state for state, d in paths.items() if d})

    def _key(self, states: set[str]) -> None:
        """Draw the shapes and labels of these states below the axis."""
        overlay, x, top, high = self.nodes["text_overlay"], 0.0, self.view.height + 31, 14.0
        for state, (role, *_edges, label) in _SHAPES.items():
            if state not in states:
                continue
            words = _(label)
            self.svg.node(overlay, "path", d=_shape(state, x, 14, top, high), class_=role)
            if state == "healed":
                self.svg.node(overlay, "path", d=_notch(x, 14, top, high), class_="on")
            self.svg.text(overlay, x + 20, top + 11, words, "mu")
            x += 20 + text.width(words, 12) + 22


def _shape(state: str, x: float, wide: float, top: float, high: float) -> str:
    upper, lower = _SHAPES[state][1:3]
    return box(x, top + upper * high, wide, (lower - upper) * high)


def _notch(x: float, wide: float, top: float, high: float) -> str:
    return box(x, top + 0.46 * high, wide, 0.1 * high)
